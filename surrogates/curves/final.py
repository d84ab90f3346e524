"""Distributions of final values: mixtures of normals, each truncated to the metric's bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtr

from ...bench import FloatArray, Metric, WarmnasError
from .partial import from_unit, to_unit

LEAST_STD = 1e-4  # of the metric's range: .01 points of accuracy
_HALVINGS = 40
_LEVELS = (np.arange(200) + 0.5) / 200  # quantile levels that stand for a distribution in a CRPS


class NormalMixture:
    """Mixtures of normals truncated to [0, 1], a row for each curve.

    Args:
        weights: of the normals, (curves, normals), not negative, not all 0; they need not add up to 1.
        locations: means before truncation, moved into [0, 1].
        stds: standard deviations before truncation, moved into [LEAST_STD, 1].

    Raises:
        WarmnasError: where one of them is not finite, naming the curve.
    """

    def __init__(self, weights: FloatArray, locations: FloatArray, stds: FloatArray) -> None:
        weights, locations, stds = np.broadcast_arrays(
            *(np.asarray(a, dtype=np.float64) for a in (weights, locations, stds))
        )
        finite = np.isfinite(weights + locations + stds).all(axis=1) & (weights.sum(axis=1) > 0)
        if not finite.all():
            raise WarmnasError(f"no finite prediction for curve {int(np.flatnonzero(~finite)[0])}; leave it out")
        self.weights: FloatArray = weights / weights.sum(axis=1, keepdims=True)
        self.locations: FloatArray = np.clip(locations, 0, 1)
        self.stds: FloatArray = np.clip(stds, LEAST_STD, 1)
        self._low = ndtr(-self.locations / self.stds)
        self._mass = ndtr((1 - self.locations) / self.stds) - self._low

    def __len__(self) -> int:
        return len(self.weights)

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation, each (curves,)."""
        low, high = -self.locations / self.stds, (1 - self.locations) / self.stds
        at_low, at_high = (np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) for z in (low, high))
        shift = (at_low - at_high) / self._mass
        means = self.locations + self.stds * shift
        variances = self.stds**2 * np.maximum(1 + (low * at_low - high * at_high) / self._mass - shift**2, 0)
        mean = (self.weights * means).sum(axis=1)
        spread = (self.weights * (variances + (means - mean[:, None]) ** 2)).sum(axis=1)
        return mean, np.sqrt(spread)

    def cdf(self, u: FloatArray) -> FloatArray:
        """P(final <= u) at u (curves, points): (curves, points)."""
        z = (np.clip(u, 0, 1)[:, :, None] - self.locations[:, None]) / self.stds[:, None]
        part = (ndtr(z) - self._low[:, None]) / self._mass[:, None]
        total: FloatArray = (self.weights[:, None] * part).sum(axis=2)
        return np.where(u < 0, 0.0, np.where(u >= 1, 1.0, np.clip(total, 0, 1)))

    def quantiles(self, levels: FloatArray) -> FloatArray:
        """Quantiles at levels (points,): (curves, points), by bisection."""
        low = np.zeros((len(self), len(levels)))
        high = np.ones_like(low)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            below = self.cdf(middle) < levels
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return high

    def log_density(self, u: FloatArray) -> FloatArray:
        """Log density at u (curves,): (curves,); -inf outside [0, 1]."""
        z = (u[:, None] - self.locations) / self.stds
        density = -0.5 * z**2 - np.log(self.stds * np.sqrt(2 * np.pi) * self._mass)
        with np.errstate(divide="ignore"):
            total: FloatArray = logsumexp(density + np.log(self.weights), axis=1)
        return np.where((u < 0) | (u > 1), -np.inf, total)


@dataclass(frozen=True, eq=False)
class FinalValues:
    """What a model says of the final values of some curves, in the metric's unit.

    Attributes:
        metric: unit, direction and bounds.
        mixture: the distributions on [0, 1], larger is better.
        known: final values of curves that were seen to the end, NaN for the others, on the same scale, (curves,). Of these
            the distribution is a point.
    """

    metric: Metric
    mixture: NormalMixture
    known: FloatArray

    def __len__(self) -> int:
        return len(self.known)

    @property
    def _done(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return ~np.isnan(self.known)

    @property
    def mean(self) -> FloatArray:
        """Expected final values, (curves,)."""
        return from_unit(np.where(self._done, self.known, self.mixture.moments()[0]), self.metric)

    @property
    def std(self) -> FloatArray:
        """Their standard deviations, (curves,)."""
        low, high = self.metric.bounds
        return np.where(self._done, 0.0, self.mixture.moments()[1]) * (high - low)

    def quantiles(self, levels: FloatArray | list[float]) -> FloatArray:
        """Values that the final value stays below with probabilities ``levels`` (points,): (curves, points)."""
        levels = np.asarray(levels, dtype=np.float64)
        if levels.ndim != 1 or not ((levels >= 0) & (levels <= 1)).all():
            raise WarmnasError("quantiles are taken at levels between 0 and 1, (points,)")
        levels = levels if self.metric.sign > 0 else 1 - levels
        unit = np.where(self._done[:, None], self.known[:, None], self.mixture.quantiles(levels))
        return from_unit(unit, self.metric)

    def p_better(self, than: FloatArray | float) -> FloatArray:
        """Probability that the final value is better than ``than``, a number or (curves,): (curves,)."""
        u = np.broadcast_to(to_unit(np.asarray(than, dtype=np.float64), self.metric), self.known.shape)
        if np.isnan(u).any():
            raise WarmnasError("p_better compares with numbers, not with NaN")
        return np.where(self._done, (self.known > u).astype(np.float64), 1 - self.mixture.cdf(u[:, None])[:, 0])

    def log_density(self, values: FloatArray) -> FloatArray:
        """Log density, per unit of the metric, at values (curves,); of a known final value +inf at it, -inf elsewhere."""
        u = to_unit(values, self.metric)
        low, high = self.metric.bounds
        point = np.where(np.isclose(u, self.known, rtol=0, atol=1e-12), np.inf, -np.inf)
        return np.where(self._done, point, self.mixture.log_density(u) - np.log(high - low))

    def crps(self, values: FloatArray) -> FloatArray:
        """Continuous ranked probability score at values (curves,), in the metric's unit; smaller is better.

        Twice the pinball loss averaged over quantile levels (Gneiting & Raftery 2007, section 4.2).
        """
        gap = np.asarray(values, dtype=np.float64)[:, None] - self.quantiles(_LEVELS)
        score: FloatArray = 2 * np.mean(np.where(gap >= 0, _LEVELS, _LEVELS - 1) * gap, axis=1)
        return score

    def level(self, values: FloatArray) -> FloatArray:
        """P(final <= value) at values (curves,): uniform on [0, 1] over many curves where a model is calibrated."""
        worse = 1 - self.p_better(values)
        return worse if self.metric.sign > 0 else 1 - worse


def single(location: FloatArray, std: FloatArray) -> NormalMixture:
    """One normal per curve, from (curves,) and (curves,)."""
    return NormalMixture(np.ones((len(location), 1)), location[:, None], np.asarray(std)[:, None])
