"""Which trials of a store make one table: those of one space and one recipe."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from ...bench.errors import UnknownName, WarmnasError
from .trial import recipe_from

if TYPE_CHECKING:
    from .store import ExperimentStore


class Row(NamedTuple):
    """A trial that is exported."""

    number: int
    space: str
    genotype: str
    task: str  # hash
    seed: int
    recipe: str
    batch: int
    params: int | None
    flops: int | None
    epochs: int  # that were to be reported


class TaskRow(NamedTuple):
    """A row of the store's tasks."""

    hash: str
    name: str
    family: str
    classes: int
    train: int
    validation: int
    test: int
    source: str
    licence: str


def rows_of(store: ExperimentStore, partial: bool) -> list[Row]:
    """The finished trials, or all that have an epoch; WarmnasError where there is none."""
    columns = "number, space, genotype, task_hash, seed, recipe, batch, params, flops, epochs"
    wanted = "reported > 0 OR number IN (SELECT trial FROM epochs)" if partial else "state = 'done'"
    rows = [Row(*row) for row in store.query(f"SELECT {columns} FROM trials WHERE {wanted} ORDER BY number")]
    if not rows:
        kind = "with an epoch" if partial else "that is finished (see --partial)"
        raise WarmnasError(f"the store {store.path} has no trial {kind}; warmnas metadata generate goes on with it")
    return rows


def without_size(text: str) -> str:
    """Hash of a recipe, whatever the number of training images."""
    return recipe_from(json.dumps({**json.loads(text), "train_size": None})).hash


def only(kind: str, wanted: str | None, rows: list[Row], key: Callable[[Row], str]) -> list[Row]:
    """The rows whose space or recipe is the wanted one, or the only one."""
    names = {text: key(row) for row in rows for text in [row.recipe + row.space]}
    choices = list(dict.fromkeys(names.values()))
    chosen = [choice for choice in choices if choice.startswith(wanted or "")]
    if wanted is not None and not chosen:
        raise UnknownName(f"{kind} of the store", wanted, choices)
    if len(chosen) > 1:
        raise WarmnasError(f"the store has {len(chosen)} {kind}s; name one with --{kind}: {', '.join(chosen)}")
    return [row for row in rows if names[row.recipe + row.space] == chosen[0]]


def tasks_of(store: ExperimentStore, hashes: Iterable[str]) -> list[TaskRow]:
    """Facts of the tasks, each under a name of its own."""
    columns = "hash, name, family, classes, train, validation, test, source, licence"
    wanted = set(hashes)
    found = [(TaskRow(*row[:-1]), row[-1]) for row in store.query(f"SELECT {columns}, options FROM tasks ORDER BY rowid")]
    found = [(task, options) for task, options in found if task.hash in wanted]
    names = [task.name for task, _ in found]
    tasks = [
        task if names.count(task.name) == 1 else task._replace(name=f"{task.name} {options}") for task, options in found
    ]
    if len({task.name for task in tasks}) < len(wanted):
        raise WarmnasError(f"tasks of the store {store.path} cannot be told apart by name: {', '.join(sorted(names))}")
    return tasks
