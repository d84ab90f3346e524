"""Local search with restarts (White, Nolen & Savani, UAI 2021, arXiv 2005.02960; first improvement as in naszilla).

From a random start evaluate neighbours (one gene changed) in random order and move to the first that is better; where
none is, start anew.
"""

from __future__ import annotations

import numpy as np

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
        self._restarted = np.ones(problem.runs, dtype=bool)

    def propose(self) -> IntArray:
        """An free neighbour of where the run stands, or a new start where there is none."""
        if not self.evaluations:
            return self.first_random(1)[:, 0]
        start = (self.streams.random((len(self.runs), 1))[:, 0] * len(self.problem.candidates)).astype(np.int64)
        near = self.neighbour(self._here)
        self._restarted = near < 0
        start[~self.free[self.runs, start]] = -1
        return self.draw(np.where(self._restarted, start, near))

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """Move where it is better, or where the run has just started anew."""
        move = self._restarted | (values > self._height)
        self._here = np.where(move, rows, self._here)
        self._height = np.where(move, values, self._height)
