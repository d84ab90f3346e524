"""Baker et al. 2017: nu-support vector regression of the final value on the curve so far and the architecture.

Baker, Gupta, Raskar & Naik, "Accelerating neural architecture search using performance prediction", 2017. One regressor for
each number of epochs seen; its features are the values, their first and second differences, mean and standard deviation of
the curve and the architecture's encoding, all standardised, as is the target. C and gamma (log-uniform) and nu are drawn at
random and chosen by three-fold cross-validation; the residuals of the folds give the standard deviation of a normal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...bench import FloatArray, WarmnasError
from .final import NormalMixture, single
from .model import CurveModel, by_length, curve_models
from .partial import Curves

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FEWEST_BUILDS = 6
FOLDS = 3
LOW, HIGH = 1e-3, 1e2  # C and gamma times the number of features
LEAST_NU = 0.05
WIDEST = 0.3


@curve_models("baker")
class Baker(CurveModel):
    """Nu-SVR on curve, differences and architecture.

    Args:
        trials: draws of (C, gamma, nu).
        random_state: seed of the draws and the folds.
    """

    needs_earlier = True

    def __init__(self, trials: int = 40, random_state: int = 0) -> None:
        self.trials = trials
        self.random_state = random_state

    def fit(self, earlier: Curves | None = None) -> Baker:
        """See :class:`CurveModel`; at least six whole curves are needed."""
        super().fit(earlier)
        if self.earlier_ is None or len(self.earlier_) < FEWEST_BUILDS:
            have = 0 if self.earlier_ is None else len(self.earlier_)
            raise WarmnasError(f"baker needs {FEWEST_BUILDS} earlier builds that go to the end, not {have}: fit it on more")
        self._regressors: dict[tuple[int, int], tuple[Pipeline, float]] = {}
        return self

    def _mixture(self, curves: Curves) -> NormalMixture:
        earlier = self.earlier_
        if earlier is None:
            raise WarmnasError("baker learns from earlier builds: fit it on curves that go to the end")
        widths = [None if part.encodings is None else part.encodings.shape[1] for part in (earlier, curves)]
        if widths[0] != widths[1]:
            raise WarmnasError(f"encodings of the builds have {widths[0]} features, those of the curves {widths[1]}")
        place, std = curves.last.copy(), np.full(len(curves), WIDEST)
        for rows in by_length(curves):
            seen = int(curves.seen[rows[0]])
            key = seen, curves.total
            if key not in self._regressors:
                self._regressors[key] = self._regressor(features(earlier, *key), earlier.last)
            regressor, std[rows] = self._regressors[key]
            place[rows] = unscale(regressor.predict(features(curves.rows(rows), *key)), earlier.last)
        return single(place, std)

    def _regressor(self, x: FloatArray, finals: FloatArray) -> tuple[Pipeline, float]:
        """The regressor that cross-validates best, and the standard deviation of its folds' residuals."""
        from sklearn.model_selection import KFold, cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import NuSVR

        rng = np.random.default_rng(self.random_state)
        folds = KFold(FOLDS, shuffle=True, random_state=self.random_state)
        y = scale(finals)
        best, least = make_pipeline(StandardScaler(), NuSVR()), np.inf
        for _ in range(self.trials):
            c, gamma = np.exp(rng.uniform(np.log(LOW), np.log(HIGH), 2))
            svr = NuSVR(C=c, gamma=gamma / x.shape[1], nu=rng.uniform(LEAST_NU, 1))
            candidate = make_pipeline(StandardScaler(), svr)
            error = float(np.mean((cross_val_predict(candidate, x, y, cv=folds) - y) ** 2))
            if error < least:
                best, least = candidate, error
        least = least if np.isfinite(least) else 1.0
        return best.fit(x, y), float(np.sqrt(least) * spread(finals))


def features(curves: Curves, seen: int, total: int) -> FloatArray:
    """What a regressor sees of curves: (curves, 3 seen - 1 + encoding)."""
    values = curves.resampled(seen, total)
    parts = [values, np.diff(values, axis=1), np.diff(values, n=2, axis=1)]
    parts += [values.mean(axis=1, keepdims=True), values.std(axis=1, keepdims=True)]
    return np.concatenate(parts if curves.encodings is None else [*parts, curves.encodings], axis=1)


def spread(finals: FloatArray) -> float:
    """Standard deviation of final values, kept away from 0."""
    return max(float(finals.std()), 1e-4)


def scale(finals: FloatArray) -> FloatArray:
    """Standardised final values."""
    scaled: FloatArray = (finals - finals.mean()) / spread(finals)
    return scaled


def unscale(y: FloatArray, finals: FloatArray) -> FloatArray:
    """The inverse of :func:`scale`."""
    unscaled: FloatArray = finals.mean() + spread(finals) * y
    return unscaled
