"""The problem of a task that no table knows: somebody else's objective, searched by one of our optimizers."""

from __future__ import annotations

import numpy as np

from ...bench import Candidates, SearchSpace, Table, WarmnasError
from ..evaluator import Observe
from ..problem import Problem, SourceTask
from ..sources import draw_sources, source_tasks

NEW_TASK = ""  # the name of the target, which no source has


def fresh_problem(
    where: SearchSpace | Table,
    *,
    budget: int,
    seed: int = 0,
    sources: str = "all",
    source_rows: int | None = None,
    observe: Observe = "mean",
) -> Problem:
    """A single run among the architectures of a space, or among those of a table, whose tasks are then the sources.

    Args:
        where: a search space, which gives no sources, or a table.
        budget: evaluations at most.
        seed: of everything that is drawn.
        sources: ``all``, ``none`` or names of the table's tasks with commas between.
        source_rows: architectures known of each source; None for all.
        observe: what is known of a source, as in a study.
    """
    space = where.space if isinstance(where, Table) else where
    genotypes = where.genotypes if isinstance(where, Table) else space.all_genotypes()
    genotypes = genotypes[space.valid(genotypes)]
    if not 1 <= budget <= len(genotypes):
        raise WarmnasError(f"a budget of {budget}: there are 1 to {len(genotypes)} architectures to evaluate")
    seeds = (np.random.SeedSequence(seed),)
    known: tuple[SourceTask, ...] = ()
    if isinstance(where, Table):
        names = source_tasks(where, NEW_TASK, sources, "task")
        known = draw_sources(where, names, source_rows, seeds, observe)
    candidates = Candidates(space, genotypes, np.arange(len(genotypes)))
    return Problem(candidates, seeds, budget, known, space.live_params(genotypes, 10))
