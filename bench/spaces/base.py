"""What a search space is: genotypes are rows of small integers, so a population is an array."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import WarmnasError
from .encodings import Encodings
from .types import CellGraph, FloatArray, Gene, Genotypes, IntArray, UniformSource

if TYPE_CHECKING:
    from torch import nn

ENUMERABLE = 2**20  # genotypes of a space that may be listed


class SearchSpace(Encodings):
    """Genotype algebra of one space. Arrays of genotypes have shape (..., genes) and dtype int8.

    A space may be too large to be listed: only :meth:`all_genotypes` lists it, and refuses above ``ENUMERABLE``.

    A space draws only through ``rng.random((n, k))`` with one row per genotype, so that each of many runs in lock-step can
    draw from its own stream.
    """

    @property
    def size(self) -> int:
        """Number of genotypes, duplicates by function and invalid ones included."""
        return int(np.prod(self.cardinalities.astype(object)))

    @cached_property
    def _radix(self) -> IntArray:
        return np.concatenate([np.cumprod(self.cardinalities[::-1])[-2::-1], [1]])

    def index(self, genotypes: Genotypes) -> IntArray:
        """Position in the enumeration of all genotypes: (..., genes) -> (...,)."""
        index: IntArray = np.asarray(genotypes, dtype=np.int64) @ self._radix
        return index

    def from_index(self, index: IntArray) -> Genotypes:
        """Inverse of :meth:`index`: (...,) -> (..., genes)."""
        digits = np.asarray(index)[..., None] // self._radix % self.cardinalities
        return digits.astype(np.int8)

    def all_genotypes(self) -> Genotypes:
        """Every genotype in index order, shape (size, genes); WarmnasError where there are more than ENUMERABLE."""
        if self.size > ENUMERABLE:
            raise WarmnasError(
                f"{self.name} has {self.size:.2g} genotypes, too many to list; draw some with sample(n, rng)"
            )
        return self.from_index(np.arange(self.size))

    def valid(self, genotypes: Genotypes) -> npt.NDArray[np.bool_]:
        """Which genotypes are architectures at all: (..., genes) -> (...,)."""
        return np.ones(np.shape(genotypes)[:-1], dtype=bool)

    def check(self, genotypes: Genotypes) -> Genotypes:
        """The genotypes as int8, or a WarmnasError that names the gene out of range."""
        array = np.asarray(genotypes)
        if array.shape[-1:] != (len(self.genes),):
            raise WarmnasError(f"{self.name}: a genotype has {len(self.genes)} genes, not {array.shape[-1:]}")
        if array.dtype.kind not in "iu":
            raise WarmnasError(f"{self.name}: genes are integers, not {array.dtype}")
        wrong = (array < 0) | (array >= self.cardinalities)
        if wrong.any():
            gene = self.genes[int(np.argwhere(wrong)[0][-1])]
            raise WarmnasError(f"{self.name}: gene {gene.name} must be in 0..{len(gene.choices) - 1}")
        return array.astype(np.int8)

    def sample(self, n: int, rng: UniformSource) -> Genotypes:
        """Draw ``n`` valid genotypes uniformly, shape (n, genes)."""
        drawn = np.empty((n, len(self.genes)), dtype=np.int8)
        open_rows = np.arange(n)
        while len(open_rows):
            u = rng.random((n, len(self.genes)))[open_rows]
            drawn[open_rows] = (u * self.cardinalities).astype(np.int8)
            open_rows = open_rows[~self.valid(drawn[open_rows])]
        return drawn

    def mutate(self, genotypes: Genotypes, rng: UniformSource) -> Genotypes:
        """Change one gene of each to another value, both uniform: (n, genes) -> (n, genes).

        A change that would leave the space is drawn again.
        """
        children = np.array(genotypes, dtype=np.int8)
        n = len(children)
        open_rows = np.arange(n)
        while len(open_rows):
            u = rng.random((n, 2))[open_rows]
            gene = (u[:, 0] * len(self.genes)).astype(np.int64)
            step = 1 + (u[:, 1] * (self.cardinalities[gene] - 1)).astype(np.int64)
            old = np.asarray(genotypes)[open_rows]
            new = old.copy()
            rows = np.arange(len(open_rows))
            new[rows, gene] = (old[rows, gene] + step) % self.cardinalities[gene]
            children[open_rows] = new
            open_rows = open_rows[~self.valid(new)]
        return children

    def neighbours(self, genotypes: Genotypes) -> Genotypes:
        """All changes of a single gene: (..., genes) -> (..., neighbours, genes), invalid ones included."""
        array = np.asarray(genotypes, dtype=np.int8)
        changed = []
        for gene, choices in enumerate(self.cardinalities):
            for step in range(1, int(choices)):
                copy = array.copy()
                copy[..., gene] = (array[..., gene] + step) % choices
                changed.append(copy)
        return np.stack(changed, axis=-2)

    def connected(self, genotypes: Genotypes) -> npt.NDArray[np.bool_]:
        """Whether the input reaches the output: (..., genes) -> (...,). All do where a space says nothing else."""
        return np.ones(np.shape(genotypes)[:-1], dtype=bool)

    def live(self, genotypes: Genotypes) -> Genotypes:
        """The genotypes without operations that no path from input to output uses: (..., genes) -> (..., genes)."""
        return np.array(genotypes, dtype=np.int8)

    def reference(self) -> Genotypes | None:
        """The architecture that people would take without a search, shape (genes,), or None where there is no such."""
        return None

    def live_params(self, genotypes: Genotypes, classes: int) -> FloatArray | None:
        """Parameters on paths from input to output of the space's own network, or None where none is fixed."""
        return None

    @abstractmethod
    def canonical(self, genotypes: Genotypes, level: str = "function") -> Genotypes:
        """The first genotype, in index order, that is the same function: (..., genes) -> (..., genes)."""

    def class_keys(self, genotypes: Genotypes) -> IntArray:
        """Integers that are equal exactly for genotypes of the same function: (..., genes) -> (...,).

        A space may have a cheaper way to them than its canonical forms.
        """
        return self.index(self.canonical(genotypes))

    @abstractmethod
    def to_string(self, genotype: Genotypes) -> str:
        """The field's own string for one genotype."""

    @abstractmethod
    def from_string(self, text: str) -> Genotypes:
        """Genotype of a string in the field's own form or as digits; WarmnasError if it is neither."""

    @abstractmethod
    def graph(self, genotype: Genotypes) -> CellGraph:
        """The cell to draw."""

    def depth(self, genotypes: Genotypes) -> IntArray:
        """Number of layers of chains, whose prefixes can be trained one after another: (..., genes) -> (...,)."""
        raise WarmnasError(f"{self.name}: its networks are no chains of layers, so they are not trained layer by layer")

    def build(self, genotype: Genotypes, shape: tuple[int, int, int], classes: int, **size: int) -> nn.Module:
        """The torch network of a genotype for images of shape (channels, height, width)."""
        raise WarmnasError(f"{self.name} has no image network to build")


__all__ = [
    "ENUMERABLE",
    "CellGraph",
    "FloatArray",
    "Gene",
    "Genotypes",
    "IntArray",
    "SearchSpace",
    "UniformSource",
]
