"""Descriptors of a table's tasks (``warmnas.metadata.descriptors``), computed once and remembered in the store."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...bench.errors import WarmnasError
from ...bench.table import Table
from .export import HASH
from .plan import Opener, TaskChoice
from .trial import recipe_from

if TYPE_CHECKING:
    from .store import ExperimentStore

Progress = Callable[[int, int], None]  # tasks described, tasks in all


def describe(table: Table, store: ExperimentStore, opener: Opener | None = None, progress: Progress | None = None) -> Table:
    """The table with what its tasks are like: ``landmark_accuracy``, ``dcn``, ``embedding``.

    Args:
        table: exported from the store.
        store: knows how each task was opened, and remembers its descriptors.
        opener: opens a task; ``warmnas.metadata.tasks.open_task`` if left out.
        progress: told after every task; one takes up to a minute.

    Returns:
        The table with ``landmark_accuracy`` (task, landmark, landmark_seed) in percent, ``dcn`` (task) from 0 at chance to
        1 and ``embedding`` (task, feature).

    Raises:
        WarmnasError: where the images of a task are not here, or are not those that were trained on.
    """
    import xarray as xr

    from ..descriptors import FEATURES, LANDMARKS
    from ..descriptors.landmarks import SEEDS

    found = []
    for task in table.tasks:
        found.append(_described(next(iter(table.splits[task].values()))[:HASH], store, opener))
        if progress is not None:
            progress(len(found), len(table.tasks))
    landmarks = ("task", "landmark", "landmark_seed")
    variables = {
        "landmark_accuracy": (landmarks, np.array([one["landmarks"] for one in found]), {"units": "percent"}),
        "dcn": ("task", np.array([one["dcn"] for one in found]), {"units": "1"}),
        "embedding": (("task", "feature"), np.array([one["embedding"] for one in found]), {"units": "1"}),
    }
    added = xr.Dataset(variables, {"landmark": list(LANDMARKS), "landmark_seed": list(SEEDS), "feature": list(FEATURES)})
    return Table(table.data.merge(added, combine_attrs="override"))


def _described(short: str, store: ExperimentStore, opener: Opener | None) -> dict[str, Any]:
    """The descriptors of the task whose hash begins so."""
    ((whole, spec, options),) = store.query(
        "SELECT hash, spec, options FROM tasks WHERE SUBSTR(hash, 1, ?) = ?", (HASH, short)
    )
    key = f"descriptors {whole}"
    if noted := store.query("SELECT value FROM notes WHERE key = ?", (key,)):
        known: dict[str, Any] = json.loads(noted[0][0])
        return known
    ((text,),) = store.query("SELECT recipe FROM trials WHERE task_hash = ? LIMIT 1", (whole,))
    if opener is None:
        from ..tasks import open_task

        opener = open_task
    recipe = recipe_from(text)
    task = TaskChoice(spec, **json.loads(options)).open(recipe, opener)
    if task.hash != whole:
        raise WarmnasError(f"task '{spec}': these are not the images that were trained on; find those, or export without")
    from ..descriptors import characterise, embed
    from ..descriptors.landmarks import RECIPE

    landmarks = characterise(task, replace(RECIPE, resolution=recipe.resolution))
    result = {"landmarks": landmarks.accuracy.tolist(), "dcn": landmarks.dcn, "embedding": embed(task).tolist()}
    store.note(key, json.dumps(result))
    return result
