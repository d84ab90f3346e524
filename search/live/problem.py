"""What an optimizer may know of a search on images: the function classes of the space, and earlier tasks.

Earlier tasks are those of the shipped tables and of the experiment store. A task of the data's own family is none, nor is
one of the very same images. Rows of one function class are averaged: several strings that are the same network are several
trainings of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import numpy as np

from ...bench import Candidates, FloatArray, Genotypes, SearchSpace, Split, Table, WarmnasError
from ...bench.spaces.base import ENUMERABLE
from ...metadata.experiments import ExperimentStore
from ...metadata.tasks import ImageTask
from ...transfer.rapidnas.described import Described, described
from ..problem import Problem, SourceTask
from ..protocol import run_seeds
from ..stoppers import SourceCurves

FEWEST = 4  # finished architectures that make an earlier search a source
HASH = 12  # letters of a task's hash that the keys of a table's splits begin with
SPARE = 1  # evaluations beyond the budget: an optimizer may propose the reference cell once more


def candidates(space: SearchSpace) -> Candidates:
    """One architecture of each function class whose input reaches its output; the reference as it is usually written."""
    if space.size > ENUMERABLE:
        raise WarmnasError(f"--space {space.name}: too large to list, and a search on images works on a list")
    genotypes = space.all_genotypes()
    genotypes = genotypes[space.valid(genotypes)]
    genotypes = space.canonical(genotypes[space.connected(genotypes)])
    listed = genotypes[np.sort(np.unique(space.index(genotypes), return_index=True)[1])]
    if (usual := space.reference()) is not None:
        listed[(listed == space.canonical(usual)).all(axis=1)] = usual
    return Candidates(space, listed, np.arange(len(listed)))


def by_class(space: SearchSpace, genotypes: Genotypes, values: FloatArray) -> tuple[Genotypes, FloatArray]:
    """Means over the rows of each function class: (n, genes), (n,) -> (m, genes), (m,)."""
    canonical = space.canonical(genotypes)
    _, first, number = np.unique(space.index(canonical), return_index=True, return_inverse=True)
    return canonical[first], np.bincount(number, values) / np.bincount(number)


def table_sources(tables: Iterable[Table], space: SearchSpace, family: str, digest: str) -> list[SourceTask]:
    """Tasks of tables of this space, without those of the family or of the same images; values are larger-is-better."""
    found = []
    for table in tables:
        if table.space.name != space.name:
            continue
        for task in table.tasks:
            same = any(key.startswith(digest[:HASH]) for key in table.splits[task].values())
            if same or table.family(task) == family or not table.has(task, Split.VAL):
                continue
            rows = table.candidates(task).table_rows
            values = table.metrics[task].sign * table.values(task, rows)
            genotypes, means = by_class(space, table.genotypes[rows], values)
            found.append(SourceTask(f"{table.name}:{task}", genotypes[None], means[None]))
    return found


def store_sources(store: ExperimentStore, space: SearchSpace, family: str, digest: str) -> list[SourceTask]:
    """Tasks of earlier searches, one per task and recipe: what was trained to the end."""
    query = """SELECT tasks.name, tasks.family, trials.task_hash, recipe, genotype, val_accuracy FROM trials
        JOIN epochs ON trial = number AND epoch = trials.epochs JOIN tasks ON tasks.hash = trials.task_hash
        WHERE state = 'done' AND space = ? AND val_accuracy IS NOT NULL ORDER BY number"""
    groups: dict[tuple[str, str], list[tuple[str, str, float]]] = {}
    for name, other, images, recipe, genotype, value in store.query(query, (space.name,)):
        if other != family and images != digest and not json.loads(recipe).get("incremental"):
            groups.setdefault((images, recipe), []).append((name, genotype, value))
    found = []
    for rows in groups.values():
        genotypes = np.stack([space.from_string(genotype) for _, genotype, _ in rows])
        genotypes, means = by_class(space, genotypes, np.array([value for *_, value in rows]))
        if len(means) >= FEWEST:
            found.append(SourceTask(f"store:{rows[0][0]}", genotypes[None], means[None]))
    return found


def descriptions(
    task: ImageTask, spec: str, tables: Iterable[Table], sources: Sequence[SourceTask]
) -> tuple[Described, ...]:
    """Where the images of the target and of each source are found, for optimizers that look at training images."""
    known = {f"{table.name}:{name}": (table, name) for table in tables for name in table.tasks}
    target = Described("the data", spec, task.family, task.hash[:HASH], task.shape[0])
    others = (
        described(*known[source.name]) if source.name in known else Described("", source.name, "") for source in sources
    )
    return (target, *others)


def source_curves(tables: Iterable[Table], names: Sequence[str]) -> tuple[SourceCurves, ...]:
    """Whole learning curves of the source tasks of these names; tables without epochs have none."""
    found = []
    for table in tables:
        if "epoch" not in table.data.dims or table.prefixes is not None:
            continue
        for place, task in enumerate(table.tasks):
            if f"{table.name}:{task}" not in names:
                continue
            values, losses = (_curves(table, variable, place) for variable in ("val_accuracy", "train_loss"))
            if values is None:
                continue
            whole = np.isfinite(values).all(axis=1)
            if whole.any():
                kept = None if losses is None else losses[whole]
                found.append(SourceCurves(task, table.genotypes[whole], values[whole], kept, table.family(task)))
    return tuple(found)


def _curves(table: Table, variable: str, place: int) -> FloatArray | None:
    """Of one seed per architecture, the first that was trained to the end: (architectures, epochs)."""
    if variable not in table.data:
        return None
    array = table.data[variable][place]
    if "schedule" in array.dims:
        return None
    if "seed" in array.dims:
        block = array.transpose("architecture", "seed", "epoch").values.astype(np.float64)
        first = np.isfinite(block).all(axis=2).argmax(axis=1)
        return np.asarray(block[np.arange(len(block)), first])
    return np.asarray(array.transpose("architecture", "epoch").values, dtype=np.float64)


def problem(listed: Candidates, sources: Sequence[SourceTask], name: str, budget: int, seed: int, classes: int) -> Problem:
    """The problem of one search.

    Raises:
        WarmnasError: where the budget is larger than the space.
    """
    if budget + SPARE > len(listed):
        raise WarmnasError(f"--budget {budget}: the space has {len(listed)} different architectures")
    seeds = run_seeds(seed, name, 1)
    params = listed.space.live_params(listed.genotypes, classes)
    return Problem(listed, seeds, budget + SPARE, tuple(sources), params)
