"""The architectures that a search may choose from, as rows that all optimizers work on."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from .spaces import Genotypes, IntArray, SearchSpace

Rows = npt.NDArray[np.int64]


class Candidates:
    """A fixed list of different architectures of one space.

    Attributes:
        genotypes: shape (candidates, genes).
        table_rows: where each stands in its table, shape (candidates,).
    """

    def __init__(self, space: SearchSpace, genotypes: Genotypes, table_rows: IntArray) -> None:
        self.space = space
        self.genotypes = genotypes
        self.table_rows = table_rows

    def __len__(self) -> int:
        return len(self.genotypes)

    @cached_property
    def _row_of_index(self) -> IntArray:
        """Candidate of every genotype of the space: itself, or the first one of the same function; -1 if none is."""
        everything = self.space.index(self.space.canonical(self.space.all_genotypes()))
        classes = self.space.index(self.space.canonical(self.genotypes))
        row_of_class = np.full(self.space.size, -1)
        row_of_class[classes[::-1]] = np.arange(len(classes))[::-1]
        rows = row_of_class[everything]
        rows[self.space.index(self.genotypes)] = np.arange(len(self.genotypes))
        return np.where(self.space.valid(self.space.all_genotypes()), rows, -1)

    def rows(self, genotypes: Genotypes) -> Rows:
        """Candidate of each genotype, -1 where there is none: (..., genes) -> (...,)."""
        found: Rows = self._row_of_index.take(self.space.index(genotypes))
        return found

    @cached_property
    def neighbours(self) -> Rows:
        """Candidates one gene away, shape (candidates, neighbours); ``len(self)`` where that leaves the candidates."""
        near = self.rows(self.space.neighbours(self.genotypes))
        outside = (near < 0) | (near == np.arange(len(self))[:, None])
        return np.where(outside, len(self), near)
