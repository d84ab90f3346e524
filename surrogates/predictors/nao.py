"""NAO's encoder, predictor and decoder (Luo et al., NeurIPS 2018) as a predictor of values; see ``surrogates/nao``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...bench import FloatArray, Genotypes, SearchSpace
from .ensemble import EnsemblePredictor
from .predictor import predictors

if TYPE_CHECKING:
    from torch import nn

    from ..nao import NAO


@predictors("nao")
class NAOPredictor(EnsemblePredictor):
    """NAO's networks; the decoder takes part in training and is kept.

    Args:
        space: of the genotypes.
        seed: of weights and batches.
        members: networks.
        steps: of training.
        size: ``small`` or ``paper``.
    """

    needs = ("tokens",)

    def __init__(self, space: SearchSpace, seed: int = 0, members: int = 3, steps: int = 300, size: str = "small") -> None:
        self.space = space
        self.seed = seed
        self.members = members
        self.steps = steps
        self.size = size

    def _build(self, rng: np.random.Generator) -> nn.Module:
        return self._around(rng).network

    def _around(self, rng: np.random.Generator) -> NAO:
        from ..nao import NAO, SIZES

        if self.size not in SIZES:
            raise ValueError(f"size '{self.size}' is not one of {', '.join(SIZES)}")
        self._nao = NAO(self.space, self.members, rng, size=self.size)
        self._nao.start()
        return self._nao

    def _train(self, network: nn.Module, genotypes: Genotypes, values: FloatArray, rng: np.random.Generator) -> None:
        n = len(values)
        self._nao.fit(
            np.broadcast_to(genotypes, (self.members, n, genotypes.shape[1])),
            np.broadcast_to(values, (self.members, n)),
            steps=self.steps,
        )

    def _scores(self, network: nn.Module, genotypes: Genotypes) -> FloatArray:
        return self._nao.predict(np.broadcast_to(genotypes, (self.members, *genotypes.shape)))
