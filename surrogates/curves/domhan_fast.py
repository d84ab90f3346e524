"""Domhan et al. 2015 without the sampler: least-squares fits of the eleven families, averaged.

The fits are those that the sampler starts from (``domhan``). Its mixture has weights near to equal and bends towards the
families that fit; so the mean here is that of the fitted ends at the last epoch, each clipped to [0, 1], with weights

    w_k ~ (s^2_k + FLOOR^2)^-SHARPNESS,        s^2_k the weighted mean of family k's squared residuals,

and the standard deviation, with s^2 the weighted mean of the s^2_k, is

    sqrt(s^2 + SHARE^2 sum_k w_k (end_k - mean)^2).

A convex combination of families varies less than the families do, which is what SHARE says; docs/curves.md has the
agreement with the sampler on real curves.
"""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray
from .domhan import Fits, fit_families, groups, without_plateau
from .families import FAMILIES, recency_weights
from .final import NormalMixture, single
from .model import CurveModel, curve_models
from .partial import Curves
from .summary import random_walk

SHARPNESS = 0.5
FLOOR = 0.002
SHARE = 0.65


@curve_models("domhan-fast")
class DomhanFast(CurveModel):
    """The mixture of families by least squares; milliseconds per curve."""

    def _mixture(self, curves: Curves) -> NormalMixture:
        place, std = curves.last.copy(), random_walk(curves)
        for (seen, end), rows in groups(curves).items():
            fits = fit_families(without_plateau(curves, rows, seen), end)
            fitted = np.isfinite(fits.cost).any(axis=1)
            index = np.array(rows)[fitted]
            place[index], std[index] = (part[fitted] for part in average(fits))
        return single(place, std)


def fitted_ends(fits: Fits) -> FloatArray:
    """Where the fit of each family ends, in [0, 1]; 0 where the prior refuses it: (curves, families)."""
    last = np.array([fits.end])
    ends = np.stack([family(theta, last)[:, 0] for family, theta in zip(FAMILIES, fits.parameters, strict=True)], axis=1)
    return np.where(np.isfinite(fits.cost), np.clip(np.nan_to_num(ends), 0, 1), 0.0)


def average(fits: Fits) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of each curve's last value, (curves,) each; meaningless where no family is allowed."""
    variance = fits.cost / recency_weights(len(fits.x)).sum()
    weights = np.where(np.isfinite(variance), (variance + FLOOR**2) ** -SHARPNESS, 0.0)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    ends = fitted_ends(fits)
    mean = (weights * ends).sum(axis=1)
    noise = (weights * np.where(np.isfinite(variance), variance, 0.0)).sum(axis=1)
    between = (weights * (ends - mean[:, None]) ** 2).sum(axis=1)
    return mean, np.sqrt(noise + SHARE**2 * between)
