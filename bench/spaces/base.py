"""What a search space is: genotypes are rows of small integers, so a population is an array."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import WarmnasError

if TYPE_CHECKING:
    from torch import nn

Genotypes = npt.NDArray[np.int8]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class UniformSource(Protocol):
    """Where randomness comes from: a numpy Generator, or the streams of many runs in lock-step."""

    def random(self, size: tuple[int, ...]) -> FloatArray:
        """Uniform numbers in [0, 1) of the given shape."""
        ...


@dataclass(frozen=True)
class Gene:
    """One position of a genotype: its name and what each of its integers means."""

    name: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class CellGraph:
    """An architecture to look at: nodes left to right, edges as (from, to, operation)."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[int, int, str], ...]


class SearchSpace(ABC):
    """Genotype algebra of one space. Arrays of genotypes have shape (..., genes) and dtype int8.

    A space draws only through ``rng.random((n, k))`` with one row per genotype, so that each of many runs in lock-step can
    draw from its own stream.
    """

    name: str
    genes: tuple[Gene, ...]

    @cached_property
    def cardinalities(self) -> IntArray:
        """Number of choices per gene, shape (genes,)."""
        return np.array([len(gene.choices) for gene in self.genes])

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
        """Every genotype in index order, shape (size, genes)."""
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

    def one_hot(self, genotypes: Genotypes) -> FloatArray:
        """One-hot encoding: (..., genes) -> (..., sum of cardinalities)."""
        columns = np.concatenate([[0], np.cumsum(self.cardinalities)[:-1]])
        encoded = np.zeros((*np.shape(genotypes)[:-1], int(self.cardinalities.sum())))
        np.put_along_axis(encoded, np.asarray(genotypes, dtype=np.int64) + columns, 1.0, axis=-1)
        return encoded

    def tokens(self, genotypes: Genotypes) -> IntArray:
        """One token per gene; token 0 starts a string: (..., genes) -> (..., genes).

        Genes with the same choices share their tokens, so an LSTM sees the same operation as the same word.
        """
        return np.asarray(genotypes, dtype=np.int64) + self.token_offsets

    @cached_property
    def token_offsets(self) -> IntArray:
        """First token of each gene, shape (genes,)."""
        first: dict[tuple[str, ...], int] = {}
        total = 1
        for gene in self.genes:
            if gene.choices not in first:
                first[gene.choices] = total
                total += len(gene.choices)
        return np.array([first[gene.choices] for gene in self.genes])

    @property
    def vocabulary(self) -> int:
        """Number of tokens, the start token included."""
        return int((self.token_offsets + self.cardinalities).max())

    def encode(self, genotypes: Genotypes, kind: str) -> npt.NDArray[Any]:
        """Encode genotypes as ``one-hot``, ``tokens`` or ``adjacency``: (..., genes) -> (..., features)."""
        encoders = {"one-hot": self.one_hot, "tokens": self.tokens, "adjacency": self.adjacency}
        if kind not in encoders:
            raise WarmnasError(f"{self.name}: unknown encoding '{kind}'. Choices: {', '.join(encoders)}.")
        return encoders[kind](genotypes)

    def decode(self, encoded: npt.NDArray[Any], kind: str) -> Genotypes:
        """Inverse of :meth:`encode`, for every encoding that it offers."""
        if kind == "tokens":
            return (np.asarray(encoded) - self.token_offsets).astype(np.int8)
        if kind == "one-hot":
            parts = np.split(np.asarray(encoded), np.cumsum(self.cardinalities)[:-1], axis=-1)
            return np.stack([part.argmax(axis=-1) for part in parts], axis=-1).astype(np.int8)
        if kind == "adjacency":
            return self.from_adjacency(np.asarray(encoded))
        raise WarmnasError(f"{self.name}: unknown encoding '{kind}'. Choices: one-hot, tokens, adjacency.")

    def live_params(self, genotypes: Genotypes, classes: int) -> FloatArray | None:
        """Parameters on paths from input to output of the space's own network, or None where none is fixed."""
        return None

    @abstractmethod
    def adjacency(self, genotypes: Genotypes) -> IntArray:
        """Operation index + 1 between nodes, 0 where there is no edge: (..., genes) -> (..., nodes, nodes)."""

    @abstractmethod
    def from_adjacency(self, matrices: npt.NDArray[Any]) -> Genotypes:
        """Inverse of :meth:`adjacency`."""

    @abstractmethod
    def canonical(self, genotypes: Genotypes, level: str = "function") -> Genotypes:
        """The first genotype, in index order, that is the same function: (..., genes) -> (..., genes)."""

    @abstractmethod
    def to_string(self, genotype: Genotypes) -> str:
        """The field's own string for one genotype."""

    @abstractmethod
    def from_string(self, text: str) -> Genotypes:
        """Genotype of a string in the field's own form or as digits; WarmnasError if it is neither."""

    @abstractmethod
    def graph(self, genotype: Genotypes) -> CellGraph:
        """The cell to draw."""

    def build(self, genotype: Genotypes, shape: tuple[int, int, int], classes: int, **size: int) -> nn.Module:
        """The torch network of a genotype for images of shape (channels, height, width)."""
        raise WarmnasError(f"{self.name} has no image network to build")
