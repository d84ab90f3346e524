"""A Gaussian process on normal scores with the kernel theta^Hamming on genes; see ``surrogates/gp``.

theta and the noise are chosen by marginal likelihood.
"""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray, Genotypes, SearchSpace
from ..gp import HammingGP
from .normal_scores import NormalScores
from .predictor import Arrays, Predictor, predictors


@predictors("gp")
class GP(Predictor):
    """Gaussian process on genes; the deviation is that of the function. ``seed`` has no part in it."""

    def __init__(self, space: SearchSpace, seed: int = 0) -> None:
        self.space = space
        self.seed = seed

    def _fit(self, genotypes: Genotypes, values: FloatArray) -> None:
        self._seen, self._values = genotypes, values
        self._warp = NormalScores(values)
        self._gp = HammingGP().fit(genotypes, self._warp.scores)

    def _predict(self, genotypes: Genotypes) -> tuple[FloatArray, FloatArray]:
        mean, std = self._gp.predict(genotypes, return_std=True)
        return self._warp.values(mean.astype(np.float64), std.astype(np.float64))

    def _learned(self) -> Arrays:
        return {"genotypes": self._seen, "values": self._values}

    def _restore(self, arrays: Arrays) -> None:
        """Fitting is closed-form, so it is done again."""
        self._fit(self.space.check(arrays["genotypes"]), arrays["values"].astype(np.float64))
