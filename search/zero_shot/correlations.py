"""How a proxy's ranking agrees with accuracies, and how well it could.

Global correlations say little about what a search would choose, so beside them stand the correlations over function
classes, within the better half and the best tenth (by measured accuracy), and the partial one: what a proxy knows beyond
the number of live parameters, which is free.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...bench import FloatArray, IntArray
from ...metadata import quality

RESAMPLES = 1000
FEWEST = 5  # architectures, below which no correlation is given


@dataclass(frozen=True)
class Correlations:
    """Spearman's rank correlations of one proxy on one task; NaN where there is too little to say.

    Attributes:
        architectures: how many were compared.
        spearman, low, high: over all of them, with a 95 % bootstrap interval over architectures.
        classes: over function classes, scores and accuracies averaged within each.
        partial: of the ranks given those of the live parameters.
        top_half, top_tenth: among the best by accuracy.
    """

    architectures: int
    spearman: float
    low: float
    high: float
    classes: float
    partial: float
    top_half: float
    top_tenth: float


def correlations(scores: FloatArray, accuracies: FloatArray, classes: IntArray, size: FloatArray | None) -> Correlations:
    """Correlate scores with accuracies, larger being better in both; all arrays are (architectures,).

    Args:
        scores: -inf is a last place.
        accuracies: NaN where an architecture was not measured; it is left out.
        classes: integers, equal for equal functions.
        size: live parameters, or None where the space has no such number.
    """
    there = ~np.isnan(accuracies)
    s, a, keys = scores[there], accuracies[there], classes[there]
    low, high = interval(s, a)
    _, place = np.unique(keys, return_inverse=True)
    count = np.bincount(place)
    merged = [np.bincount(place, weights=x) / count for x in (ranks(s), a)] if len(s) else [s, a]
    return Correlations(
        len(s),
        spearman(s, a),
        low,
        high,
        spearman(*merged),
        np.nan if size is None else partial(s, a, size[there]),
        *(spearman(s[top], a[top]) for top in (best(a, 1 / 2), best(a, 1 / 10))),
    )


def ranks(x: FloatArray) -> FloatArray:
    """Average ranks from 1 along the last axis: (..., n) -> (..., n)."""
    from scipy.stats import rankdata

    ranked: FloatArray = rankdata(x, axis=-1)
    return ranked


def spearman(a: FloatArray, b: FloatArray) -> float:
    """Spearman's rank correlation; NaN for fewer than ``FEWEST``, or where one side is constant."""
    return quality.spearman(a, b) if len(a) >= FEWEST else np.nan


def partial(a: FloatArray, b: FloatArray, given: FloatArray) -> float:
    """Spearman's partial correlation: that of what a line in the ranks of ``given`` leaves of the ranks of both."""
    ab, ag, bg = spearman(a, b), spearman(a, given), spearman(b, given)
    rest = (1 - ag**2) * (1 - bg**2)
    # What follows ``given`` exactly has nothing left, up to rounding.
    return float((ab - ag * bg) / np.sqrt(rest)) if rest > 1e-12 else np.nan


def interval(a: FloatArray, b: FloatArray, seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval of Spearman's correlation over resampled architectures."""
    if len(a) < FEWEST:
        return np.nan, np.nan
    draws = np.random.default_rng(seed).integers(len(a), size=(RESAMPLES, len(a)))
    x, y = (ranks(side[draws]) for side in (a, b))
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    scale = np.sqrt((x**2).sum(1) * (y**2).sum(1))
    found = (x * y).sum(1)[scale > 0] / scale[scale > 0]
    low, high = np.percentile(found, [2.5, 97.5]) if len(found) else (np.nan, np.nan)
    return float(low), float(high)


def best(accuracies: FloatArray, share: float) -> IntArray:
    """Rows of the best, that share of them, rounded up: (n,) -> (k,)."""
    rows: IntArray = np.argsort(-accuracies, kind="stable")[: int(np.ceil(share * len(accuracies)))]
    return rows


def ceiling(seeds: FloatArray) -> float:
    """Rank correlation of a perfect predictor with the mean over seeds: accuracies (architectures, seeds) -> a number.

    r is the mean correlation between two seeds; the mean of k seeds has the reliability k r / (1 + (k - 1) r)
    (Spearman-Brown), and the ceiling is its square root. NaN where fewer than two seeds were run.
    """
    pairs = [seeds[:, [i, j]] for i, j in combinations(range(seeds.shape[1]), 2)]
    pairs = [pair[~np.isnan(pair).any(axis=1)] for pair in pairs]
    found = [r for pair in pairs if not np.isnan(r := spearman(pair[:, 0], pair[:, 1]))]
    if not found:
        return np.nan
    k = float((~np.isnan(seeds)).sum(axis=1)[~np.isnan(seeds).all(axis=1)].mean())
    r = max(float(np.mean(found)), 0.0)
    return float(np.sqrt(k * r / (1 + (k - 1) * r)))
