"""How good predicted distributions of final values are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...bench import FloatArray
from ...metadata.quality import spearman
from .final import FinalValues

CENTRAL = 0.9


@dataclass(frozen=True)
class Scores:
    """Scores over some curves; smaller is better but for the last two.

    Attributes:
        log_loss: mean of -ln density of the final value, per unit of the metric.
        crps: mean continuous ranked probability score, in the metric's unit.
        error: mean absolute error of the expected value, in the metric's unit.
        calibration: mean distance between the levels of the final values, sorted, and even ones; 0 is calibrated, .25 means
            that all are at one end or all in the middle.
        coverage: share of final values inside the central 90 % interval; .9 is right.
        spearman: rank correlation of the scores that a method orders by with the final values; NaN where all are equal.
    """

    log_loss: float
    crps: float
    error: float
    calibration: float
    coverage: float
    spearman: float


def score(final: FinalValues, rank_scores: FloatArray, truth: FloatArray) -> Scores:
    """Scores of predictions for curves whose final values are ``truth`` (curves,), none of which was seen."""
    levels = final.level(truth)
    even = (np.arange(len(truth)) + 0.5) / len(truth)
    tail = (1 - CENTRAL) / 2
    return Scores(
        log_loss=float(-final.log_density(truth).mean()),
        crps=float(final.crps(truth).mean()),
        error=float(np.abs(final.mean - truth).mean()),
        calibration=float(np.abs(np.sort(levels) - even).mean()),
        coverage=float(((levels >= tail) & (levels <= 1 - tail)).mean()),
        spearman=spearman(rank_scores, final.metric.sign * truth),
    )
