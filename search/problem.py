"""What an optimizer may know of a search: the candidates, the sources, what is free to compute. Nothing else.

The target's values reach it one by one through ``tell``; the test split never does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..bench import Candidates, FloatArray, Genotypes, IntArray
from .streams import Streams

if TYPE_CHECKING:
    from ..transfer.rapidnas.described import Described
    from .chains import Chains


@dataclass(frozen=True)
class SourceTask:
    """What was measured on one earlier task, a sample of rows per run.

    Attributes:
        name: of the task.
        genotypes: shape (runs, rows, genes).
        values: shape (runs, rows); larger is better.
    """

    name: str
    genotypes: Genotypes
    values: FloatArray


@dataclass(frozen=True)
class Problem:
    """One target task, to be searched by ``runs`` independent runs.

    Attributes:
        candidates: the architectures to choose from.
        seeds: one per run; all randomness of a run derives from it.
        budget: evaluations per run at most: all candidates where only a time budget ends a run, so that an optimizer should
            not reserve memory for it.
        sources: earlier tasks, perhaps none.
        live_params: parameters on live paths, shape (candidates,), or None where the space does not say.
        described: what the table says of the images of the target and of each source, in this order; perhaps nothing.
        costs: of each candidate, 0 the cheapest and 1 the dearest, where a study has a second objective (see
            :mod:`warmnas.search.objectives`), shape (candidates,); else None.
        chains: what is known of the tasks where the table is of chains with DCNs, else None.
    """

    candidates: Candidates
    seeds: tuple[np.random.SeedSequence, ...]
    budget: int
    sources: tuple[SourceTask, ...] = ()
    live_params: FloatArray | None = None
    described: tuple[Described, ...] = ()
    chains: Chains | None = None
    costs: FloatArray | None = None

    @property
    def runs(self) -> int:
        """Number of runs in lock-step."""
        return len(self.seeds)

    def costs_of(self, rows: IntArray) -> FloatArray:
        """Costs of some candidates, in the shape of ``rows``; zeros where there is no second objective."""
        return np.zeros(rows.shape) if self.costs is None else self.costs.take(rows)

    def streams(self) -> Streams:
        """Fresh random streams, the same at every call."""
        return Streams(self.seeds)

    def part(self, first: int, end: int) -> Problem:
        """The same problem for the runs ``first`` to ``end - 1`` only."""
        some = slice(first, end)
        sources = tuple(replace(s, genotypes=s.genotypes[some], values=s.values[some]) for s in self.sources)
        return replace(self, seeds=self.seeds[some], sources=sources)

    def single(self, run: int) -> Problem:
        """The same problem for one of the runs alone."""
        return self.part(run, run + 1)
