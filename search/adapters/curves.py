"""Learning curves of a task as arrays, for libraries that look at a training epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...bench import FloatArray, IntArray, Split, Table


@dataclass(frozen=True)
class Curves:
    """What is known of every architecture of a table while it trains.

    Attributes:
        epochs: at which something was recorded, ascending, (epochs,).
        values: validation value, mean over the seeds recorded, (architecture, epochs); NaN where nothing was recorded.
        seconds: since the start of the training, the same shape, or None where the table has no times.
    """

    epochs: IntArray
    values: FloatArray
    seconds: FloatArray | None


def curves_of(table: Table, task: str, schedule: int | None = None) -> Curves:
    """The curves of one schedule, by default of the longest; a single point where the table has only final values.

    A time that the table gives for a whole training is spread evenly over its epochs.
    """
    table.resolve(task, Split.VAL)
    total = table.training_seconds(task, schedule)
    array = table.at_schedule(table.data[Split.VAL.variable][table.tasks.index(task)], schedule)
    if "epoch" not in array.dims or table.prefixes is not None:
        last = np.array([schedule or table.epochs or 1])
        return Curves(last, table.schedule_values(task, schedule)[:, None], None if total is None else total[:, None])
    array = array.transpose("architecture", "epoch", ..., missing_dims="ignore")
    values = _mean(np.asarray(array.values, dtype=np.float64))
    known = np.flatnonzero(~np.isnan(values).all(axis=0))
    epochs: IntArray = np.asarray(array["epoch"].values, dtype=np.int64)
    seconds = None if total is None else _elapsed(table, task, schedule, epochs, total)[:, known]
    return Curves(epochs[known], values[:, known], seconds)


def _elapsed(table: Table, task: str, schedule: int | None, epochs: IntArray, total: FloatArray) -> FloatArray:
    """Seconds since the start at each epoch, (architecture, epochs)."""
    array = table.data["train_seconds"]
    array = table.at_schedule(array[table.tasks.index(task)] if "task" in array.dims else array, schedule)
    if "epoch" not in array.dims:
        spread: FloatArray = total[:, None] * (epochs / epochs[-1])
        return spread
    array = array.transpose("architecture", "epoch", ..., missing_dims="ignore")
    return np.cumsum(_mean(np.asarray(array.values, dtype=np.float64)), axis=1)


def _mean(values: FloatArray) -> FloatArray:
    """Mean over what is recorded along the third axis, if there is one: (a, b) or (a, b, seeds) -> (a, b)."""
    if values.ndim == 2:
        return values
    there = ~np.isnan(values)
    count = there.sum(axis=2)
    mean: FloatArray = np.where(there, values, 0.0).sum(axis=2) / np.where(count, count, np.nan)
    return mean
