"""What a table's tasks teach: their sets, and the validation values of what was measured on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...bench import Split, Table, WarmnasError
from ...metadata.tasks.spec import parse
from .described import described, sets_of
from .model import FEWEST, Experience


def experience(table: Table, tasks: Sequence[str], reads: str = "auto") -> list[Experience]:
    """One :class:`Experience` per task, larger values being better.

    Tasks with fewer than FEWEST architectures are left out.

    Raises WarmnasError where neither images nor stored embeddings of all of them are there.
    """
    measured = [task for task in tasks if table.has(task, Split.VAL) and len(table.candidates(task)) >= FEWEST]
    sets = sets_of([described(table, task) for task in measured], reads)
    found = []
    for task, one in zip(measured, sets, strict=True):
        rows = table.candidates(task)
        values = table.metrics[task].sign * table.values(task, rows.table_rows)
        kept = np.isfinite(values)
        if kept.sum() >= FEWEST:
            found.append(Experience(task, one, rows.genotypes[kept], values[kept]))
    return found


def apart(table: Table, one: str, other: str) -> bool:
    """Whether two tasks have no class in common, as their names tell.

    They have none where their families differ, or where both draw from disjoint parts of one division of the classes.
    """
    if table.family(one) != table.family(other):
        return True
    try:
        a, b = parse(one), parse(other)
    except WarmnasError:
        return False
    if a.part is None or b.part is None or (a.base, a.seed or 0, a.of) != (b.base, b.seed or 0, b.of):
        return False
    return a.part[1] < b.part[0] or b.part[1] < a.part[0]
