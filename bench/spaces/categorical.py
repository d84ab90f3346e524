"""A space for any table: columns with their choices, or architectures of which only the strings are known.

``CategoricalSpace`` is not registered under a name of its own, since every table brings another: a table's attributes are
``space = "categorical"`` and ``genes``, the columns as JSON ``[["kernel", ["3x3", "5x5"]], ...]``. Without ``genes`` the
table's own names are the choices of a single column, and architecture i is the i-th of them.

A column of at most 127 choices is one gene. A larger one is written as a number of two or more digits, one gene each, so
that genotypes stay int8 and a table of 15,625 strings has 248 neighbours per architecture instead of 15,624. Between
strings that say nothing, neighbours mean nothing: a local search is then a random one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt

from ..errors import WarmnasError
from .base import CellGraph, Gene, Genotypes, IntArray, SearchSpace

CATEGORICAL = "categorical"
LARGEST = 127  # choices of one int8 gene
ARCHITECTURE = "architecture"  # name of the only column where nothing but strings is known


def digits_of(choices: int) -> tuple[int, int]:
    """(digits, base) in which so many choices are numbered."""
    digits = 1
    while LARGEST**digits < choices:
        digits += 1
    base = 1
    while base**digits < choices:
        base += 1
    return digits, base


class CategoricalSpace(SearchSpace):
    """Columns with choices; every combination of them is an architecture.

    Args:
        columns: name and choices of each.

    Raises:
        WarmnasError: where a column has no name, one choice only or the same choice twice, or there are too many.
    """

    name = CATEGORICAL

    def __init__(self, columns: Sequence[tuple[str, Sequence[str]]]) -> None:
        self.columns = tuple(Gene(str(name), tuple(map(str, choices))) for name, choices in columns)
        _check(self.columns)
        self._places = [{choice: i for i, choice in enumerate(column.choices)} for column in self.columns]
        self._shapes = [digits_of(len(column.choices)) for column in self.columns]
        genes = [_genes(column, *shape) for column, shape in zip(self.columns, self._shapes, strict=True)]
        self.genes = tuple(gene for of_column in genes for gene in of_column)
        if self.size >= 2**63:
            many = f"{self.size:.1e} combinations are too many"
            raise WarmnasError(f"categorical space: {many}; leave out columns, or name the architectures")

    @classmethod
    def of_table(cls, attrs: Mapping[Any, Any], names: Sequence[str]) -> CategoricalSpace:
        """The space of a table with these attributes and names of architectures; see the module's head."""
        if "genes" not in attrs:
            return cls([(ARCHITECTURE, names)])
        try:
            columns = json.loads(attrs["genes"])
            return cls([(name, choices) for name, choices in columns])
        except (TypeError, ValueError, RecursionError) as error:
            raise WarmnasError(f"the attribute 'genes' must be JSON [[name, [choice, ...]], ...]: {error}") from error

    def attributes(self) -> dict[str, str]:
        """What a table of this space has among its attributes."""
        if len(self.columns) == 1 and self.columns[0].name == ARCHITECTURE:
            return {"space": CATEGORICAL}
        return {"space": CATEGORICAL, "genes": json.dumps([[c.name, c.choices] for c in self.columns])}

    @cached_property
    def _slices(self) -> list[slice]:
        ends = np.cumsum([digits for digits, _ in self._shapes]).tolist()
        return [slice(end - digits, end) for end, (digits, _) in zip(ends, self._shapes, strict=True)]

    def values(self, genotypes: Genotypes) -> IntArray:
        """Number of the choice in every column: (..., genes) -> (..., columns)."""
        array = np.asarray(genotypes, dtype=np.int64)
        parts = zip(self._slices, self._shapes, strict=True)
        return np.stack([array[..., part] @ base ** np.arange(n)[::-1] for part, (n, base) in parts], axis=-1)

    def from_values(self, values: IntArray) -> Genotypes:
        """Inverse of :meth:`values`."""
        array = np.asarray(values)[..., None]
        digits = [array[..., i, :] // base ** np.arange(n)[::-1] % base for i, (n, base) in enumerate(self._shapes)]
        return np.concatenate(digits, axis=-1).astype(np.int8)

    def valid(self, genotypes: Genotypes) -> npt.NDArray[np.bool_]:
        """All but numbers behind the last choice of a column: (..., genes) -> (...,)."""
        return np.asarray((self.values(genotypes) < [len(c.choices) for c in self.columns]).all(axis=-1))

    def canonical(self, genotypes: Genotypes, level: str = "function") -> Genotypes:
        """The genotypes themselves: nothing is known about which are the same function."""
        if level != "function":
            raise WarmnasError(f"unknown level '{level}' of function classes. Choices: function.")
        return np.array(genotypes, dtype=np.int8)

    def to_string(self, genotype: Genotypes) -> str:
        """The string itself where there is one column, else ``kernel=3x3;depth=4``, with %, ; and = as %25, %3B and %3D."""
        texts = [column.choices[int(v)] for column, v in zip(self.columns, self.values(genotype), strict=True)]
        if len(texts) == 1:
            return texts[0]
        return ";".join(f"{_quoted(c.name)}={_quoted(text)}" for c, text in zip(self.columns, texts, strict=True))

    def from_string(self, text: str) -> Genotypes:
        """Inverse of :meth:`to_string`; columns may come in any order."""
        if len(self.columns) == 1:
            given = {self.columns[0].name: text if text in self._places[0] else text.strip()}
        else:
            pairs = [part.partition("=") for part in text.strip().split(";")]
            given = {unquote(name): unquote(value) for name, _, value in pairs}
            if len(given) != len(pairs) or set(given) != {column.name for column in self.columns}:
                form = ";".join(f"{_quoted(c.name)}=..." for c in self.columns)
                raise WarmnasError(f"'{text}' is no architecture of this table: write {form}")
        for column, places in zip(self.columns, self._places, strict=True):
            if given[column.name] not in places:
                some = ", ".join(column.choices[:4]) + (", ..." if len(column.choices) > 4 else "")
                raise WarmnasError(f"'{given[column.name]}' is no {column.name} of this table. Choices: {some}")
        return self.from_values(np.array([p[given[c.name]] for c, p in zip(self.columns, self._places, strict=True)]))

    def graph(self, genotype: Genotypes) -> CellGraph:
        """The columns one after another, as labels of a chain: how they hang together is not known."""
        texts = [column.choices[int(v)] for column, v in zip(self.columns, self.values(genotype), strict=True)]
        if len(texts) > 1:
            texts = [f"{column.name}: {text}" for column, text in zip(self.columns, texts, strict=True)]
        nodes = ("in", *(str(i) for i in range(1, len(texts))), "out")
        return CellGraph(nodes, tuple((i, i + 1, text) for i, text in enumerate(texts)))


def _quoted(text: str) -> str:
    return "".join(quote(letter, safe="") if letter in "%;=" else letter for letter in text)


def _genes(column: Gene, digits: int, base: int) -> list[Gene]:
    if digits == 1:
        return [column]
    return [Gene(f"{column.name} digit {digit + 1}", tuple(map(str, range(base)))) for digit in range(digits)]


def _check(columns: tuple[Gene, ...]) -> None:
    if not columns or len({column.name for column in columns}) < len(columns):
        raise WarmnasError("categorical space: columns need names that differ")
    for column in columns:
        if not column.name or column.name != column.name.strip():
            raise WarmnasError(f"categorical space: '{column.name}' is no name of a column")
        if len(column.choices) < 2:
            raise WarmnasError(f"categorical space: column '{column.name}' needs two different values, or leave it out")
        if len(set(column.choices)) < len(column.choices):
            twice = next(c for i, c in enumerate(column.choices) if c in column.choices[:i])
            raise WarmnasError(f"categorical space: column '{column.name}' has '{twice}' twice; name each choice once")
        if any(choice != choice.strip() or not choice for choice in column.choices):
            raise WarmnasError(f"categorical space: a choice of column '{column.name}' is empty or has blanks at its ends")
