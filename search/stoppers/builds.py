"""What Baker's and Chandrashekaran's methods share: they learn from whole trainings of the target, and pay for them.

The first ``builds`` candidates are trained to the end; after every EVERY candidates what was trained to the end by then is
learned from anew.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Generic, TypeVar

import numpy as np

from ...bench import IntArray
from .extrapolating import Extrapolating
from .history import History
from .stopper import require

EVERY = 20
Learned = TypeVar("Learned")


class FromBuilds(Extrapolating, Generic[Learned]):
    """A method fills in :meth:`learn_at` and :meth:`p_of`.

    Args:
        delta: probability of beating the incumbent at which a training is given up.
        builds: candidates that are trained to the end first.
    """

    fewest: int = 3

    def __init__(self, delta: float, builds: int) -> None:
        require("delta", delta, 0, 1)
        require("builds", builds, self.fewest)
        self.delta, self.builds = delta, builds

    def learn(self) -> None:
        """Nothing is learned yet."""
        self._learned: dict[tuple[bytes, int], Learned] = {}

    def goes_on(self, history: History, trial: int) -> bool:
        """See :class:`Stopper`; the first builds go on, and all do while too few of them came to their end."""
        if trial < self.builds or len(self._library(history, trial)) < self.fewest:
            return True
        return super().goes_on(history, trial)

    def _library(self, history: History, trial: int) -> IntArray:
        """Whole trainings from before the current block, so that what is learned depends on no worker's speed in it."""
        before = self.builds + max(trial - self.builds, 0) // EVERY * EVERY
        return np.flatnonzero(history.complete[:before])

    def p_better(self, history: History, trial: int, best: float) -> float:
        """See :class:`Extrapolating`."""
        library = self._library(history, trial)
        seen = int(history.seen[trial])
        key = history.values[library].tobytes(), seen
        if key not in self._learned:
            if len(self._learned) > 4 * EVERY:
                self._learned.clear()  # of an earlier block or search
            self._learned[key] = self.learn_at(history, library, seen)
        return self.p_of(self._learned[key], history, trial, best)

    @abstractmethod
    def learn_at(self, history: History, library: IntArray, seen: int) -> Learned:
        """Learn from whole trainings to predict curves seen for so many epochs."""

    @abstractmethod
    def p_of(self, learned: Learned, history: History, trial: int, best: float) -> float:
        """Probability that a training ends better than ``best``."""
