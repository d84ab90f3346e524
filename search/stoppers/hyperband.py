"""Hyperband: brackets of successive halving that start with more and more epochs, one after the other.

Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar, "Hyperband: a novel bandit-based approach to hyperparameter optimization",
JMLR 2018, algorithm 1: with R epochs and s_max = floor(log_eta R), bracket s = s_max, ..., 0 begins with
n = ceil((s_max + 1) / (s + 1) eta^s) candidates of R eta^-s epochs each. After the last bracket it begins anew, until the
candidates are used up; the last bracket may have fewer.
"""

from __future__ import annotations

import math

import numpy as np

from ...bench import IntArray
from .history import History
from .rungs import check_options, halved, owed_to
from .stopper import Stopper, stoppers


@stoppers("hyperband")
class Hyperband(Stopper):
    """Brackets by the order in which candidates come.

    Args:
        epochs: the fewest that a candidate gets.
        eta: one in so many goes on.
    """

    prefix = False
    knob, front = "eta", (3, 2, 4)

    def __init__(self, epochs: int = 1, eta: int = 3) -> None:
        check_options("hyperband", epochs, eta)
        self.epochs, self.eta = epochs, eta

    def check_epochs(self, total: int) -> list[int]:
        """The rungs of the longest bracket; the others have a part of them."""
        if self.setting.levels is not None:
            self._steps = list(range(1, total + 1))
        else:
            depth = int(math.log(total / self.epochs, self.eta) + 1e-9) if total > self.epochs else 0
            self._steps = sorted({max(round(total / self.eta**s), 1) for s in range(depth + 1)})
        deepest = len(self._steps) - 1
        self._sizes = [math.ceil((deepest + 1) / (s + 1) * self.eta**s) for s in range(deepest, -1, -1)]
        return self._steps[:-1]

    def _bracket(self, trial: int) -> tuple[int, int, int]:
        """First member, end and starting rung of the bracket that a training belongs to."""
        loops, place = divmod(trial, sum(self._sizes))
        first = loops * sum(self._sizes)
        for start, size in enumerate(self._sizes):
            if place < size:
                return first, first + size, start
            first, place = first + size, place - size
        raise AssertionError("a place within the sum of the sizes is in one of them")

    def goes_on(self, history: History, trial: int) -> bool:
        """Waits at the rungs of its bracket."""
        return int(history.seen[trial]) not in self._steps[self._bracket(trial)[2] : -1]

    def promote(self, history: History) -> list[int]:
        """Of the first bracket that is decided; one that is not full yet waits for its candidates."""
        first = 0
        while first < len(history):
            first, end, start = self._bracket(first)
            if end > len(history) and history.left != 0:
                return []
            members = np.arange(first, min(end, len(history)))
            if again := halved(history, members, self._steps[start:-1], self.eta):
                return again
            first = end
        return []

    def owed(self, history: History) -> tuple[IntArray, int] | None:
        """The promotions of the bracket that one more candidate would belong to, and what is left of those before it."""
        if not self.checks:
            return None
        owed, fresh, first = np.zeros(len(history), dtype=np.int64), 0, 0
        while first <= len(history):
            first, end, start = self._bracket(first)
            members = np.arange(first, min(end, len(history)))
            steps, more = self._steps[start:-1], int(end > len(history))
            if steps:
                part, later = owed_to(history, members, more, steps, self.eta)
                owed, fresh = owed + part, fresh + later
            elif more:
                fresh += history.total
            first = end
        return owed, fresh
