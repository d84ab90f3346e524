"""Temperatures: p(a ends above b) = sigmoid((f(a) - f(b)) / T), T by the fraction seen of the curve that is seen less.

A score that was learned from pairs is too sure of little and too careful with much. T is fitted on what no member saw in
its training: candidates cut at a fraction against the best of so many others of the same task, seen whole, at the task
vector from which a new task starts. The minimum of the cross-entropy is found on a grid of log T.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray

LOG_TEMPERATURES = np.linspace(-1.5, 2.5, 81)
PRIOR_PAIRS = 20.0  # pairs that T = 1 is worth


def temperature(gaps: FloatArray, better: FloatArray | npt.NDArray[np.float32]) -> float:
    """T for differences of scores (pairs,) and outcomes 1, .5 or 0 (pairs,); few pairs leave it near 1."""
    scaled = gaps / np.exp(LOG_TEMPERATURES)[:, None]
    entropy = (np.logaddexp(0, scaled) - np.asarray(better, dtype=np.float64) * scaled).sum(axis=1)
    return float(np.exp(LOG_TEMPERATURES[np.argmin(entropy + 0.5 * PRIOR_PAIRS * LOG_TEMPERATURES**2 / 4)]))


def grid(places: int) -> npt.NDArray[np.int64]:
    """Places seen at which temperatures are fitted: 0, then closer together at the start, up to the last but one."""
    spaced = np.geomspace(1, max(places - 1, 1), 8)
    return np.unique(np.concatenate([[0], np.round(spaced)])).astype(np.int64)


def interpolated(fractions: FloatArray, temperatures: FloatArray, at: FloatArray) -> FloatArray:
    """Temperatures at fractions ``at`` (n,), along a line in log T over the root of the fraction."""
    found: FloatArray = np.exp(np.interp(np.sqrt(at), np.sqrt(fractions), np.log(temperatures)))
    return found
