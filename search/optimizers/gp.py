"""Bayesian optimisation: a GP on the genotypes and expected improvement over all candidates, batched over runs.

The first five evaluations are random. Values enter as normal scores of their ranks, since a few networks at chance level
would otherwise decide the scale. Expected improvement: Jones, Schonlau & Welch 1998; the surrogate:
:mod:`warmnas.surrogates.gp`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, IntArray
from ...surrogates.acquisition import expected_improvement, normal_scores
from ..optimizer import CandidateOptimizer, optimizers
from ..problem import Problem

Float32Array = npt.NDArray[np.float32]

if TYPE_CHECKING:
    from ...surrogates.gp import PoolGP


@optimizers("gp")
class GaussianProcess(CandidateOptimizer):
    """GP with expected improvement after ``initial`` random evaluations."""

    together = 16

    def __init__(self, problem: Problem, initial: int = 5) -> None:
        super().__init__(problem)
        self._first = self.first_random(max(initial, 1))
        self._gp: PoolGP | None = None  # made when it is first fitted
        self._asked = 0

    def propose(self) -> IntArray:
        """Largest expected improvement among what is free."""
        self._asked += 1
        if self._asked <= self._first.shape[1]:
            return self._first[:, self._asked - 1]
        if self._gp is None:  # asked for more before the random part was told
            return self.draw(np.full(len(self.runs), -1))
        mean, std = self._gp.predict()
        gain = self.gain(mean, std)
        gain[~self.free] = -np.inf
        return np.asarray(gain.argmax(axis=1))

    def gain(self, mean: Float32Array, std: Float32Array) -> Float32Array:
        """Expected improvement of every candidate from predictions of its normal score: (runs, candidates)."""
        best = normal_scores(self.values).max(axis=1, keepdims=True).astype(mean.dtype)
        return expected_improvement(mean, std, best)

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """Fit once the random part is over."""
        if self._first.shape[1] <= self.evaluations < self.problem.budget:
            from ...surrogates.gp import PoolGP

            self._gp = self._gp or PoolGP(self.problem.candidates.genotypes, self.problem.runs, self.problem.budget)
            self._gp.fit(self.rows, self.targets())

    def targets(self) -> FloatArray:
        """What the GP is fitted to, (runs, evaluations)."""
        return normal_scores(self.values)
