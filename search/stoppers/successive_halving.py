"""Successive halving: all candidates for a few epochs, the best third of them for three times as many, and so on.

Jamieson & Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016. Synchronous: a
rung is decided when all have come to it.
"""

from __future__ import annotations

import numpy as np

from ...bench import IntArray
from .history import History
from .rungs import OneBracket, halved, owed_to
from .stopper import stoppers


@stoppers("successive-halving")
class SuccessiveHalving(OneBracket):
    """All candidates of the search are one bracket."""

    def promote(self, history: History) -> list[int]:
        """See :func:`halved`; nothing before the last candidate has come."""
        return [] if history.left != 0 else halved(history, np.arange(len(history)), sorted(self.checks), self.eta)

    def owed(self, history: History) -> tuple[IntArray, int] | None:
        """All of the bracket's promotions."""
        return owed_to(history, np.arange(len(history)), 1, sorted(self.checks), self.eta) if self.checks else None
