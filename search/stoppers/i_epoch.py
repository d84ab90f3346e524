"""i-Epoch: every candidate gets i epochs, and the best few of all are trained to the end.

Egele, Mohr, Viering & Balaprakash, "The unreasonable effectiveness of early discarding after one epoch in neural network
hyperparameter optimization", Neurocomputing 2024 (arXiv 2404.04111). Every early-termination method is to be held against
its front over i.
"""

from __future__ import annotations

import numpy as np

from ...bench import IntArray
from .history import History
from .rungs import ranked
from .stopper import Stopper, require, stoppers


@stoppers("i-epoch")
class IEpoch(Stopper):
    """A constant number of epochs.

    Args:
        epochs: i; of a table of schedules, how many of them.
        finish: how many are trained to the end.
    """

    prefix = False
    knob, front = "epochs", (1, 2, 4, 8, 16, 32, 64)

    def __init__(self, epochs: int = 1, finish: int = 3) -> None:
        require("i-epoch: epochs", epochs, 1)
        require("i-epoch: finish", finish, 1)
        self.epochs, self.finish = epochs, finish

    def check_epochs(self, total: int) -> list[int]:
        """i, at most one epoch less than all."""
        return [min(self.epochs, total - 1)] if total > 1 else []

    def goes_on(self, history: History, trial: int) -> bool:
        """See :class:`Stopper`."""
        return False

    def promote(self, history: History) -> list[int]:
        """The best few, once every candidate had its epochs."""
        i = max(self.checks, default=0)
        short = history.running & (history.seen < i)
        if history.left != 0 or short.any() or not i:
            return []
        chosen = ranked(history, np.flatnonzero((history.seen >= i) & ~history.failed), i)[: self.finish]
        return [t for t in chosen if history.seen[t] == i and not history.running[t]]

    def owed(self, history: History) -> tuple[IntArray, int] | None:
        """The rest of the best few so far, and the first epochs of one more."""
        i = max(self.checks, default=0)
        if not i:
            return None
        came = ranked(history, np.flatnonzero((history.seen >= i) & ~history.failed), i)[: self.finish]
        owed = np.where(history.running, np.maximum(i - history.seen, 0), 0)
        owed[came] = history.total - history.seen[came]
        return owed, i
