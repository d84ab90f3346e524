"""RGPE as a search: expected improvement of the ranking-weighted ensemble of :mod:`warmnas.transfer.rgpe`.

As in the authors' code the incumbent is what the target's own model predicts best among the results. Without a result the
source models choose alone; without a source it is ``gp``, five random evaluations first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...bench import FloatArray, IntArray
from ...surrogates.acquisition import expected_improvement
from ..optimizer import CandidateOptimizer, optimizers
from ..problem import Problem

if TYPE_CHECKING:
    from ...transfer.rgpe import RGPE


@optimizers("rgpe")
class RGPESearch(CandidateOptimizer):
    """Ranking-weighted ensemble of GPs.

    Args:
        problem: what is searched.
        initial: random evaluations where there is no source.
        samples: bootstrap samples that weigh the models.
        dilution: ``probabilistic``, ``percentile`` or ``none``.
        rows: of a source that its GP is fitted to at most.
    """

    together = 16

    def __init__(
        self,
        problem: Problem,
        initial: int = 5,
        samples: int = 256,
        dilution: str = "probabilistic",
        rows: int = 1000,
    ) -> None:
        from ...transfer.rgpe import RGPE

        super().__init__(problem)
        if min(samples, rows) < 1:
            raise ValueError(f"samples {samples} and rows {rows} must be positive")
        candidates = problem.candidates
        self._model: RGPE = RGPE(
            candidates.space, candidates.genotypes, problem.runs, problem.budget, self.streams, samples, dilution, rows
        )
        self._first = self.first_random(max(initial, 1))
        self._fitted = False
        self._asked = 0

    @property
    def model(self) -> RGPE:
        """The ensemble, its sources fitted when they are first needed."""
        if not self._fitted:
            self._model.fit_sources([(s.genotypes, s.values) for s in self.problem.sources])
            self._fitted = True
        return self._model

    def propose(self) -> IntArray:
        """Largest expected improvement among what is free."""
        self._asked += 1
        if not self.model.means and self._asked <= self._first.shape[1]:
            return self._first[:, self._asked - 1]
        if not self.model.means and self.model.target is None:  # asked for more before the random part was told
            return self.draw(np.full(len(self.runs), -1))
        mean, deviation = self.model.predict()
        score = mean
        if self.model.target is not None:
            own, _ = self.model.target.predict()
            best = own[self.runs[:, None], self.rows].max(axis=1, keepdims=True)
            score = expected_improvement(mean, deviation, best)
        score[~self.free] = -np.inf
        return np.asarray(score.argmax(axis=1))

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """Refit the target's model and weigh all of them."""
        enough = 1 if self.model.means else self._first.shape[1]
        if enough <= self.evaluations < self.problem.budget:
            self.model.adapt(self.rows, self.values)
