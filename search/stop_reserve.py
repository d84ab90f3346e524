"""What is kept of a limited time for the promotions to come, so that a search does not end before them.

Successive halving, Hyperband, ASHA and i-Epoch compare short trainings and finish a few. With so many candidates to come
they know when the last one is there; with a limit of time alone there is no last one. So before a candidate is begun it is
asked what would still be owed to those that are there, if it were the last: at what each of them has cost per epoch so far.
Where the time left does not pay for that, no more candidates come, and the promotions begin. Nothing is known of a
training but what it has cost until now, and of the new candidate the mean of the others.
"""

from __future__ import annotations

import numpy as np

from ..bench import FloatArray, IntArray


class Reserve:
    """Costs per epoch of the trainings of one search.

    Args:
        limit: cost that may be spent in all.
        weights: epochs that each column stands for, (columns,).
    """

    def __init__(self, limit: float, weights: FloatArray) -> None:
        self.limit = limit
        self._until = np.concatenate([[0.0], np.cumsum(weights)])
        self._paid: dict[int, float] = {}
        self._trained: dict[int, float] = {}

    def pay(self, trial: int, cost: float, seen: int, until: int, schedules: bool) -> None:
        """A training goes from so many columns to so many; of schedules only the last one is trained."""
        first = until - 1 if schedules else seen
        self._paid[trial] = self._paid.get(trial, 0.0) + cost
        self._trained[trial] = self._trained.get(trial, 0.0) + float(self._until[until] - self._until[first])

    def enough(self, spent: float, seen: IntArray, owed: IntArray, fresh: int) -> bool:
        """Whether the time left pays for what is owed.

        Args:
            spent: of the limit.
            seen: columns that each training has, (trials,).
            owed: columns that it would still get, (trials,).
            fresh: columns that those which are not there yet would get.
        """
        if not self._paid:
            return True
        mean = sum(self._paid.values()) / sum(self._trained.values())
        rates = [self._paid[t] / self._trained[t] if t in self._paid else mean for t in range(len(seen))]
        epochs = self._until[seen + owed] - self._until[seen]
        return spent + float(np.dot(rates, epochs)) + mean * float(self._until[fresh]) <= self.limit
