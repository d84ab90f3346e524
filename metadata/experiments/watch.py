"""What a generation does now and then while others train: it counts, shows signs of life, and looks for the dead."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from .store import ExperimentStore
from .trials import Prepared

Counts = dict[str, int]
Progress = Callable[[int, int, Counts], None]  # epochs done, epochs in all, trials by state
LOOK = 0.5  # seconds between looks at the store, or more
SHARE = 100  # of the time, one part is spent on counting: a large store is looked at less often
BEAT = 30.0  # seconds between signs of life


class Watch:
    """Looks at the trials of a plan.

    Args:
        store: of the trials.
        prepared: the plan.
        progress: told at every look, or None.
        owners: names of the processes to show signs of life for.
    """

    def __init__(
        self, store: ExperimentStore, prepared: Prepared, progress: Progress | None, owners: Callable[[], Iterable[str]]
    ) -> None:
        self._store, self._plan, self._progress, self._owners = store, prepared.id, progress, owners
        self._total = sum(trial.rows for trial in prepared.trials)
        self._beaten = self._looked = float("-inf")
        self._counts: Counts = {}
        self.pause = LOOK  # seconds until the next look

    def look(self, fresh: bool = False) -> Counts:
        """Trials by state: those of the last look, unless it is long ago or ``fresh`` ones are asked for."""
        now = time.monotonic()
        if now - self._beaten > BEAT:
            self._store.release()
            self._store.beat(self._owners())
            self._beaten = now
        if fresh or now - self._looked > self.pause:
            self._counts = self._store.counts(self._plan)
            self.pause = max(LOOK, SHARE * (time.monotonic() - now))
            self._looked = time.monotonic()
            if self._progress is not None:
                self._progress(self._counts["epochs"], self._total, self._counts)
        return self._counts
