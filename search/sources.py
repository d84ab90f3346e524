"""Which earlier tasks a run may learn from, and the rows of them that it draws."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..bench import Split, Table, UnknownName, WarmnasError
from .evaluator import Observe, recorded_seeds
from .problem import SourceTask
from .streams import child

LeaveOut = Literal["task", "family"]
_STREAM = 3  # key of the child stream that draws source rows


def source_tasks(
    table: Table, target: str, sources: str, leave_out: LeaveOut, schedule: int | None = None
) -> tuple[str, ...]:
    """Names of the source tasks of a target.

    Args:
        table: benchmark of the target; sources come from the same one.
        target: the task that is searched, never a source.
        sources: ``all``, ``none`` or names with commas between.
        leave_out: ``task`` leaves out the target, ``family`` every task of its family.
        schedule: what is observed, on sources as on the target; a task without values of that schedule is no source.

    Raises:
        UnknownName: where a named source is not a task of the table.
    """
    if sources == "none":
        return ()
    names = list(table.tasks) if sources == "all" else [name.strip() for name in sources.split(",")]
    for name in names:
        if name not in table.tasks:
            raise UnknownName(f"source task of {table.name}", name, ["all", "none", *table.tasks])
    banned = {t for t in table.tasks if t == target or (leave_out == "family" and _related(table, t, target))}
    measured = {t for t in names if table.has(t, Split.VAL) and _seen(table, t, schedule)}
    return tuple(name for name in names if name not in banned and name in measured)


def _seen(table: Table, task: str, schedule: int | None) -> bool:
    return schedule is None or not np.isnan(table.schedule_values(task, schedule)).all()


def _related(table: Table, one: str, other: str) -> bool:
    return table.family(one) == table.family(other)


def draw_sources(
    table: Table,
    names: tuple[str, ...],
    rows: int | None,
    seeds: tuple[np.random.SeedSequence, ...],
    observe: Observe,
    schedule: int | None = None,
) -> tuple[SourceTask, ...]:
    """Every run's own sample of ``rows`` architectures per source task, or all of them.

    What is seen of a source follows ``observe`` and ``schedule``, as on the target: two fidelities are never mixed.
    """
    generators = [np.random.default_rng(child(seed, _STREAM)) for seed in seeds]
    drawn = []
    for name in names:
        candidates = table.candidates(name)
        means = table.schedule_values(name, schedule)[candidates.table_rows]
        known = np.flatnonzero(~np.isnan(means))
        if rows is not None and not 1 <= rows <= len(known):
            raise WarmnasError(f"--source-rows {rows}: {name} has 1 to {len(known)} rows, or write all")
        sign = table.metrics[name].sign
        if rows is None:
            picks = np.broadcast_to(known, (len(seeds), len(known)))
        else:
            picks = known[np.stack([g.choice(len(known), rows, replace=False) for g in generators])]
        if observe == "seed":
            values, counts = recorded_seeds(table, name, schedule)
            which = np.stack([g.random(picks.shape[1]) for g in generators])
            seen = values[picks, (which * counts[picks]).astype(np.int64)]
        else:
            # All rows are the same for every run: a broadcast, which nobody need copy.
            seen = np.broadcast_to(means[known], picks.shape) if rows is None else means[picks]
        genotypes = (
            np.broadcast_to(candidates.genotypes[known], (*picks.shape, candidates.genotypes.shape[1]))
            if rows is None
            else candidates.genotypes[picks]
        )
        drawn.append(SourceTask(name, genotypes, seen if sign > 0 else -seen))
    return tuple(drawn)
