"""Sub-spaces of NAS-Bench-101: the modules of exactly so many vertices.

Yu et al. (Evaluating the search phase of neural architecture search, ICLR 2020, section 4.2) ask with them how a supernet's
ranking suffers when a space grows. 84, 2,441, 62,010 and 359,082 modules have 4, 5, 6 and 7 vertices, input and output
among them.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..errors import WarmnasError
from .base import Genotypes, UniformSource
from .module_graph import VERTICES, pruned, used
from .nasbench101 import NASBench101Space


class NASBench101Subspace(NASBench101Space):
    """Genotypes of :class:`NASBench101Space` whose pruned module has ``vertices`` vertices.

    The name stays that of the whole space, whose strings and tables these are. Draws are uniform over function classes,
    as in the authors' code, which lists every module once.

    Raises:
        WarmnasError: for a number of vertices that leaves nothing to choose, or that no module has.
    """

    def __init__(self, vertices: int) -> None:
        if not 3 <= vertices <= VERTICES:
            raise WarmnasError(f"nasbench101: a sub-space has modules of 3 to {VERTICES} vertices, not {vertices}")
        self.vertices = vertices

    def valid(self, genotypes: Genotypes) -> npt.NDArray[np.bool_]:
        """A module, and of that many vertices: (..., 26) -> (...,)."""
        flat = np.reshape(np.asarray(genotypes, dtype=np.int8), (-1, len(self.genes)))
        there = used(pruned(self.edges(flat))).sum(axis=1) == self.vertices
        right: npt.NDArray[np.bool_] = super().valid(genotypes) & there.reshape(np.shape(genotypes)[:-1])
        return right

    @cached_property
    def modules(self) -> Genotypes:
        """One valid genotype of every function class, (classes, 26)."""
        return self._modules_of(self.vertices)

    def sample(self, n: int, rng: UniformSource) -> Genotypes:
        """Draw ``n`` function classes uniformly, shape (n, 26)."""
        rows: Genotypes = self.modules[(rng.random((n, 1))[:, 0] * len(self.modules)).astype(np.int64)]
        return rows
