"""ASHA: successive halving without waiting.

Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020, algorithm 2: a free worker takes up a
training that is among the best 1/eta of those that came to its rung, from the highest rung down; if there is none it begins
a new candidate.
"""

from __future__ import annotations

import numpy as np

from ...bench import IntArray
from .history import History
from .rungs import OneBracket, ranked
from .stopper import stoppers


@stoppers("asha")
class ASHA(OneBracket):
    """Asynchronous promotion."""

    def promote(self, history: History) -> list[int]:
        """The first that may be promoted, from the highest rung down."""
        for step in sorted(self.checks, reverse=True):
            came = np.flatnonzero((history.seen >= step) & ~history.failed)
            for trial in ranked(history, came, step)[: len(came) // self.eta]:
                if history.seen[trial] == step and not history.running[trial]:
                    return [trial]
        return []

    def owed(self, history: History) -> tuple[IntArray, int] | None:
        """Before there is a whole training, the rest of the leader's; promotions go on all the time."""
        leader, first = history.leader(), min(self.checks, default=0)
        if history.incumbent >= 0 or leader < 0:
            return None
        owed = np.zeros(len(history), dtype=np.int64)
        owed[leader] = history.total - history.seen[leader]
        return owed, first
