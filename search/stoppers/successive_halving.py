"""Successive halving: all candidates for a few epochs, the best third of them for three times as many, and so on.

Jamieson & Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016. Synchronous: a
rung is decided when all have come to it.
"""

from __future__ import annotations

import numpy as np

from .history import History
from .rungs import check_options, halved, rungs
from .stopper import Stopper, stoppers


@stoppers("successive-halving")
class SuccessiveHalving(Stopper):
    """All candidates of the search are one bracket.

    Args:
        epochs: of the first rung; each further one has ``eta`` times as many.
        eta: one in so many goes on.
    """

    prefix = False
    knob, front = "epochs", (1, 2, 4, 8)

    def __init__(self, epochs: int = 1, eta: int = 3) -> None:
        check_options("successive-halving", epochs, eta)
        self.epochs, self.eta = epochs, eta

    def check_epochs(self, total: int) -> list[int]:
        """The rungs."""
        return rungs(total, self.epochs, self.eta, self.setting.levels)

    def goes_on(self, history: History, trial: int) -> bool:
        """Waits at every rung."""
        return False

    def promote(self, history: History) -> list[int]:
        """See :func:`halved`; nothing before the last candidate has come."""
        return [] if history.left != 0 else halved(history, np.arange(len(history)), sorted(self.checks), self.eta)
