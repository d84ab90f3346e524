"""From the tasks of a table to sets: their images, found again by name and hash, or the embedding that the table stores.

A table that an experiment store was exported to names its tasks as they are opened, and the keys of its splits begin with
the hash of the images. So the images that were trained on are read again, and others are refused. What was computed of
them is remembered in the process and in the cache folder, by that hash.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...bench import FloatArray, Table, UnknownName, WarmnasError
from ...bench.benchmarks import cache_folder

if TYPE_CHECKING:
    from .sets import TaskSet

READS = ("auto", "images", "embedding")
VERSION = 1  # of the features
_KEY = re.compile("([0-9a-f]{12})/(train|val|test)")
_known: dict[str, TaskSet] = {}


@dataclass(frozen=True)
class Described:
    """What a table says of a task's images.

    Attributes:
        table, name, family: of the task.
        key: the first twelve letters of the hash of its images; empty where the table does not say.
        resolution, train: side in pixels and number of training images, None where the table does not say.
        embedding: (numbers,), None where the table has none.
    """

    table: str
    name: str
    family: str
    key: str = ""
    resolution: int | None = None
    train: int | None = None
    embedding: FloatArray | None = None


def described(table: Table, task: str) -> Described:
    """What a table says of one of its tasks; no value of any architecture is read."""
    attrs = table.data.attrs
    keys = [match[1] for key in table.splits[task].values() if (match := _KEY.fullmatch(str(key)))]
    recipe, sizes = (json.loads(str(attrs.get(name, "{}"))) for name in ("recipe", "sizes"))
    embedding = None
    if "embedding" in table.data and table.data["embedding"].dims[:1] == ("task",):
        numbers = np.asarray(table.data["embedding"].values[table.tasks.index(task)], dtype=np.float64).reshape(-1)
        embedding = numbers if np.isfinite(numbers).all() else None
    return Described(
        table.name,
        task,
        table.family(task),
        keys[0] if keys and "resolution" in recipe else "",
        recipe.get("resolution"),
        sizes.get(task, {}).get("train"),
        embedding,
    )


def sets_of(tasks: Sequence[Described], reads: str = "auto") -> list[TaskSet]:
    """One set per task, all of one kind.

    Args:
        tasks: what is known of them.
        reads: ``images``, ``embedding``, or ``auto``: images where all tasks' are here, else stored embeddings.

    Raises:
        UnknownName: for another ``reads``.
        WarmnasError: in one line, naming the task, where neither is there.
    """
    if reads not in READS:
        raise UnknownName("what RapidNAS reads", reads, READS)
    without = next((one.name for one in tasks if one.embedding is None), None)
    if reads == "embedding" and without is not None:
        raise WarmnasError(f"rapidnas: no embedding of task '{without}' is stored; export the table with --describe")
    if reads == "embedding":
        from .sets import embedding_set

        return [embedding_set(one.embedding) for one in tasks if one.embedding is not None]
    try:
        return [_of_images(one) for one in tasks]
    except WarmnasError as error:
        if reads == "auto" and without is None:
            return sets_of(tasks, "embedding")
        raise WarmnasError(f"{error}; and no embedding is stored" if reads == "auto" else str(error)) from error


def pictured(targets: Sequence[tuple[Table, str]]) -> bool:
    """Whether there are images, or else stored embeddings, of all tasks of the tables of these (table, task)."""
    tables = {id(table): table for table, _ in targets}
    try:
        for table in tables.values():
            sets_of([described(table, task) for task in table.tasks])
    except WarmnasError:
        return False
    return True


def _of_images(one: Described) -> TaskSet:
    if not one.key:
        raise WarmnasError(f"rapidnas: the table {one.table} does not say which images its task '{one.name}' has")
    if one.key not in _known:
        path = cache_folder() / f"task-{one.key}-features{VERSION}.npz"
        found = _read(path)
        if found is None:
            found = _open(one)
            _write(path, found)
        _known[one.key] = found
    return _known[one.key]


def _open(one: Described) -> TaskSet:
    from ...metadata.tasks import open_task
    from .sets import image_set

    try:
        task = open_task(one.name, resolution=one.resolution, train_size=one.train)
    except WarmnasError as error:
        raise WarmnasError(f"rapidnas: the images of task '{one.name}' are not here ({error})") from error
    if not task.hash.startswith(one.key):
        raise WarmnasError(f"rapidnas: the images of task '{one.name}' here are not those of the table {one.table}")
    return image_set(task)


def _read(path: Path) -> TaskSet | None:
    """Features from the cache; None where they are not there or not whole."""
    from .sets import FEATURES, TaskSet

    try:
        with np.load(path, allow_pickle=False) as file:
            found = TaskSet(file["features"].astype(np.float32), file["counts"], file["sizes"])
        return found if found.features.shape[2] == FEATURES else None
    except (OSError, LookupError, ValueError, EOFError, zipfile.BadZipFile, WarmnasError):
        return None


def _write(path: Path, found: TaskSet) -> None:
    """Into the cache; a folder that cannot be written to costs time at the next start."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(beside, "wb") as file:
            np.savez_compressed(file, features=found.features, counts=found.counts, sizes=found.sizes)
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
