"""What an evaluation is: a look-up in a table here, a real training elsewhere; an optimizer cannot tell which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from ..bench import FloatArray, Genotypes, Split, Table, WarmnasError
from .streams import Streams

Observe = Literal["mean", "seed"]


@dataclass(frozen=True)
class Evaluation:
    """Results of some architectures.

    Attributes:
        values: what the optimizer sees, larger being better, shape (runs, n).
        seconds: what the trainings took, shape (runs, n); NaN where the table does not say.
        curves: validation value per epoch, shape (runs, n, epochs), or None where there are no curves.
    """

    values: FloatArray
    seconds: FloatArray
    curves: FloatArray | None = None


class Evaluator(Protocol):
    """Trains architectures, or knows what came of it."""

    def evaluate(self, genotypes: Genotypes, epochs: int | None = None) -> Evaluation:
        """Results of (runs, n, genes) after ``epochs``, or after the whole training."""
        ...


class TableEvaluator:
    """Looks up the validation value in a table; training times of the table are the simulated clock.

    Args:
        table: where to look.
        task: which task of it.
        observe: ``mean`` over the seeds present, or one recorded ``seed`` drawn per evaluation, as a real training.
        streams: where the draws come from.
        schedule: total epochs of the training that is observed and charged; None for the longest.
    """

    def __init__(self, table: Table, task: str, observe: Observe, streams: Streams, schedule: int | None = None) -> None:
        self._task = task
        self._candidates = table.candidates(task)
        rows = self._candidates.table_rows
        sign = table.metrics[task].sign
        self._means = sign * table.schedule_values(task, schedule, Split.VAL)[rows]
        seconds = table.training_seconds(task, schedule)
        self._seconds = np.full(len(rows), np.nan) if seconds is None else seconds[rows]
        self._streams = streams
        self._seeds = None
        if observe == "seed":
            values, self._counts = recorded_seeds(table, task, schedule)
            self._seeds = sign * values

    def evaluate(self, genotypes: Genotypes, epochs: int | None = None) -> Evaluation:
        """See :class:`Evaluator`; this table's runs are whole trainings, so ``epochs`` is not taken."""
        if epochs is not None:
            raise WarmnasError("this evaluator has whole trainings only, no epochs to stop at")
        rows = self._candidates.rows(genotypes)
        if rows.min() < 0:
            raise WarmnasError(f"an architecture was proposed that is not a candidate of {self._task}")
        if self._seeds is None:
            values = self._means.take(rows)
        else:
            pick = (self._streams.random(rows.shape) * self._counts[rows]).astype(np.int64)
            values = self._seeds[rows, pick]
        return Evaluation(values, self._seconds.take(rows))


def recorded_seeds(table: Table, task: str, schedule: int | None = None) -> tuple[FloatArray, FloatArray]:
    """Values per seed with the missing ones moved to the end, (candidates, seeds), and how many there are."""
    if not table.seeds:
        raise WarmnasError(f"{table.name} has only means over seeds; leave --observe seed out")
    values = table.seed_values(task, Split.VAL, schedule)[table.candidates(task).table_rows]
    missing = np.isnan(values)
    order = np.argsort(missing, axis=1, kind="stable")
    return np.take_along_axis(values, order, axis=1), (~missing).sum(axis=1).astype(np.float64)
