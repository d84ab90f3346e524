"""Bayesian optimisation: a GP on the genotypes and expected improvement over all candidates, batched over runs.

The first five evaluations are random. Values enter as normal scores of their ranks, since a few networks at chance level
would otherwise decide the scale. Expected improvement: Jones, Schonlau & Welch 1998; the surrogate:
:mod:`warmnas.surrogates.gp`.
"""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray, IntArray
from ...surrogates.acquisition import expected_improvement, normal_scores
from ...surrogates.gp import HammingGP
from ..optimizer import CandidateOptimizer, optimizers
from ..problem import Problem


@optimizers("gp")
class GaussianProcess(CandidateOptimizer):
    """GP with expected improvement after ``initial`` random evaluations."""

    def __init__(self, problem: Problem, initial: int = 5) -> None:
        super().__init__(problem)
        first = min(max(initial, 1), problem.budget)
        total = len(problem.candidates)
        self._first = np.stack([rng.choice(total, first, replace=False) for rng in self.streams.generators])
        self._asked = 0
        self._gp = HammingGP()
        self._fitted = 0

    def propose(self) -> IntArray:
        """Largest expected improvement among what is free."""
        self._asked += 1
        if self._asked <= self._first.shape[1]:
            return self.draw(self._first[:, self._asked - 1].copy())
        gain = self._expected_improvement()
        gain[~self.free] = -np.inf
        return np.asarray(gain.argmax(axis=1))

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """Fit once the random part is over."""
        if self.evaluations >= self._first.shape[1] and self.evaluations < self.problem.budget:
            self._gp.fit(self.problem.candidates.genotypes[self.rows], normal_scores(self.values))

    def _expected_improvement(self) -> FloatArray:
        mean, std = self._gp.predict(self.problem.candidates.genotypes, return_std=True)
        return expected_improvement(mean, std, normal_scores(self.values).max(axis=1, keepdims=True))
