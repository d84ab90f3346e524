"""Trials that a table holds already: the inverse of the export, so that a generation goes on from a shipped table.

A trial of the table is taken for one of the plan where space, architecture, seed and images (by their hash) are the same
and so is the recipe, and where every epoch of it was measured. Its numbers are the table's: rounded, where it is compact.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...bench.errors import WarmnasError
from ...bench.table import Table
from .export import HASH, VARIABLES
from .trial import Trial

if TYPE_CHECKING:
    from ..training.recipe import Recipe


class Known(NamedTuple):
    """A trial that needs no training: its epochs, shape (epochs, columns), and what its network costs."""

    trial: Trial
    epochs: np.ndarray[Any, np.dtype[np.float64]]
    params: int
    flops: int
    batch: int


def known(trials: Iterable[Trial], table: Table) -> Iterator[Known]:
    """Those of the trials that the table holds.

    Raises:
        WarmnasError: where the table is not one that an experiment store was exported to.
    """
    data = table.data
    absent = [name for name in (*VARIABLES, "params", "flops") if name not in data]
    if absent or "recipe" not in data.attrs or "seed" not in data.dims or "epoch" not in data.dims:
        raise WarmnasError(f"table {table.name}: no trials to go on from; name one that warmnas metadata export wrote")
    recipe = json.loads(str(data.attrs["recipe"]))
    tasks = {key.partition("/")[0]: i for i, task in enumerate(table.tasks) for key in table.splits[task].values()}
    rows = {name: i for i, name in enumerate(table.names)}
    seeds = {int(seed): i for i, seed in enumerate(data["seed"].values)}
    order = ("task", "architecture", "seed", "epoch")
    values = np.stack([data[name].transpose(*order).values for name in VARIABLES], axis=-1).astype(np.float64)
    costs = np.stack([data[name].transpose(*order[:2]).values for name in ("params", "flops")], axis=-1)
    batch = 2 if data["train_seconds"].attrs.get("timed") == "shared" else 1
    for trial in trials:
        place = tasks.get(trial.task_hash[:HASH]), rows.get(trial.genotype), seeds.get(trial.seed)
        if trial.space != table.space.name or None in place or _shape(trial.recipe) != recipe:
            continue
        task, row, seed = place
        epochs = values[task, row, seed, : trial.rows]
        if np.isfinite(epochs).all() and np.isfinite(costs[task, row]).all() and len(epochs) == trial.rows:
            params, flops = (int(cost) for cost in costs[task, row])
            yield Known(trial, epochs, params, flops, batch)


def _shape(recipe: Recipe) -> dict[str, Any]:
    """What a table says of its recipe: all but how many images there are to train on, which the images' hash decides."""
    return {key: value for key, value in recipe.as_dict().items() if key != "train_size"}
