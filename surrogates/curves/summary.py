"""Curve models that reduce a curve to one number: the base of last, mean, median, i-epoch and sum of training losses.

With three or more earlier builds the final value is regressed on that number, at the same observed fraction: least squares
with a slope that is not negative, and the usual standard error of a new observation. Without, the number itself is the
prediction, and its spread is that of a random walk with the curve's own steps over the epochs that are left.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from ...bench import FloatArray
from .final import NormalMixture, single
from .model import CurveModel, by_length
from .partial import Curves

FEWEST_BUILDS = 3
UNKNOWN_STEP = 0.05  # of the range: the step of a curve of one point
WIDEST = 0.3


class SummaryModel(CurveModel):
    """A method fills in :meth:`summary`."""

    @abstractmethod
    def summary(self, curves: Curves) -> FloatArray:
        """One number per curve, larger is better: (curves,)."""

    def unregressed(self, curves: Curves) -> FloatArray:
        """What is predicted without earlier builds, in [0, 1]: (curves,)."""
        return self.summary(curves)

    def rank_scores(self, curves: Curves) -> FloatArray:
        """Order by the number itself; a whole curve of accuracies by its end."""
        return self.summary(curves)

    def _mixture(self, curves: Curves) -> NormalMixture:
        location, std = curves.last.copy(), np.full(len(curves), WIDEST)
        earlier = self.earlier_
        for rows in by_length(curves):
            part = curves.rows(rows)
            if earlier is None or len(earlier) < FEWEST_BUILDS:
                location[rows], std[rows] = self.unregressed(part), random_walk(part)
            else:
                before = self.summary(earlier.at_fraction(int(part.seen[0]) / part.total))
                location[rows], std[rows] = regress(before, earlier.last, self.summary(part))
        return single(location, std)


def random_walk(curves: Curves) -> FloatArray:
    """Standard deviation of what is left of a random walk whose steps are as large as the curve's: (curves,).

    A constant curve has seen no step, so the next counts as one of unknown size.
    """
    steps = np.square(np.diff(curves.unit, axis=1))
    count = (~np.isnan(steps)).sum(axis=1)
    total = np.nansum(steps, axis=1)
    mean = np.where(total > 0, total / np.maximum(count, 1), UNKNOWN_STEP**2 / (count + 1))
    left = curves.total - curves.seen
    std: FloatArray = np.sqrt(mean * left)
    return np.minimum(std, WIDEST)


def regress(x: FloatArray, y: FloatArray, new: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Least-squares line of slope >= 0 through (n,) and (n,), at new (m,): prediction and standard error, (m,) each."""
    n, centred = len(x), x - x.mean()
    squares = float(centred @ centred)
    slope = max(float(centred @ (y - y.mean())) / squares, 0.0) if squares > 1e-12 else 0.0
    residual = y - y.mean() - slope * centred
    variance = float(residual @ residual) / max(n - 2, 1)
    distance = (new - x.mean()) ** 2 / squares if squares > 1e-12 else np.zeros_like(new)
    return y.mean() + slope * (new - x.mean()), np.sqrt(variance * (1 + 1 / n + distance))
