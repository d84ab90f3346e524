"""Threshold: after a fixed epoch a training must have reached a fixed value."""

from __future__ import annotations

from typing import Self

import numpy as np

from .history import History
from .stopper import Stopper, require, stoppers


@stoppers("threshold")
class Threshold(Stopper):
    """One look at each training.

    Args:
        epoch: when; 0 stands for a fifth of the training.
        least: the value that must be reached, in the metric's unit. "sources" takes a quantile of what the earlier tasks'
            trainings had after the same fraction of theirs, pooled over the tasks; without such tasks nothing is stopped.
        quantile: which one, larger being better.
    """

    knob, front = "quantile", (0.25, 0.5, 0.75, 0.9)

    def __init__(self, epoch: int = 0, least: float | str = "sources", quantile: float = 0.25) -> None:
        require("threshold: epoch", epoch, 0)
        require("threshold: quantile", quantile, 0, 1)
        if least != "sources":
            require("threshold: least", least, -np.inf)  # type: ignore[arg-type]
        self.epoch, self.least, self.quantile = epoch, least, quantile

    def check_epochs(self, total: int) -> list[int]:
        """The one."""
        return [self.epoch or max(round(total / 5), 1)]

    def learn(self) -> None:
        """Set the threshold, larger being better."""
        (epoch,), sign = self.check_epochs(self.setting.total), self.setting.metric.sign
        self.bar = -np.inf
        if self.least != "sources":
            self.bar = sign * float(self.least)
        elif self.setting.sources:
            shares = [max(round(epoch / self.setting.total * s.values.shape[1]), 1) for s in self.setting.sources]
            values = [sign * s.values[:, e - 1] for s, e in zip(self.setting.sources, shares, strict=True)]
            # Every task counts alike, however many trainings it has.
            weights = np.concatenate([np.full(len(v), 1 / len(v)) for v in values])
            pooled = np.concatenate(values)
            order = np.argsort(pooled)
            share = np.cumsum(weights[order]) / weights.sum()
            self.bar = float(pooled[order][np.searchsorted(share, self.quantile).clip(0, len(order) - 1)])

    def varied(self, value: float) -> Self:
        """See :class:`Stopper`; the bar is set anew."""
        twin = super().varied(value)
        twin.learn()
        return twin

    def goes_on(self, history: History, trial: int) -> bool:
        """See :class:`Stopper`."""
        return bool(history.metric.sign * history.values[trial, history.seen[trial] - 1] >= self.bar)
