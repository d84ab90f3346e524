"""BRP-NAS' predictor: a graph convolution network that learns which of two architectures is better.

Dudziak, Chau, Abdelfattah, Lee, Kim & Lane, NeurIPS 2020.

Four graph convolutions, relu(A H W) with A the adjacency of the labelled graph, both ways and with self loops, each row
divided by its sum; all nodes' mean is the architecture's embedding (the authors read a global node that every node leads
to). Training is on all ordered pairs of a batch, with the logistic loss of which is better. The authors' head is linear on
the two embeddings side by side with a softmax of two; here its two halves are each other's negative, so that "a beats b"
and "b beats a" always add up to one, and a single score orders all architectures.

Cells have ten nodes or so: a dense product of (batch, nodes, nodes) is one call for all members and architectures, where
sparse message passing (torch-geometric) would spend its time on indices, and would be one more compiled dependency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...bench import FloatArray, Genotypes, SearchSpace
from .ensemble import EnsemblePredictor, batches
from .operation_graphs import STRUCTURE, operation_graphs, operations_of
from .predictor import Arrays, predictors

if TYPE_CHECKING:
    from torch import Tensor, nn


@predictors("brp")
class BRP(EnsemblePredictor):
    """Graph convolutions with pairwise ranking. The authors' sizes are 600 units, 250 epochs and a rate of 3.5e-4.

    Args:
        space: of the genotypes.
        seed: of weights and batches.
        members: networks.
        width: units of each of the ``layers`` convolutions.
        epochs: of training; ``rate`` is AdamW's step size at the start (a cosine leads to 0), ``batch`` the rows of a step.
        decay: weight decay.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int = 0,
        members: int = 3,
        layers: int = 4,
        width: int = 64,
        epochs: int = 100,
        rate: float = 3e-3,
        batch: int = 32,
        decay: float = 5e-4,
    ) -> None:
        self.space = space
        self.seed = seed
        self.members = members
        self.layers = layers
        self.width = width
        self.epochs = epochs
        self.rate = rate
        self.batch = batch
        self.decay = decay

    def _fit(self, genotypes: Genotypes, values: FloatArray) -> None:
        self._operations = operations_of(self.space, genotypes)
        super()._fit(genotypes, values)

    def _build(self, rng: np.random.Generator) -> nn.Module:
        from .brp_network import BRPNetwork

        kinds = len(STRUCTURE) + len(self._operations) + 1  # the last for operations never seen
        return BRPNetwork(rng, self.members, kinds, self.width, self.layers)

    def _train(self, network: nn.Module, genotypes: Genotypes, values: FloatArray, rng: np.random.Generator) -> None:
        import torch
        from torch.nn.functional import softplus

        labels, edges = self._graphs(genotypes)
        y = torch.from_numpy(values.astype(np.float32))
        adam = torch.optim.AdamW(network.parameters(), lr=self.rate, weight_decay=self.decay, foreach=True)
        steps = self.epochs * -(-len(y) // self.batch)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
        for _ in range(self.epochs):
            for rows in batches(rng, self.members, len(y), self.batch):
                adam.zero_grad(set_to_none=True)
                scores, truth = network(labels[rows], edges[rows]), y[rows]
                better = (truth[:, :, None] > truth[:, None, :]).float()
                losses = softplus(scores[:, None, :] - scores[:, :, None]) * better
                loss = (losses.sum(dim=(1, 2)) / better.sum(dim=(1, 2)).clamp(min=1)).sum()
                loss.backward()  # type: ignore[no-untyped-call]
                adam.step()
                cosine.step()

    def _scores(self, network: nn.Module, genotypes: Genotypes) -> FloatArray:
        import torch

        labels, edges = self._graphs(genotypes)
        with torch.no_grad():
            many = (self.members, *[-1] * labels.dim())
            scores: FloatArray = network(labels.expand(many), edges.expand(*many, -1)).numpy().astype(np.float64)
        return scores

    def _graphs(self, genotypes: Genotypes) -> tuple[Tensor, Tensor]:
        """Labels (n, nodes), -1 where there is no node, and edges (n, nodes, nodes) of all genotypes."""
        import torch

        parts = list(operation_graphs(self.space, genotypes, self._operations))
        most = max(part.labels.shape[1] for part in parts)
        gaps = [(0, most - part.labels.shape[1]) for part in parts]
        labels = [np.pad(part.labels, ((0, 0), gap), constant_values=-1) for part, gap in zip(parts, gaps, strict=True)]
        edges = [np.pad(part.edges, ((0, 0), gap, gap)) for part, gap in zip(parts, gaps, strict=True)]
        return torch.from_numpy(np.concatenate(labels)), torch.from_numpy(np.concatenate(edges))

    def _more(self) -> Arrays:
        return {"operations": np.array(self._operations, dtype=np.str_)}

    def _restore_more(self, arrays: Arrays) -> None:
        self._operations = [str(name) for name in arrays["operations"]]
