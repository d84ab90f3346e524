"""Regularized evolution for two objectives: who of a sample is the parent is decided as in NSGA-II.

Aging evolution (Real et al., AAAI 2019) with the order of NSGA-II (Deb et al., IEEE TEC 6, 2002) in the place of fitness:
by front among the members of the population, then by crowding. The oldest member dies, however good; so the front of a
run is among all that it has evaluated, not among the members. Without ``--objectives`` all cost the same, and this is
``rea``.
"""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray, IntArray, WarmnasError
from ..dominance import order_of
from ..optimizer import LOOKS, CandidateOptimizer, optimizers
from ..problem import Problem


@optimizers("mo-rea")
class MultiObjectiveEvolution(CandidateOptimizer):
    """Aging evolution; of ``population`` members ``sample`` compete to be the parent."""

    def __init__(self, problem: Problem, population: int = 10, sample: int = 3) -> None:
        super().__init__(problem)
        if population < 1 or sample < 1:
            raise WarmnasError("mo-rea needs a population and a sample of at least 1")
        self.size, self.sample = population, sample
        self._first = self.first_random(population)
        self._members = np.zeros((problem.runs, population), dtype=np.int64)
        self._fitness = np.full((problem.runs, population), -np.inf)
        self._asked = 0

    def propose(self) -> IntArray:
        """A member of the first population, then a free mutation of the sample's best."""
        self._asked += 1
        if self._asked <= self._first.shape[1]:
            return self._first[:, self._asked - 1]
        u = self.streams.random((len(self.runs), self.sample + LOOKS + 1))
        rivals = (u[:, : self.sample] * self.size).astype(np.int64)
        places = order_of(self._fitness, self.problem.costs_of(self._members))
        best = np.take_along_axis(rivals, np.take_along_axis(places, rivals, axis=1).argmin(axis=1)[:, None], axis=1)
        parents = np.take_along_axis(self._members, best, axis=1)[:, 0]
        children = self.neighbour(parents, u[:, self.sample :])
        children[np.take_along_axis(self._fitness, best, axis=1)[:, 0] == -np.inf] = -1  # nothing is known of the sample
        return self.draw(children)

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """The child takes the place of the oldest."""
        slot = (self.evaluations - 1) % self.size
        self._members[:, slot] = rows
        self._fitness[:, slot] = values
