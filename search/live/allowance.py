"""The time that a search has: until when it may train, and whether one more training fits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .dataset import Dataset
    from .folder import RunFolder
    from .loop import LiveLoop

EXPORT_SECONDS = 20.0  # kept for exports and the report where the time is limited
MARGIN = 1.1  # by which a training may take longer than foreseen


@dataclass(frozen=True)
class Allowance:
    """What ``--seconds`` leaves.

    Attributes:
        seconds: for the whole search, earlier starts of it included; None for no limit.
        folder: which knows how long the search has taken.
        epochs: of a training.
    """

    seconds: float | None
    folder: RunFolder
    epochs: int

    @property
    def spent(self) -> bool:
        """Whether the time is up."""
        return self.seconds is not None and self.folder.elapsed > self.seconds

    @property
    def reserve(self) -> float:
        """Seconds kept for what comes after the trainings."""
        return min(EXPORT_SECONDS, (self.seconds or 0) / 4)

    def until(self, reserve: float) -> float:
        """Monotonic time at which training must end, so that so many seconds of the limit are left."""
        if self.seconds is None:
            return float("inf")
        return time.monotonic() + self.seconds - self.folder.elapsed - reserve

    def retraining_until(self, loop: LiveLoop, dataset: Dataset, best: int) -> float:
        """Monotonic time at which the retraining of a training's network must end; 0 where it cannot be done in time."""
        until = self.until(self.reserve)
        late = self.seconds is not None and self._retraining(loop, dataset, best) > until - time.monotonic()
        return 0.0 if late else until

    def room(self, units: float, loop: LiveLoop, dataset: Dataset) -> bool:
        """Whether one more training of so many units of work may begin, if a retraining is to fit after it."""
        if self.seconds is None:
            return True
        after = self._retraining(loop, dataset, max(loop.history.leader(), 0))
        return time.monotonic() + MARGIN * (loop.pace.take(units) or 0.0) + after <= self.until(self.reserve)

    def _retraining(self, loop: LiveLoop, dataset: Dataset, best: int) -> float:
        """Seconds that the retraining of a training's network will take, as far as is known."""
        units = self.epochs * (loop.trainings[best].flops + loop.unit) * dataset.growth
        return MARGIN * (loop.pace.take(units) or 0.0)
