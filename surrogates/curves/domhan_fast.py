"""Domhan et al. 2015 without the sampler: least-squares fits of the eleven families, averaged.

The fits are those that the sampler starts from (``domhan``), and what is written here describes where it goes from them.
With K families that the prior allows, of p parameters in the mean, m the mean of their ends at the last epoch X, clipped to
[0, 1], n epochs seen up to the value y_n, and s^2 the mean of the families' weighted squared residuals times n / (n - p),
as they have taken that many degrees of freedom (one is always left), the value at X has the scale

    S^2 = (GROWTH (X / n)^POWER s)^2 + (REACH (m - y_n))^2:

errors grow with the distance in epochs, and with the distance in accuracy of which nothing has been seen. The mixture's
value has a Student distribution of n - p, at least three, degrees of freedom around m + SHIFT S, its places moved into
[0, 1], and what is observed has the noise s besides. The four constants were fitted on one data set, to the sampler's
p(better) and to a small part to the log-loss; docs/curves.md has both on others.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student

from ...bench import FloatArray
from .domhan import Fits, fit_families, groups, without_plateau
from .families import FAMILIES, recency_weights
from .final import NormalMixture
from .model import CurveModel, curve_models
from .partial import Curves
from .summary import random_walk

GROWTH, POWER, REACH, SHIFT = 0.109, 1.41, 0.267, 0.426
NORMALS = 15  # stand for the distribution of the mixture's value, at its quantiles and as wide as these are apart
FEWEST_FREEDOM = 3.0  # of the Student distribution, which has no variance below
PARAMETERS = np.array([len(family.starts[0]) for family in FAMILIES])


@curve_models("domhan-fast")
class DomhanFast(CurveModel):
    """The mixture of families by least squares; milliseconds per curve."""

    def _mixture(self, curves: Curves) -> NormalMixture:
        places = np.repeat(curves.last[:, None], NORMALS, axis=1)
        widths = np.repeat(random_walk(curves)[:, None], NORMALS, axis=1)
        for (seen, end), rows in groups(curves).items():
            targets = without_plateau(curves, rows, seen)
            fits = fit_families(targets, end)
            # A constant curve is fitted without an error, and tells nothing of what comes when it starts to move.
            fitted = np.isfinite(fits.cost).any(axis=1) & (np.ptp(targets, axis=1) > 0)
            mean, spread, noise, freedom = (part[fitted] for part in average(fits))
            steps, gaps = student_steps(freedom)
            index = np.array(rows)[fitted]
            places[index] = mean[:, None] + spread[:, None] * steps
            widths[index] = np.hypot(noise[:, None], spread[:, None] * gaps)
        return NormalMixture(np.ones_like(places), places, widths)


def fitted_ends(fits: Fits) -> FloatArray:
    """Where the fit of each family ends, in [0, 1]; 0 where the prior refuses it: (curves, families)."""
    last = np.array([fits.end])
    ends = np.stack([family(theta, last)[:, 0] for family, theta in zip(FAMILIES, fits.parameters, strict=True)], axis=1)
    return np.where(np.isfinite(fits.cost), np.clip(np.nan_to_num(ends), 0, 1), 0.0)


def average(fits: Fits) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Place and scale of the mixture at the last epoch, the noise, and the degrees of freedom, (curves,) each.

    Meaningless where no family is allowed.
    """
    there, seen = np.isfinite(fits.cost), len(fits.x)
    count = np.maximum(there.sum(axis=1), 1)
    freedom = np.maximum(seen - (there * PARAMETERS).sum(axis=1) / count, 1.0)
    squares = np.where(there, fits.cost, 0.0).sum(axis=1) / recency_weights(seen).sum() / count
    noise = np.sqrt(squares * seen / freedom)
    mean = fitted_ends(fits).sum(axis=1) / count
    spread = np.hypot(GROWTH * (fits.end / seen) ** POWER * noise, REACH * (mean - fits.targets[:, -1]))
    return mean + SHIFT * spread, spread, noise, freedom


def student_steps(freedom: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Quantiles of Student distributions (curves,), and half of how far apart they are: (curves, NORMALS) each."""
    levels = (np.arange(NORMALS) + 0.5) / NORMALS
    steps: FloatArray = student.ppf(levels, np.maximum(freedom, FEWEST_FREEDOM)[:, None])
    return steps, np.gradient(steps, axis=1) / 2
