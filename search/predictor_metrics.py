"""How well predictions order architectures, and how well they could at best, the labels being noisy.

The *ceiling* is what a perfect predictor of expected values would reach against the recorded means over seeds. With rho the
Spearman correlation of two seeds, a mean over k seeds has the reliability k rho / (1 + (k - 1) rho) (Spearman and Brown,
1910), and the ceiling of Spearman's correlation is its square root (see ``metadata/quality``). Kendall's tau and the
precision follow as if expected values and labels had a Gaussian copula: with r = 2 sin(pi s / 6), tau = 2 asin(r) / pi
(Kruskal 1958).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..bench import FloatArray, Split, Table
from ..metadata.quality import quality, spearman

METRICS = ("kendall", "spearman", "top_precision", "regret")
TOP = 0.1  # share of the test part that is called top
FEWEST_TEST = 20  # architectures that a test part needs


@dataclass(frozen=True)
class Ceiling:
    """Ceilings of one task; None where the source does not have several seeds."""

    kendall: float | None
    spearman: float | None
    top_precision: float | None


def judge(scores: FloatArray, truth: FloatArray, sign: int) -> tuple[float, ...]:
    """The METRICS of scores (n,), larger meaning better, against the true values (n,) of a metric of that sign.

    Kendall's tau-b; Spearman; the share of the predicted top tenth that is in the true one; and the distance of the first
    choice from the best, in the metric's unit. Scores that are all equal order nothing: both correlations are 0.
    """
    from scipy.stats import kendalltau

    better = sign * truth
    top = max(1, round(TOP * len(truth)))
    chosen = np.argsort(-scores, kind="stable")[:top]
    best = np.argsort(-better, kind="stable")[:top]
    correlations = float(kendalltau(scores, better).statistic), spearman(scores, better)
    precision = float(np.isin(chosen, best).mean())
    return (*(0.0 if math.isnan(c) else c for c in correlations), precision, float(better.max() - better[chosen[0]]))


def noise_ceiling(table: Table, task: str) -> Ceiling:
    """Ceilings of a task, against the mean over its recorded seeds."""
    found = next((one.seeds for one in quality(table) if one.task == task), float("nan"))
    counts = (~np.isnan(table.seed_values(task, Split.VAL))).sum(axis=1)
    if math.isnan(found) or not counts.any():
        return Ceiling(None, None, None)
    rho, k = max(found, 0.0), float(counts[counts > 0].mean())
    s = math.sqrt(k * rho / (1 + (k - 1) * rho))
    r = 2 * math.sin(math.pi * s / 6)
    return Ceiling(2 / math.pi * math.asin(min(r, 1.0)), s, _precision(min(r, 1.0)))


def _precision(r: float) -> float:
    """P(Y in its top tenth | X in its top tenth) of two normal numbers with correlation r."""
    from scipy.stats import norm

    if r >= 1:
        return 1.0
    x = norm.isf((np.arange(2000) + 0.5) / 2000 * TOP)  # the top tenth of X, at equal shares
    return float(norm.sf((norm.isf(TOP) - r * x) / math.sqrt(1 - r * r)).mean())
