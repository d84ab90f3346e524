"""Local search with restarts (White, Nolen & Savani, UAI 2021, arXiv 2005.02960; first improvement as in naszilla).

From a random start evaluate neighbours (one gene changed) in random order and move to the first that is better; where
none is, start anew.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, IntArray
from ..optimizer import CandidateOptimizer, optimizers
from ..problem import Problem


@optimizers("local")
class LocalSearch(CandidateOptimizer):
    """First-improvement hill climbing with random restarts."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._here = np.zeros(problem.runs, dtype=np.int64)
        self._height = np.full(problem.runs, -np.inf)
        self._starts: deque[npt.NDArray[np.bool_]] = deque()  # per proposal not yet told: which runs started anew

    def propose(self) -> IntArray:
        """A free neighbour of where the run stands, or a new start where there is none."""
        if not self.evaluations:
            self._starts.append(np.zeros(len(self.runs), dtype=bool))  # of several starts the best one is kept
            return self.first_random(len(self._starts))[:, -1]
        start = (self.streams.random((len(self.runs), 1))[:, 0] * len(self.problem.candidates)).astype(np.int64)
        near = self.neighbour(self._here)
        self._starts.append(near < 0)
        start[~self.free[self.runs, start]] = -1
        return self.draw(np.where(near < 0, start, near))

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """Move where it is better, or where the run has just started anew."""
        move = values > self._height
        if self._starts:
            move |= self._starts.popleft()
        self._here = np.where(move, rows, self._here)
        self._height = np.where(move, values, self._height)
