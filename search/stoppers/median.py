"""Median stopping rule: stop what has never been as good as the median of the others' running averages.

Golovin et al., "Google Vizier: a service for black-box optimization", KDD 2017, section 3.2.1: a training is stopped after
epoch s if its best value so far is strictly worse than the median over the completed trainings of their average value up to
epoch s. It fits nothing.
"""

from __future__ import annotations

import numpy as np

from .history import History
from .stopper import Stopper, require, stoppers


@stoppers("median")
class MedianRule(Stopper):
    """The median of running averages.

    Args:
        grace: epochs before the first comparison.
        least: whole trainings that there must be to compare with.
        quantile: of the running averages, larger being better; .5 is the rule as published, more stops more.
    """

    knob, front = "quantile", (0.5, 0.7, 0.9, 1.0)

    def __init__(self, grace: int = 1, least: int = 3, quantile: float = 0.5) -> None:
        require("median: grace", grace, 1)
        require("median: least", least, 1)
        require("median: quantile", quantile, 0, 1)
        self.grace, self.least, self.quantile = grace, least, quantile

    def goes_on(self, history: History, trial: int) -> bool:
        """See :class:`Stopper`."""
        seen, sign = int(history.seen[trial]), history.metric.sign
        complete = np.flatnonzero(history.complete)
        if seen < self.grace or len(complete) < self.least:
            return True
        averages = sign * history.values[complete, :seen].mean(axis=1)
        best = float((sign * history.values[trial, :seen]).max())
        return best >= float(np.quantile(averages, self.quantile))
