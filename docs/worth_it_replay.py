"""Searches replayed over the pool of docs/worth_it.md: ten trainings each, the ResNet cell the first of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from warmnas.bench import Candidates, Genotypes, SearchSpace, open_benchmark
from warmnas.metadata.tasks import ImageTask
from warmnas.search.live.problem import problem, table_sources
from warmnas.search.live.run import TABLES
from warmnas.search.optimizer import make_optimizer
from warmnas.search.problem import SourceTask

SEARCHES = ("warm", "source-ranking", "live-params", "random", "rea[population=4]")
OUT = 0.25  # of the pool's cells, that a paired seed leaves out


def sources_of(space: SearchSpace, task: ImageTask) -> list[SourceTask]:
    """What ``warmnas search`` starts from."""
    return table_sources([open_benchmark(name) for name in TABLES], space, task.family, task.hash)


def choices(measured: Sequence[int], seed: int) -> list[int]:
    """The cells that the searches of a paired seed may choose from: the ResNet cell, and three quarters of the others."""
    others = np.array([cell for cell in measured if cell])
    kept = np.random.default_rng([seed, 7]).permutation(len(others))[: round(len(others) * (1 - OUT))]
    return [0, *np.sort(others[kept]).tolist()]


def replay(
    space: SearchSpace, cells: Genotypes, values: np.ndarray, task: ImageTask, sources: Sequence[SourceTask],
    optimizer: str, budget: int, seed: int,
) -> list[int]:  # fmt: skip
    """Place of the best cell by validation after every training of a search, as many as its budget allows.

    Args:
        space: of the cells.
        cells: genotypes of the pool, (n, genes), the ResNet cell first.
        values: their validation accuracy, (n,); NaN where it is not known yet.
        task: whose they are.
        sources: earlier tasks.
        optimizer: proposes.
        budget: trainings, the ResNet cell's included; no more than there are candidates.
        seed: of the paired searches: they have the same candidates.
    """
    listed = choices(np.flatnonzero(np.isfinite(values)).tolist(), seed)
    candidates = Candidates(space, cells[listed], np.array(listed))
    trainings = min(budget, len(listed) - 1)
    given = problem(candidates, sources, task.name, trainings, seed, len(task.classes))
    search, taken = make_optimizer(optimizer, given), [0]
    rng = np.random.default_rng([seed, 8])
    while True:
        search.tell(candidates.genotypes[taken[-1]][None, None], values[[[listed[taken[-1]]]]])
        if len(taken) == trainings:
            return [listed[max(taken[:end], key=lambda row: values[listed[row]])] for end in range(1, trainings + 1)]
        taken.append(_next(search, candidates, taken, rng))


def _next(search: object, candidates: Candidates, taken: Sequence[int], rng: np.random.Generator) -> int:
    """A proposal that is no cell of this search yet, as in a live search."""
    for _ in range(50):
        row = int(candidates.rows(search.ask(1)[0])[0])  # type: ignore[attr-defined]
        if row >= 0 and row not in taken:
            return row
    return int(rng.choice(np.setdiff1d(np.arange(len(candidates)), taken)))
