"""Source ranking: candidates by their mean rank on the source tasks. No learning; every transfer must beat it.

See :mod:`warmnas.transfer.source_ranking` for the score. What no source has measured comes last, in random order.
"""

from __future__ import annotations

import numpy as np

from ...bench import IntArray
from ...transfer.source_ranking import mean_source_rank
from ..optimizer import OrderOptimizer, optimizers


@optimizers("source-ranking")
class SourceRanking(OrderOptimizer):
    """Best mean rank first; without sources it is random search."""

    def order(self) -> IntArray:
        """Candidates in the order of their score, shape (runs, budget)."""
        rows = [(self.problem.candidates.rows(s.genotypes), s.values) for s in self.problem.sources]
        score = mean_source_rank(rows, self.free.shape)
        unknown = np.isnan(score)
        score[unknown] = 1.0 + np.stack([g.random(unknown.shape[1]) for g in self.streams.generators])[unknown]
        return np.argsort(score, axis=1, kind="stable")[:, : self.problem.budget]
