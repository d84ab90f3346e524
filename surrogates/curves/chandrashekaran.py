"""Chandrashekaran & Lane 2017: earlier builds' curves, moved and stretched onto the new one, say how it goes on.

Chandrashekaran & Lane, "Speeding up hyper-parameter optimization by extrapolation of learning curves using previous
builds", ECML-PKDD 2017. The authors released no code, so what follows is ours in the details. For each earlier build c
and each stretch of the epoch axis b the least-squares line y_x = a c_(b x) + d is fitted to the epochs seen, with a >= 0
and a ridge that keeps a near 1, because a few points do not tell a from d. The NEIGHBOURS builds that fit best go on as
the new curve does: the prediction is a mixture of normals at their transformed ends, with weights that fall with the
error of their fit. The standard deviation joins that error with what the same procedure errs by when it predicts the
earlier builds from each other.
"""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray, IntArray, WarmnasError
from .final import LEAST_STD, NormalMixture
from .model import CurveModel, by_length, curve_models
from .partial import Curves

FEWEST_BUILDS = 3
STRETCHES = (0.5, 0.7, 1.0, 1.4, 2.0)
RIDGE = 0.01
ASKED = 30  # earlier builds that are predicted from the others, at most


@curve_models("chandrashekaran")
class Chandrashekaran(CurveModel):
    """Regression on the curves of earlier builds.

    Args:
        neighbours: builds that are averaged.
    """

    needs_earlier = True

    def __init__(self, neighbours: int = 5) -> None:
        self.neighbours = neighbours

    def fit(self, earlier: Curves | None = None) -> Chandrashekaran:
        """See :class:`CurveModel`; at least three whole curves are needed."""
        super().fit(earlier)
        if self.earlier_ is None or len(self.earlier_) < FEWEST_BUILDS:
            have = 0 if self.earlier_ is None else len(self.earlier_)
            raise WarmnasError(
                f"chandrashekaran needs {FEWEST_BUILDS} earlier builds that go to the end, not {have}: fit it on more"
            )
        return self

    def _mixture(self, curves: Curves) -> NormalMixture:
        if self.earlier_ is None:
            raise WarmnasError("chandrashekaran learns from earlier builds: fit it on curves that go to the end")
        count = min(self.neighbours, len(self.earlier_) - 1)
        weights = np.ones((len(curves), count))
        places, stds = np.repeat(curves.last[:, None], count, axis=1), np.ones((len(curves), count))
        for rows in by_length(curves):
            seen = int(curves.seen[rows[0]])
            whole = self.earlier_.resampled(curves.total, curves.total)
            asked = np.unique(np.linspace(0, len(whole) - 1, min(ASKED, len(whole))).astype(int))
            ends, errors = extrapolate(whole[asked, :seen], whole)
            errors[np.arange(len(asked)), asked] = np.inf  # a build does not predict itself
            _, guess, _ = nearest(ends, errors, count)
            slip = float(np.sqrt(np.mean((guess.mean(axis=1) - whole[asked, -1]) ** 2)))
            ends, errors = extrapolate(curves.unit[rows, :seen], whole)
            weights[rows], places[rows], fit_error = nearest(ends, errors, count)
            stds[rows] = np.sqrt(fit_error**2 + slip**2)
        return NormalMixture(weights, places, stds)


def extrapolate(targets: FloatArray, whole: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where each build says that each curve ends, and the root mean squared error of its fit, at its best stretch.

    Args:
        targets: seen parts of the curves, (curves, seen).
        whole: earlier builds over as many epochs as the curves have in all, (builds, epochs).

    Returns:
        Ends in [0, 1] and errors, (curves, builds) each.
    """
    seen, total = targets.shape[1], whole.shape[1]
    epochs = np.arange(1, total + 1)
    best, ends = np.full((len(targets), len(whole)), np.inf), np.zeros((len(targets), len(whole)))
    for stretch in STRETCHES:
        at = np.clip(stretch * np.concatenate([np.arange(1, seen + 1), [total]]), 1, total)
        moved = np.stack([np.interp(at, epochs, build) for build in whole])
        end, error = lines(targets, moved)
        better = error < best
        best, ends = np.where(better, error, best), np.where(better, end, ends)
    return np.clip(ends, 0, 1), best


def lines(targets: FloatArray, moved: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ends and errors of y = a c + d for every pair of curve (curves, seen) and build (builds, seen + 1)."""
    y, c = targets - targets.mean(axis=1, keepdims=True), moved[:, :-1] - moved[:, :-1].mean(axis=1, keepdims=True)
    seen = targets.shape[1]
    square = (c**2).sum(axis=1)
    slope = np.maximum((y @ c.T + RIDGE) / (square + RIDGE), 0)
    residual = (y**2).sum(axis=1)[:, None] - 2 * slope * (y @ c.T) + slope**2 * square
    offset = targets.mean(axis=1)[:, None] - slope * moved[:, :-1].mean(axis=1)
    return slope * moved[:, -1] + offset, np.sqrt(np.maximum(residual, 0) / seen)


def nearest(ends: FloatArray, errors: FloatArray, count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights, ends and errors of the ``count`` builds that fit best: (curves, count) each."""
    order: IntArray = np.argsort(errors, axis=1, kind="stable")[:, :count]
    error = np.maximum(np.take_along_axis(errors, order, axis=1), LEAST_STD)
    return (error[:, :1] / error) ** 2, np.take_along_axis(ends, order, axis=1), error
