"""Cells that are the complete graph on four nodes with an operation on each edge: NAS-Bench-201, TransNAS-Bench-101 micro.

Node 0 is the input, node 3 the output, and a node is the sum of what enters it. A genotype lists the six edges in the order
1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2; operation 0 is ``none``.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .base import Genotypes, IntArray, SearchSpace
from .pathways import Pathways, Sets, edge_paths

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
NONE = 0


def live_edges(genotypes: Genotypes) -> npt.NDArray[np.bool_]:
    """Edges on a path from input to output, (..., 6) -> (..., 6)."""
    on = np.asarray(genotypes) != NONE
    forward = {0: np.ones(on.shape[:-1], dtype=bool)}
    backward = {3: np.ones(on.shape[:-1], dtype=bool)}
    for node in (1, 2, 3):
        forward[node] = np.any([forward[s] & on[..., e] for e, (s, t) in enumerate(EDGES) if t == node], axis=0)
    for node in (2, 1, 0):
        backward[node] = np.any([backward[t] & on[..., e] for e, (s, t) in enumerate(EDGES) if s == node], axis=0)
    return np.stack([on[..., e] & forward[s] & backward[t] for e, (s, t) in enumerate(EDGES)], axis=-1)


@lru_cache(maxsize=20_000)
def live_list(genotype: tuple[int, ...]) -> tuple[bool, ...]:
    """:func:`live_edges` of one genotype, known by heart: every cell of a network asks for the same one."""
    return tuple(live_edges(np.array(genotype, dtype=np.int8)).tolist())


class CompleteCellSpace(SearchSpace):
    """What such spaces have in common."""

    encodings = ("one-hot", "tokens", "adjacency", "path")

    def connected(self, genotypes: Genotypes) -> npt.NDArray[np.bool_]:
        """Whether any path leads from input to output: (..., 6) -> (...,)."""
        return np.asarray(live_edges(genotypes).any(axis=-1))

    def live(self, genotypes: Genotypes) -> Genotypes:
        """The genotypes with ``none`` on every edge that no path from input to output uses: (..., 6) -> (..., 6)."""
        return np.where(live_edges(genotypes), genotypes, NONE).astype(np.int8)

    def adjacency(self, genotypes: Genotypes) -> IntArray:
        """Upper triangular, entry [source, target] = operation + 1: (..., 6) -> (..., 4, 4)."""
        matrices = np.zeros((*np.shape(genotypes)[:-1], 4, 4), dtype=np.int64)
        for edge, (source, target) in enumerate(EDGES):
            matrices[..., source, target] = np.asarray(genotypes)[..., edge] + 1
        return matrices

    def from_adjacency(self, matrices: npt.NDArray[Any]) -> Genotypes:
        """Inverse of :meth:`adjacency`."""
        return np.stack([matrices[..., s, t] - 1 for s, t in EDGES], axis=-1).astype(np.int8)

    @cached_property
    def _pathways(self) -> Pathways:
        return Pathways(len(self.genes[0].choices) - 1, 3)

    def paths(self, genotypes: Genotypes) -> Sets:
        """Sequences of operations other than ``none`` from input to output: (..., 6) -> (..., sequences)."""
        flat = np.asarray(genotypes, dtype=np.int64).reshape(-1, len(EDGES))
        sets = edge_paths(self._pathways, flat - 1, EDGES, 4)[3]
        return sets.reshape(*np.shape(genotypes)[:-1], self._pathways.columns)
