"""Learning curves of a Table: one for each training, that is for each (architecture, seed) of a task."""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray, IntArray, Split, Table, WarmnasError
from .partial import Curves


def table_curves(
    table: Table, task: str, split: Split | str = Split.VAL, schedule: int | None = None
) -> tuple[Curves, IntArray]:
    """Curves of a task, and the table's row of the architecture of each, (curves,).

    Every epoch that was recorded is seen, epoch e in column e; trainings of which nothing was recorded are left out.
    Encodings are the one-hot genes, training losses those of the table.

    Raises:
        SplitAbsent, UnknownName: as :meth:`Table.resolve` and :meth:`Table.at_schedule`.
        WarmnasError: where the table has no epochs, or epochs that count the layers of a prefix.
    """
    table.resolve(task, split)
    variable = Split(split).variable
    if table.prefixes is not None or "epoch" not in table.data[variable].dims:
        raise WarmnasError(f"{table.name} has no learning curves of {task}: none of its epochs is a prefix of one training")
    values = by_training(table, variable, task, schedule)
    recorded = ~np.isnan(values).all(axis=2)
    if not recorded.any():
        raise WarmnasError(f"{table.name} has not one learning curve of {task}")
    rows: IntArray = np.nonzero(recorded)[0]
    losses = by_training(table, "train_loss", task, schedule)[recorded] if "train_loss" in table.data else None
    encodings = table.space.one_hot(table.genotypes[rows]).reshape(len(rows), -1)
    return Curves(values[recorded], table.metrics[task], encodings=encodings, train_losses=losses, trusted=True), rows


def by_training(table: Table, variable: str, task: str, schedule: int | None) -> FloatArray:
    """A variable of a task by architecture, seed and epoch, (architectures, seeds, last epoch), NaN where there is none."""
    array = table.at_schedule(table.data[variable][table.tasks.index(task)], schedule)
    if "seed" not in array.dims:
        array = array.expand_dims("seed")
    array = array.transpose("architecture", "seed", "epoch")
    epochs = array["epoch"].values.astype(np.int64)
    values = np.full((*array.shape[:2], int(epochs.max())), np.nan)
    values[:, :, epochs - 1] = array.values
    return values
