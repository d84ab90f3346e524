"""Regularized evolution (Real et al., AAAI 2019, arXiv 1802.01548).

A population of fixed size; the best of a random sample is the parent, one mutation of it is evaluated and joins, the
oldest member dies. Sizes are those of the NAS-Bench-201 reference run (population 10, sample 3). A child that this run
has already evaluated is not evaluated again: the mutation is drawn among the new ones.
"""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray, IntArray, WarmnasError
from ..optimizer import LOOKS, CandidateOptimizer, optimizers
from ..problem import Problem


@optimizers("rea")
class RegularizedEvolution(CandidateOptimizer):
    """Aging evolution; ``population`` members of which ``sample`` compete to be the parent."""

    def __init__(self, problem: Problem, population: int = 10, sample: int = 3) -> None:
        super().__init__(problem)
        if population < 1 or sample < 1:
            raise WarmnasError("rea needs a population and a sample of at least 1")
        self.size, self.sample = population, sample
        self._first = self.first_random(population)
        # Rings: the slot of the oldest member is the one that is overwritten next.
        self._members = np.zeros((problem.runs, population), dtype=np.int64)
        self._fitness = np.full((problem.runs, population), -np.inf)
        self._ring = self.runs * population  # where a run's ring starts in the flat array
        self._asked = 0

    def propose(self) -> IntArray:
        """A member of the first population, then a free mutation of the sample's best."""
        self._asked += 1
        if self._asked <= self._first.shape[1]:
            return self._first[:, self._asked - 1]
        u = self.streams.random((len(self.runs), self.sample + LOOKS + 1))  # one draw for all that follows
        rivals = (u[:, : self.sample] * self.size).astype(np.int64)
        rivals += self._ring[:, None]
        best = self._fitness.take(rivals).argmax(axis=1)
        parents = self._members.take(rivals[self.runs, best])
        children = self.neighbour(parents, u[:, self.sample :])
        if self.evaluations < self.size:  # asked for more before enough was told: none of the sample may be known
            children[self._fitness.take(rivals[self.runs, best]) == -np.inf] = -1
        return self.draw(children)

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """The child takes the place of the oldest."""
        slot = (self.evaluations - 1) % self.size
        self._members[:, slot] = rows
        self._fitness[:, slot] = values
