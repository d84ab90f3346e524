"""The simulated clock: what a run has spent of its time, by the training times of the table.

Convention, that of the NAS-Bench-201 reference runs (AutoDL-Projects, ``exps/NAS-Bench-201-algos/R_EA.py`` and
``RANDOM.py``): trainings are charged one after the other, and a run ends with the first one that would overrun its budget.
That one is not granted: its result is not seen, and it is not charged. One exception: a run's first training is always
granted, because a run that ends with nothing has no architecture to judge. The optimizer's own computing is not charged;
it is reported beside (``overhead_seconds``).

Only the observed schedule is charged: a search that looks at 12-epoch trainings pays for 12 epochs each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..bench import FloatArray, Table, WarmnasError


def charged_seconds(table: Table, task: str, schedule: int | None, limit: float) -> FloatArray:
    """Seconds of the observed training of each of a task's candidates, (candidates,).

    Raises:
        WarmnasError: where the table has no time for one of them, or where ``limit`` is enough for none.
    """
    seconds = table.training_seconds(task, schedule)
    rows = table.candidates(task).table_rows
    missing = len(rows) if seconds is None else int(np.isnan(seconds[rows]).sum())
    if seconds is None or missing:
        which = "" if schedule is None else f" of the {schedule}-epoch schedule"
        raise WarmnasError(
            f"{table.name} has no training times{which} for {missing} of the {len(rows)} candidates of {task}, "
            "and --seconds charges them; leave --seconds out, or use a table with train_seconds"
        )
    if (seconds[rows] < 0).any():
        raise WarmnasError(f"{table.name}: train_seconds of {task} holds a time below 0, which --seconds cannot charge")
    if not limit >= (cheapest := float(seconds[rows].min())):
        raise WarmnasError(f"--seconds {limit:g}: the shortest training on {task} takes {cheapest:.1f} s; give more")
    return seconds[rows]


@dataclass
class Clock:
    """Time spent by runs in lock-step.

    Attributes:
        limit: seconds of each run.
        spent: seconds charged so far, shape (runs,).
        running: runs that have not come to their end, shape (runs,).
        evaluations: trainings granted so far, shape (runs,).
    """

    limit: float
    spent: FloatArray
    running: npt.NDArray[np.bool_]
    evaluations: npt.NDArray[np.int64]

    @classmethod
    def start(cls, limit: float, runs: int) -> Clock:
        """A clock at 0 for so many runs."""
        return cls(limit, np.zeros(runs), np.ones(runs, dtype=bool), np.zeros(runs, dtype=np.int64))

    def charge(self, seconds: FloatArray) -> npt.NDArray[np.bool_]:
        """Grant a training of so many seconds (runs,) where it fits; which runs got it, (runs,)."""
        after = self.spent + seconds
        self.running = self.running & ((after <= self.limit) | (self.evaluations == 0))
        self.spent = np.where(self.running, after, self.spent)
        self.evaluations = self.evaluations + self.running
        return self.running
