"""ASHA: successive halving without waiting.

Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020, algorithm 2: a free worker takes up a
training that is among the best 1/eta of those that came to its rung, from the highest rung down; if there is none it begins
a new candidate.
"""

from __future__ import annotations

import numpy as np

from .history import History
from .rungs import check_options, ranked, rungs
from .stopper import Stopper, stoppers


@stoppers("asha")
class ASHA(Stopper):
    """Asynchronous promotion.

    Args:
        epochs: of the first rung; each further one has ``eta`` times as many.
        eta: one in so many goes on.
    """

    prefix = False
    knob, front = "epochs", (1, 2, 4, 8)

    def __init__(self, epochs: int = 1, eta: int = 3) -> None:
        check_options("asha", epochs, eta)
        self.epochs, self.eta = epochs, eta

    def check_epochs(self, total: int) -> list[int]:
        """The rungs."""
        return rungs(total, self.epochs, self.eta, self.setting.levels)

    def goes_on(self, history: History, trial: int) -> bool:
        """Waits at every rung."""
        return False

    def promote(self, history: History) -> list[int]:
        """The first that may be promoted, from the highest rung down."""
        for step in sorted(self.checks, reverse=True):
            came = np.flatnonzero((history.seen >= step) & ~history.failed)
            for trial in ranked(history, came, step)[: len(came) // self.eta]:
                if history.seen[trial] == step and not history.running[trial]:
                    return [trial]
        return []
