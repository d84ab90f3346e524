"""Genotypes as predictors read them.

| kind | what | shape | inverse |
|---|---|---|---|
| ``one-hot`` | a column per choice of every gene | (..., choices) | yes |
| ``tokens`` | a word per gene, for an LSTM; word 0 starts a string | (..., genes) | yes |
| ``adjacency`` | the cell as a labelled matrix | (..., nodes, nodes), or as the space says | yes |
| ``path`` | which sequences of operations lead from input to output (BANANAS, AAAI 2021) | (..., paths) | no |
| ``layers`` | the layers in the order of the data, with ``layer_features`` each | (..., layers, features) | no |

Every space has the first two. The others are where they mean something: a list of layer widths has no paths, a cell with
branches is no sequence of layers.
"""

from __future__ import annotations

from abc import ABC
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import WarmnasError
from .types import FloatArray, Gene, Genotypes, IntArray

ENCODINGS = ("one-hot", "tokens", "adjacency", "path", "layers")
INVERTIBLE = ("one-hot", "tokens", "adjacency")


class Encodings(ABC):
    """The encodings of a space, from its genes alone where that is enough.

    Attributes:
        name: of the space.
        genes: its genes.
        encodings: the kinds of ``ENCODINGS`` that mean something here.
        layer_features: what a layer is described by in the encoding ``layers``, where there is one.
    """

    name: str
    genes: tuple[Gene, ...]
    encodings: tuple[str, ...] = ("one-hot", "tokens")
    layer_features: tuple[str, ...] = ()

    @cached_property
    def cardinalities(self) -> IntArray:
        """Number of choices per gene, shape (genes,)."""
        return np.array([len(gene.choices) for gene in self.genes])

    def encode(self, genotypes: Genotypes, kind: str) -> npt.NDArray[Any]:
        """Encode genotypes; the kinds and their shapes are listed at the head of this module.

        Raises WarmnasError where there is no such encoding, or none for this space.
        """
        self._known(kind, ENCODINGS)
        encoders = {"one-hot": self.one_hot, "tokens": self.tokens, "adjacency": self.adjacency}
        return (encoders | {"path": self.paths, "layers": self.layer_sequence})[kind](genotypes)

    def decode(self, encoded: npt.NDArray[Any], kind: str) -> Genotypes:
        """Inverse of :meth:`encode` for ``one-hot``, ``tokens`` and ``adjacency``."""
        self._known(kind, INVERTIBLE)
        if kind == "tokens":
            return (np.asarray(encoded) - self.token_offsets).astype(np.int8)
        if kind == "one-hot":
            parts = np.split(np.asarray(encoded), np.cumsum(self.cardinalities)[:-1], axis=-1)
            return np.stack([part.argmax(axis=-1) for part in parts], axis=-1).astype(np.int8)
        return self.from_adjacency(np.asarray(encoded))

    def _known(self, kind: str, choices: tuple[str, ...]) -> None:
        here = ", ".join(k for k in choices if k in self.encodings)
        if kind not in ENCODINGS:
            raise WarmnasError(f"{self.name}: unknown encoding '{kind}'. Choices: {here}.")
        if kind not in self.encodings:
            raise WarmnasError(f"{self.name} has no encoding '{kind}'. Choices: {here}.")
        if kind not in choices:
            raise WarmnasError(f"{self.name}: the encoding '{kind}' has no inverse. Choices: {here}.")

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

    def adjacency(self, genotypes: Genotypes) -> IntArray:
        """The cell as a labelled matrix, 0 where there is no edge: (..., genes) -> (..., nodes, nodes)."""
        raise WarmnasError(f"{self.name} has no encoding 'adjacency'")

    def from_adjacency(self, matrices: npt.NDArray[Any]) -> Genotypes:
        """Inverse of :meth:`adjacency`."""
        raise WarmnasError(f"{self.name} has no encoding 'adjacency'")

    def paths(self, genotypes: Genotypes) -> npt.NDArray[np.bool_]:
        """Which sequences of operations lead from input to output: (..., genes) -> (..., paths)."""
        raise WarmnasError(f"{self.name} has no encoding 'path'")

    def layer_sequence(self, genotypes: Genotypes) -> IntArray:
        """``layer_features`` of every layer, zeros behind the last: (..., genes) -> (..., layers, features)."""
        raise WarmnasError(f"{self.name} has no encoding 'layers'")
