"""Reading: evolution of paths, scored by the supernet (Guo et al., SPOS, ECCV 2020, section 3.4).

The best ``parents`` of all that were seen have children: half by crossover (each gene from either parent), half by mutation
(each gene anew with probability ``rate``). The paper: 50 individuals, 20 generations, 10 parents, rate .1. The supernet has
running statistics in batch norm, which are measured anew for every candidate before it is scored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ....bench import Genotypes
from ..method import ReadOut
from .candidates import accuracies, best, distinct
from .paths import connected_genotypes

if TYPE_CHECKING:
    from ..state import Search

TRIES = 50


class Evolution(ReadOut):
    """See the module's head."""

    def __init__(self, population: int = 50, generations: int = 20, parents: int = 10, rate: float = 0.1) -> None:
        if min(population, generations, parents) < 1:
            raise ValueError("population, generations and parents are whole numbers from 1")
        self.population, self.generations, self.parents, self.rate = population, generations, parents, rate

    def read(self, search: Search) -> Genotypes:
        """See :class:`ReadOut`; no function is scored twice."""
        seen = distinct(search, connected_genotypes(search, self.population))
        values = accuracies(search, seen)
        for _ in range(1, self.generations):
            children = self._children(search, seen[best(values, self.parents)], seen)
            if len(children):
                seen = np.concatenate([seen, children])
                values = np.concatenate([values, accuracies(search, children)])
        return np.asarray(seen[best(values, 1)[0]])

    def _children(self, search: Search, parents: Genotypes, seen: Genotypes) -> Genotypes:
        """New functions, at most a population of them."""
        known = set(search.space.class_keys(seen).tolist())
        found: list[Genotypes] = []
        for attempt in range(TRIES * self.population):
            if len(found) == self.population:
                break
            pair = parents[search.rng.integers(len(parents), size=2)]
            from_second = search.rng.random(pair.shape[1]) < (0.5 if attempt % 2 else 0.0)
            child = np.where(from_second, pair[1], pair[0])
            if attempt % 2 == 0:
                fresh = search.rng.random(len(child)) < self.rate
                child = np.where(fresh, search.rng.integers(search.space.cardinalities), child).astype(np.int8)
            key = int(search.space.class_keys(child[None])[0])
            if key in known or not search.space.valid(child[None])[0] or not search.space.connected(child[None])[0]:
                continue
            known.add(key)
            found.append(child)
        return np.stack(found) if found else seen[:0]
