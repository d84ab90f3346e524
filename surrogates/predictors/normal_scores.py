"""Values as normal scores of their ranks, and back: a Gaussian process expects normal values, accuracies are skewed.

A few untrainable architectures at chance would otherwise decide the likelihood of everything else.
"""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray
from ..acquisition import normal_scores

TAIL = 0.1  # share of the values whose slope is continued beyond the last one


class NormalScores:
    """A monotone map between values and normal scores, linear between what was seen.

    Args:
        values: (n,), not all equal.
    """

    def __init__(self, values: FloatArray) -> None:
        self.scores = normal_scores(values[None])[0]
        self._z, first = np.unique(self.scores, return_index=True)
        self._y = values[first]
        tail = max(1, int(TAIL * len(self._z)))
        rise, run = self._y[tail:] - self._y[:-tail], self._z[tail:] - self._z[:-tail]
        self._slopes = rise[0] / run[0], rise[-1] / run[-1]

    def values(self, mean: FloatArray, std: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Median and half the distance between the values one deviation above and below it: two arrays (n,)."""
        low, middle, high = (self._back(mean + sign * std) for sign in (-1, 0, 1))
        return middle, (high - low) / 2

    def _back(self, scores: FloatArray) -> FloatArray:
        below, above = np.minimum(scores - self._z[0], 0), np.maximum(scores - self._z[-1], 0)
        back: FloatArray = np.interp(scores, self._z, self._y) + self._slopes[0] * below + self._slopes[1] * above
        return back
