"""BANANAS' predictor: an ensemble of feed-forward networks on the path encoding (White, Neiswanger & Savani, AAAI 2021).

Five networks of 10 layers of 20 units, Adam at .01, batches of 32, 150 epochs and the mean absolute error, as in the
authors' code (naszilla); Glorot's initial weights, Keras' default there. Of its two losses the paper prefers a percentage
error relative to a lower bound of the values, which a predictor without knowledge of the unit does not have.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ...bench import FloatArray, Genotypes, SearchSpace
from .ensemble import EnsemblePredictor, batches
from .predictor import predictors

if TYPE_CHECKING:
    from torch import nn


@predictors("bananas")
class BANANAS(EnsemblePredictor):
    """Ensemble of MLPs on path encodings.

    Args:
        space: of the genotypes.
        seed: of weights and batches.
        members: networks.
        layers: hidden ones, of ``width`` units.
        epochs: of training; ``rate`` is Adam's step size, ``batch`` the rows of a step.
    """

    needs = ("path",)

    def __init__(
        self,
        space: SearchSpace,
        seed: int = 0,
        members: int = 5,
        layers: int = 10,
        width: int = 20,
        epochs: int = 150,
        rate: float = 0.01,
        batch: int = 32,
    ) -> None:
        self.space = space
        self.seed = seed
        self.members = members
        self.layers = layers
        self.width = width
        self.epochs = epochs
        self.rate = rate
        self.batch = batch

    def _build(self, rng: np.random.Generator) -> nn.Module:
        import torch

        from ..batched import MLP, Linear

        inputs = self.space.paths(self.space.sample(1, np.random.default_rng(0))).shape[-1]
        network = MLP(rng, self.members, inputs, self.width, self.layers)
        for layer in network.modules():
            if isinstance(layer, Linear):
                fan_in, fan_out = layer.weight.shape[1:]
                with torch.no_grad():
                    layer.weight.mul_(math.sqrt(6 / (fan_in + fan_out)) * math.sqrt(fan_in))
                    layer.bias.zero_()
        return network

    def _train(self, network: nn.Module, genotypes: Genotypes, values: FloatArray, rng: np.random.Generator) -> None:
        import torch

        x = torch.from_numpy(self.space.paths(genotypes).astype(np.float32))
        y = torch.from_numpy(values.astype(np.float32))
        adam = torch.optim.Adam(network.parameters(), lr=self.rate, foreach=True)
        for _ in range(self.epochs):
            for rows in batches(rng, self.members, len(y), self.batch):
                adam.zero_grad(set_to_none=True)
                # The sum over members: each has the gradient of its own error.
                (network(x[rows]) - y[rows]).abs().mean(dim=1).sum().backward()
                adam.step()

    def _scores(self, network: nn.Module, genotypes: Genotypes) -> FloatArray:
        import torch

        x = torch.from_numpy(self.space.paths(genotypes).astype(np.float32))
        with torch.no_grad():
            scores: FloatArray = network(x.expand(self.members, *x.shape)).numpy().astype(np.float64)
        return scores
