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


def source_tasks(table: Table, target: str, sources: str, leave_out: LeaveOut) -> tuple[str, ...]:
    """Names of the source tasks of a target.

    Args:
        table: benchmark of the target; sources come from the same one.
        target: the task that is searched, never a source.
        sources: ``all``, ``none`` or names with commas between.
        leave_out: ``task`` leaves out the target, ``family`` every task of its family.

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
    return tuple(name for name in names if name not in banned and table.has(name, Split.VAL))


def _related(table: Table, one: str, other: str) -> bool:
    return table.family(one) == table.family(other)


def draw_sources(
    table: Table,
    names: tuple[str, ...],
    rows: int | None,
    seeds: tuple[np.random.SeedSequence, ...],
    observe: Observe,
) -> tuple[SourceTask, ...]:
    """Every run's own sample of ``rows`` architectures per source task, or all of them.

    What is seen of a source follows ``observe``, as on the target.
    """
    generators = [np.random.default_rng(child(seed, _STREAM)) for seed in seeds]
    drawn = []
    for name in names:
        candidates = table.candidates(name)
        if rows is not None and not 1 <= rows <= len(candidates):
            raise WarmnasError(f"--source-rows {rows}: {name} has 1 to {len(candidates)} rows, or write all")
        sign = table.metrics[name].sign
        if rows is None:
            picks = np.broadcast_to(np.arange(len(candidates)), (len(seeds), len(candidates)))
        else:
            picks = np.stack([g.choice(len(candidates), rows, replace=False) for g in generators])
        if observe == "seed":
            values, counts = recorded_seeds(table, name)
            which = np.stack([g.random(picks.shape[1]) for g in generators])
            seen = values[picks, (which * counts[picks]).astype(np.int64)]
        else:
            means = table.values(name, candidates.table_rows)
            # All rows are the same for every run: a broadcast, which nobody need copy.
            seen = np.broadcast_to(means, picks.shape) if rows is None else means[picks]
        genotypes = (
            np.broadcast_to(candidates.genotypes, (len(seeds), *candidates.genotypes.shape))
            if rows is None
            else candidates.genotypes[picks]
        )
        drawn.append(SourceTask(name, genotypes, seen if sign > 0 else -seen))
    return tuple(drawn)
