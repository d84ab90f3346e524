"""NSGA-II (Deb, Pratap, Agarwal & Meyarivan, IEEE TEC 6, 2002), as NSGA-Net uses it (Lu et al., GECCO 2019).

A generation of as many children as members: two parents by binary tournaments (front, then crowding), uniform crossover
of their genes, one gene mutated. Of members and children the better half, by front and crowding, are the next members. A
child that a run has evaluated before is mutated until it is new, since nothing is evaluated twice here. Without
``--objectives`` all cost the same, and the best values survive.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, IntArray, WarmnasError
from ..dominance import order_of
from ..optimizer import LOOKS, CandidateOptimizer, optimizers
from ..problem import Problem

PARENTS = 2
RIVALS = 2  # of a tournament
Mask = npt.NDArray[np.bool_]


@optimizers("nsga2")
class NSGA2(CandidateOptimizer):
    """``population`` members and as many children a generation, of which a share of ``crossover`` has two parents."""

    def __init__(self, problem: Problem, population: int = 10, crossover: float = 0.9) -> None:
        super().__init__(problem)
        if population < 2 or not 0 <= crossover <= 1:
            raise WarmnasError("nsga2 needs a population of at least 2 and a crossover of 0 to 1")
        self.size, self.crossover = population, crossover
        self._first = self.first_random(population)
        empty = np.zeros((problem.runs, 0))
        self._members, self._fitness = empty.astype(np.int64), empty
        self._born = 0  # evaluations that the members were chosen from
        self._asked = 0

    def propose(self) -> IntArray:
        """A member of the first population, then a child."""
        self._asked += 1
        if self._asked <= self._first.shape[1]:
            return self._first[:, self._asked - 1]
        if not self._members.shape[1]:  # asked for more before enough was told
            return self.draw(np.full(len(self.runs), -1))
        genes = self.problem.candidates.genotypes.shape[1]
        u = self.streams.random((len(self.runs), PARENTS * RIVALS + 2 + genes + LOOKS + 1))
        rivals = (u[:, : PARENTS * RIVALS] * self._members.shape[1]).astype(np.int64).reshape(-1, PARENTS, RIVALS)
        places = np.take_along_axis(self._places, rivals.reshape(len(rivals), -1), axis=1).reshape(rivals.shape)
        winners = np.take_along_axis(rivals, places.argmin(axis=2)[:, :, None], axis=2)[:, :, 0]
        parents = np.take_along_axis(self._members, winners, axis=1)
        rest = u[:, PARENTS * RIVALS :]
        children = self._crossed(parents, rest[:, 0] < self.crossover, rest[:, 2 : 2 + genes] < 0.5)
        # A mutation changes a gene with probability 1 / genes, so this share of children is changed.
        changed = rest[:, 1] < 1 - (1 - 1 / genes) ** genes
        free = np.take_along_axis(self.free, children[:, None], axis=1)[:, 0]
        mutated = self.neighbour(children, rest[:, 2 + genes :])
        return self.draw(np.where(changed | ~free, mutated, children))

    def _crossed(self, parents: IntArray, both: Mask, second: Mask) -> IntArray:
        """Rows of the children, the first parent where their genes are those of no candidate: (runs, 2) -> (runs,)."""
        genotypes = self.problem.candidates.genotypes[parents]
        genes = np.where(both[:, None] & second, genotypes[:, 1], genotypes[:, 0])
        rows = self.problem.candidates.rows(genes)
        return np.where(rows < 0, parents[:, 0], rows)

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """At the end of a generation the better half of members and children survives."""
        if self.evaluations < self._born + self.size:
            return
        children = slice(self._born, self.evaluations)
        members = np.concatenate([self._members, self._rows[:, children]], axis=1)
        fitness = np.concatenate([self._fitness, self._values[:, children]], axis=1)
        places = order_of(fitness, self.problem.costs_of(members))
        kept = np.argsort(places, axis=1)[:, : self.size]
        self._members, self._fitness = (np.take_along_axis(part, kept, axis=1) for part in (members, fitness))
        self._places = order_of(self._fitness, self.problem.costs_of(self._members))
        self._born = self.evaluations
