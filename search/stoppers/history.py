"""What a stopper sees: the trainings of one search so far, each with its validation curve up to where it stands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...bench import ACCURACY, FloatArray, Genotypes, IntArray, Metric, WarmnasError
from ...surrogates.curves import Curves

FIRST_ROOM = 16  # trainings; more room is made by doubling


class History:
    """The trainings of one search, in the order in which they were begun; whoever trains writes it.

    Args:
        total: epochs of a whole training.
        metric: what a value means; accuracy in percent if nothing is said.
        left: candidates that are still to come after those begun; None where nobody knows.

    Attributes:
        left: as above; whoever trains keeps it up to date.
        best: the best final value of a whole training, in the metric's unit; None while there is none.
        incumbent: the training that has it, the earliest in a tie; -1 while there is none.
    """

    def __init__(self, total: int, metric: Metric = ACCURACY, left: int | None = None) -> None:
        if total < 1:
            raise WarmnasError(f"a training of {total} epochs: at least one is needed")
        self.total, self.metric, self.left = total, metric, left
        self.best: float | None = None
        self.incumbent = -1
        self._count = 0
        self._genotypes: list[npt.NDArray[np.int8]] = []
        self._values, self._losses = (np.full((FIRST_ROOM, total), np.nan) for _ in range(2))
        self._seen = np.zeros(FIRST_ROOM, dtype=np.int64)
        self._running, self._failed = (np.zeros(FIRST_ROOM, dtype=bool) for _ in range(2))

    def __len__(self) -> int:
        return self._count

    # --- what whoever trains says ----------------------------------------------------------------------------------
    def add(self, genotype: npt.NDArray[np.int8]) -> int:
        """A training begins, of a genotype (genes,); its number."""
        if self._count == len(self._seen):
            self._double()
        trial, self._count = self._count, self._count + 1
        self._genotypes.append(np.asarray(genotype, dtype=np.int8))
        self._running[trial] = True
        return trial

    def record(self, trial: int, value: float, train_loss: float = np.nan) -> None:
        """The next epoch of a training gave this validation value; WarmnasError where it is not finite."""
        self.extend(trial, np.array([value], dtype=np.float64), np.array([train_loss], dtype=np.float64))

    def extend(self, trial: int, values: FloatArray, losses: FloatArray | None = None) -> None:
        """The next epochs of a training gave these values, (epochs,); NaN where an epoch was passed without a look."""
        first, end = int(self._seen[trial]), int(self._seen[trial]) + len(values)
        if end > self.total:
            raise WarmnasError(f"training {trial} has {first} of its {self.total} epochs, and {len(values)} more came")
        if not np.isfinite(values[-1]):
            raise WarmnasError(f"training {trial}, epoch {end}: the value is no number; call fail where it diverged")
        self._values[trial, first:end] = values
        if losses is not None:
            self._losses[trial, first:end] = losses
        self._seen[trial] = end
        if end == self.total:
            self._running[trial] = False
            final = float(values[-1])
            if self.best is None or self.metric.sign * (final - self.best) > 0:
                self.best, self.incumbent = final, trial

    def stop(self, trial: int) -> None:
        """A training does not go on for now."""
        self._running[trial] = False

    def go_on(self, trial: int) -> None:
        """A training that had been stopped goes on from where it was."""
        self._running[trial] = True

    def fail(self, trial: int) -> None:
        """A training has failed (it diverged, say): it is never asked for again."""
        self._running[trial], self._failed[trial] = False, True

    # --- what a stopper reads --------------------------------------------------------------------------------------
    @property
    def genotypes(self) -> Genotypes:
        """Of all trainings, (trials, genes)."""
        return np.stack(self._genotypes) if self._genotypes else np.empty((0, 0), dtype=np.int8)

    def genotype(self, trial: int) -> npt.NDArray[np.int8]:
        """Of one training, (genes,)."""
        return self._genotypes[trial]

    @property
    def values(self) -> FloatArray:
        """Validation values after each epoch, in the metric's unit, (trials, total), NaN beyond what is seen."""
        return self._values[: self._count]

    @property
    def losses(self) -> FloatArray:
        """Training losses, (trials, total); NaN where none was told."""
        return self._losses[: self._count]

    @property
    def seen(self) -> IntArray:
        """Epochs seen of each, (trials,)."""
        return self._seen[: self._count]

    @property
    def running(self) -> npt.NDArray[np.bool_]:
        """Which are being trained now, (trials,)."""
        return self._running[: self._count]

    @property
    def failed(self) -> npt.NDArray[np.bool_]:
        """Which have failed, (trials,)."""
        return self._failed[: self._count]

    @property
    def complete(self) -> npt.NDArray[np.bool_]:
        """Which were trained to the end, (trials,)."""
        whole: npt.NDArray[np.bool_] = self.seen == self.total
        return whole

    def curves(self, trials: IntArray | list[int]) -> Curves:
        """The curves of some trainings, each of which has an epoch at least."""
        return Curves(self.values[trials], self.metric, self.total, trusted=True)

    def leader(self) -> int:
        """What the search would return now: the incumbent, else the best of those trained longest; -1 if there is none."""
        if self.incumbent >= 0 or not self._count:
            return self.incumbent
        furthest = int(np.where(self.failed, 0, self.seen).max())
        if not furthest:
            return -1
        last = np.where((self.seen == furthest) & ~self.failed, self.metric.sign * self.values[:, furthest - 1], -np.inf)
        return int(np.argmax(last))

    def _double(self) -> None:
        more = len(self._seen)
        self._values, self._losses = (
            np.concatenate([a, np.full((more, self.total), np.nan)]) for a in (self._values, self._losses)
        )
        self._seen = np.concatenate([self._seen, np.zeros(more, dtype=np.int64)])
        self._running, self._failed = (
            np.concatenate([a, np.zeros(more, dtype=bool)]) for a in (self._running, self._failed)
        )
