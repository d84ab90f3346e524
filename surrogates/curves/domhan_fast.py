"""Domhan et al. 2015 without the sampler: least-squares fits of the eleven families, averaged.

The fits are those that the sampler starts from (``domhan``), and what is written here describes where it goes from them.
With K families that the prior allows, their ends at the last epoch X clipped to [0, 1], n epochs seen, and s^2 the mean of
the families' weighted squared residuals, the mixture's value at X is taken to be normal, with

    standard deviation  g = GROWTH (X / n)^POWER (K / 11) s,      mean  (1 / K) sum_k end_k + SHIFT g,

cut off at 0 and 1, and what is observed there has noise s. The three constants were fitted so that p(better) agrees with
the sampler's, on curves of LC-PFN's prior and of one data set; docs/curves.md has the agreement on others.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from ...bench import FloatArray
from .domhan import Fits, fit_families, groups, without_plateau
from .families import FAMILIES, recency_weights
from .final import NormalMixture
from .model import CurveModel, curve_models
from .partial import Curves
from .summary import random_walk

GROWTH, POWER, SHIFT = 0.242, 1.33, 0.303
NORMALS = 15  # stand for the normal of the mixture's value, at its quantiles


@curve_models("domhan-fast")
class DomhanFast(CurveModel):
    """The mixture of families by least squares; milliseconds per curve."""

    def _mixture(self, curves: Curves) -> NormalMixture:
        places = np.repeat(curves.last[:, None], NORMALS, axis=1)
        noise = random_walk(curves)
        steps = ndtri((np.arange(NORMALS) + 0.5) / NORMALS)
        for (seen, end), rows in groups(curves).items():
            fits = fit_families(without_plateau(curves, rows, seen), end)
            fitted = np.isfinite(fits.cost).any(axis=1)
            mean, spread, residual = (part[fitted] for part in average(fits))
            index = np.array(rows)[fitted]
            places[index], noise[index] = mean[:, None] + spread[:, None] * steps, residual
        return NormalMixture(np.ones_like(places), places, np.repeat(noise[:, None], NORMALS, axis=1))


def fitted_ends(fits: Fits) -> FloatArray:
    """Where the fit of each family ends, in [0, 1]; 0 where the prior refuses it: (curves, families)."""
    last = np.array([fits.end])
    ends = np.stack([family(theta, last)[:, 0] for family, theta in zip(FAMILIES, fits.parameters, strict=True)], axis=1)
    return np.where(np.isfinite(fits.cost), np.clip(np.nan_to_num(ends), 0, 1), 0.0)


def average(fits: Fits) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean and standard deviation of the mixture at the last epoch, and the noise, (curves,) each.

    Meaningless where no family is allowed.
    """
    there = np.isfinite(fits.cost)
    count = np.maximum(there.sum(axis=1), 1)
    squares = np.where(there, fits.cost, 0.0).sum(axis=1) / recency_weights(len(fits.x)).sum()
    noise = np.sqrt(squares / count)
    spread = GROWTH * (fits.end / len(fits.x)) ** POWER * count / len(FAMILIES) * noise
    return fitted_ends(fits).sum(axis=1) / count + SHIFT * spread, spread, noise
