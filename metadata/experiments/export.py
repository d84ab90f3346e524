"""Freezing a store to a Table, the project's one form of measurements."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...bench.spaces import space as space_named
from ...bench.table import Table, json_by_task
from ...bench.values import ACCURACY, Split
from .selection import Row, TaskRow, only, rows_of, tasks_of, without_size

if TYPE_CHECKING:
    import xarray as xr

    from .store import ExperimentStore

Floats = npt.NDArray[np.float32]
COLUMNS = ("train_loss", "train_accuracy", "val_accuracy", "test_accuracy", "seconds")  # of the table of epochs
VARIABLES = (*COLUMNS[:-1], "train_seconds")
HASH = 12  # letters of a task's hash that the keys of its splits begin with
UNITS = ("nat", "percent", "percent", "percent", "s")
PER_EPOCH, PER_NETWORK = ("task", "architecture", "seed", "epoch"), ("task", "architecture")


def export(
    store: ExperimentStore, name: str, *, space: str | None = None, recipe: str | None = None, partial: bool = False
) -> Table:
    """The measurements of one space and one recipe.

    Args:
        store: to freeze.
        name: of the table.
        space: which space, where the store has several.
        recipe: its hash, or the beginning, where the store has several. How many training images there are does not
            count: the tasks of a plan may differ in that.
        partial: also the epochs of trials that are not finished, or failed.

    Returns:
        Arrays (task, architecture, seed, epoch) in float32: accuracies in percent, the loss, and the seconds of each
        epoch's training pass; ``params`` and ``flops`` are (task, architecture). What was not measured is NaN. Where
        networks were trained one layer at a time ``epoch`` counts layers, and the attribute ``axis`` is ``prefix``.

    Raises:
        WarmnasError: where there is nothing to export, or it has to be said what.
    """
    rows = only("space", space, rows_of(store, partial), lambda row: row.space)
    rows = only("recipe", recipe, rows, lambda row: without_size(row.recipe))
    tasks = tasks_of(store, {row.task for row in rows})
    return Table(_dataset(store, name, rows, tasks))


def _dataset(store: ExperimentStore, name: str, rows: Sequence[Row], tasks: Sequence[TaskRow]) -> xr.Dataset:
    import xarray as xr

    space = space_named(rows[0].space)
    names = list(dict.fromkeys(row.genotype for row in rows))
    seeds = sorted({row.seed for row in rows})
    cells = _cells(rows, [task.hash for task in tasks], names, seeds)
    recipe = json.loads(rows[0].recipe)
    values = _values(store, rows, cells, (len(tasks), len(names), len(seeds), max(row.epochs for row in rows)))
    timed = "shared" if any(row.batch > 1 for row in rows) else "alone"
    variables: dict[str, Any] = {
        variable: (PER_EPOCH, block, {"units": unit, **({"timed": timed} if unit == "s" else {})})
        for variable, block, unit in zip(VARIABLES, values, UNITS, strict=True)
    }
    for variable in ("params", "flops"):
        block = np.full((len(tasks), len(names)), np.nan)
        block[cells[:, 0], cells[:, 1]] = [np.nan if (v := getattr(row, variable)) is None else v for row in rows]
        variables[variable] = (PER_NETWORK, block, {"units": "1"})
    coords = {
        "task": [task.name for task in tasks],
        "family": ("task", [task.family for task in tasks]),
        "validation_size": ("task", [task.validation for task in tasks]),
        "classes": ("task", [task.classes for task in tasks]),
        "seed": seeds,
        "epoch": np.arange(1, values.shape[-1] + 1),
        "name": ("architecture", names),
        "genotype": (("architecture", "gene"), np.stack([space.from_string(text) for text in names])),
    }
    return xr.Dataset(variables, coords, _attributes(name, rows[0].space, recipe, tasks, values))


def _cells(rows: Sequence[Row], *axes: Sequence[Any]) -> npt.NDArray[np.int64]:
    """Place of each trial, shape (trials, 3): task, architecture, seed."""
    places = [{value: i for i, value in enumerate(axis)} for axis in axes]
    return np.array([[places[0][row.task], places[1][row.genotype], places[2][row.seed]] for row in rows])


def _values(store: ExperimentStore, rows: Sequence[Row], cells: npt.NDArray[np.int64], shape: Sequence[int]) -> Floats:
    """What the epochs measured, shape (variables, task, architecture, seed, epoch), float32."""
    values = np.full((len(COLUMNS), *shape), np.nan, dtype=np.float32)
    place = {row.number: i for i, row in enumerate(rows)}
    found = store.query(f"SELECT trial, epoch, {', '.join(COLUMNS)} FROM epochs WHERE epoch <= ?", (shape[-1],))
    found = [row for row in found if row[0] in place]
    measured = np.array([row[1:] for row in found], dtype=np.float64)  # what is not a number is NULL in SQLite
    task, architecture, seed = cells[[place[row[0]] for row in found]].T
    values[:, task, architecture, seed, measured[:, 0].astype(int) - 1] = measured[:, 1:].T
    return values


def _attributes(name: str, space: str, recipe: dict[str, Any], tasks: Sequence[TaskRow], values: Floats) -> dict[str, Any]:
    from ... import __version__

    measured = {split: ~np.isnan(values[VARIABLES.index(split.variable)]).all(axis=(1, 2, 3)) for split in Split}
    splits = {
        task.name: {split.value: f"{task.hash[:HASH]}/{split.value}" for split in Split if measured[split][place]}
        for place, task in enumerate(tasks)
    }
    sizes = {task.name: {"train": task.train, "val": task.validation, "test": task.test} for task in tasks}
    recipe = {key: value for key, value in recipe.items() if key != "train_size"}
    return {
        **({"axis": "prefix"} if recipe.get("incremental") else {}),
        "name": name,
        "space": space,
        "protocol": ", ".join(f"{key} {value}" for key, value in recipe.items()),
        "recipe": json.dumps(recipe, sort_keys=True),
        "epochs": recipe["epochs"],
        "leave_out": "family",
        "splits": json_by_task(splits),
        "sizes": json_by_task(sizes),
        "metrics": json_by_task({task.name: vars(ACCURACY) for task in tasks}),
        "source": f"trained by warmnas {__version__} on: " + "; ".join(f"{task.name}: {task.source}" for task in tasks),
        "licence": "; ".join(dict.fromkeys(task.licence for task in tasks)),
    }
