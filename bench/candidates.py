"""The architectures that a search may choose from, as rows that all optimizers work on."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from .spaces import Genotypes, IntArray, SearchSpace
from .spaces.base import ENUMERABLE

Rows = npt.NDArray[np.int64]
CHUNK = 2**16  # genotypes looked up at a time, which bounds the memory


class SortedRows:
    """Rows by an integer key, found by bisection: the first row of each key."""

    def __init__(self, keys: IntArray) -> None:
        self.keys, self.first = np.unique(keys, return_index=True)

    def find(self, keys: IntArray) -> Rows:
        """Row of each key, -1 where there is none: (n,) -> (n,)."""
        if not len(self.keys):
            return np.full(len(keys), -1)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[place] == keys, self.first[place], -1)


class Candidates:
    """A fixed list of different architectures of one space.

    A genotype that is no candidate itself stands for the first candidate of the same function. Where the space is small,
    the answer for every genotype is kept, and a look-up is one read; else it is searched for.

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
    def _listed(self) -> bool:
        return self.space.size <= ENUMERABLE

    @cached_property
    def _row_of_index(self) -> Rows:
        return self._searched(self.space.all_genotypes())

    @cached_property
    def _own(self) -> SortedRows:
        return SortedRows(self.space.index(self.genotypes))

    @cached_property
    def _classes(self) -> SortedRows:
        return SortedRows(self.space.class_keys(self.genotypes))

    def _searched(self, genotypes: Genotypes) -> Rows:
        """Candidate of each genotype, by search: (n, genes) -> (n,)."""
        rows = self._own.find(self.space.index(genotypes))
        others = np.flatnonzero(rows < 0)
        others = others[self.space.valid(genotypes[others])]
        for start in range(0, len(others), CHUNK):
            part = others[start : start + CHUNK]
            rows[part] = self._classes.find(self.space.class_keys(genotypes[part]))
        return rows

    def rows(self, genotypes: Genotypes) -> Rows:
        """Candidate of each genotype, -1 where there is none: (..., genes) -> (...,)."""
        if self._listed:
            found: Rows = self._row_of_index.take(self.space.index(genotypes))
            return found
        array = np.asarray(genotypes)
        return self._searched(array.reshape(-1, array.shape[-1])).reshape(array.shape[:-1])

    @cached_property
    def neighbours(self) -> Rows:
        """Candidates one gene away, shape (candidates, neighbours); ``len(self)`` where that leaves the candidates."""
        return self._look(np.arange(len(self)))

    def around(self, rows: IntArray) -> Rows:
        """The array of :attr:`neighbours`, filled in at least for the given rows, of any shape.

        In a large space most candidates are never looked around, and to do it for all of them would take minutes.
        """
        return self.neighbours if self._listed else self._look(np.unique(rows))

    def _look(self, rows: Rows) -> Rows:
        known, near = self._looked
        missing = rows[~known[rows]]
        for part in np.array_split(missing, 1 + missing.size * near.shape[1] // CHUNK):
            found = self.rows(self.space.neighbours(self.genotypes[part]))
            near[part] = np.where((found < 0) | (found == part[:, None]), len(self), found)
        known[missing] = True
        return near

    @cached_property
    def _looked(self) -> tuple[npt.NDArray[np.bool_], Rows]:
        width = int((self.space.cardinalities - 1).sum())
        return np.zeros(len(self), dtype=bool), np.empty((len(self), width), dtype=np.int64)
