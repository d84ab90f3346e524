"""What searches by a trained predictor share: evaluate a batch, train on all results, choose the next batch.

The networks of all runs are trained side by side, one stack for all (``surrogates/batched``); what a run draws for its own
networks comes from its own stream.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from ...bench import FloatArray, IntArray
from ..optimizer import CandidateOptimizer
from ..problem import Problem
from ..streams import Streams


class BatchSearch(CandidateOptimizer):
    """Random evaluations first, then batches of the predictor's choice.

    Args:
        problem: what is searched.
        initial: random evaluations.
        batch: evaluations between two trainings.
    """

    together = 8

    def __init__(self, problem: Problem, initial: int, batch: int) -> None:
        super().__init__(problem)
        if batch < 1:
            raise ValueError(f"a batch of {batch}; at least one is needed")
        self._queue = self.first_random(max(initial, 2))
        self._next = 0
        self._batch = batch

    def propose(self) -> IntArray:
        """The next of the queue; a random candidate where it is empty, since more was asked for than was told."""
        if self._next == self._queue.shape[1]:
            return self.draw(np.full(len(self.runs), -1))
        rows = self._queue[:, self._next]
        self._next += 1
        return self.draw(np.where((rows >= 0) & self.free[self.runs, rows], rows, -1))

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """A new queue when the last one has been evaluated."""
        waiting = int((~self.free[0]).sum()) > self.evaluations  # something was asked for that is not told yet
        if self._next == self._queue.shape[1] and not waiting and 2 <= self.evaluations < self.problem.budget:
            self._queue, self._next = self.following()[:, : self.problem.budget - self.evaluations], 0

    @abstractmethod
    def following(self) -> IntArray:
        """Train, and choose the next batch: (runs, batch), -1 for a random candidate."""

    def standardised(self) -> FloatArray:
        """Observed values with mean 0 and deviation 1 in each run, (runs, evaluations)."""
        values = self.values
        deviation = values.std(axis=1, keepdims=True)
        centred = values - values.mean(axis=1, keepdims=True)
        spread = deviation > 1e-12 * (1 + np.abs(values).max())
        scaled: FloatArray = np.divide(centred, deviation, out=np.zeros_like(centred), where=spread)
        return scaled


class Grouped:
    """Uniform numbers for ``members`` networks of each run, a row per network: (runs * members, ...)."""

    def __init__(self, streams: Streams, runs: int, members: int) -> None:
        self._streams, self._runs, self._members = streams, runs, members

    def random(self, size: tuple[int, ...]) -> FloatArray:
        """As ``Streams.random``, where ``size[0]`` is runs * members."""
        return self._streams.random((self._runs, self._members, *size[1:])).reshape(size)
