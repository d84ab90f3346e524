"""NAS-Bench-Graph (Qin et al., NeurIPS 2022, arXiv 2206.09166).

Four computing nodes, each with one input (the raw features, node 0, or an earlier node) and one of nine operations;
nodes without a child go to the output. Up to the order of nodes there are nine link patterns, so a genotype is one
pattern and four operations.

A ``skip`` is an identity, so it can be taken out: one with a child, one that is the only child of its parent, and one
that would hand the raw features to the output (which the benchmark leaves out). What remains is a labelled rooted tree;
equal trees are equal functions. That gives 26,207 classes of the 59,049 genotypes; the one without any operation is not
an architecture, the other 26,206 are the benchmark's rows. The OGB task ``proteins`` was measured on 2,021 of them,
those with gcn, sage, arma, fc and skip only: a space of its own for whoever searches there alone.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import WarmnasError
from .base import CellGraph, Gene, Genotypes, IntArray, SearchSpace
from .hashing import Hashes, first_of_class, scramble
from .pathways import Pathways, Sets

OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
PROTEINS_OPERATIONS = ("gcn", "sage", "arma", "fc", "skip")
LINKS = (
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)
_LINKS = np.array(LINKS)
_SKIP = OPERATIONS.index("skip")
_LEAF = 40  # key of a node's own label, apart from those of its operations
_STRING = re.compile(r"\[?\s*(\d)\s*,\s*(\d)\s*,\s*(\d)\s*,\s*(\d)\s*\]?\s*[|;:]\s*(.+)")


def tree_hashes(links: IntArray, operations: IntArray) -> Hashes:
    """Random value of the tree that remains when identities are taken out: two arrays (n, 4) -> (n,).

    Operations are numbered as in ``OPERATIONS``.
    """
    n, rows = len(links), np.arange(len(links))
    below = np.zeros((n, 5), np.uint64)  # sum of the contributions of a node's children
    children = np.zeros((n, 5), np.int64)
    raw = np.ones((n, 5), dtype=bool)  # whether a node carries the raw features
    for node in range(1, 5):
        parent = links[:, node - 1]
        raw[:, node] = raw[rows, parent] & (operations[:, node - 1] == _SKIP)
        children[rows, parent] += 1
    for node in range(4, 0, -1):
        parent, operation = links[:, node - 1], operations[:, node - 1]
        skip, leaf = operation == _SKIP, children[:, node] == 0
        own = np.select([operation == o for o in range(9)], [scramble(below[:, node], _LEAF + o) for o in range(9)])
        removed = skip & leaf & (raw[:, node] | (children[rows, parent] == 1))
        inner = skip & ~leaf
        share = np.select([removed, inner], [np.uint64(0), below[:, node]], own)
        below[rows, parent] += share
        children[rows, parent] += np.select([removed, inner], [-1, children[:, node] - 1], 0)
    return below[:, 0]


class NASBenchGraphSpace(SearchSpace):
    """Nine link patterns and some of the operations on four nodes; see the module's head."""

    encodings = ("one-hot", "tokens", "adjacency", "path")

    def __init__(self, name: str = "nasbench-graph", operations: tuple[str, ...] = OPERATIONS) -> None:
        self.name = name
        self.operations = operations
        self._skip = operations.index("skip")
        self._numbers = np.array([OPERATIONS.index(operation) for operation in operations])
        patterns = Gene("links", tuple(",".join(map(str, pattern)) for pattern in LINKS))
        self.genes = (patterns, *(Gene(f"operation {node}", operations) for node in range(1, 5)))

    def valid(self, genotypes: Genotypes) -> npt.NDArray[np.bool_]:
        """All but the genotypes of four skips."""
        valid: npt.NDArray[np.bool_] = np.asarray((np.asarray(genotypes)[..., 1:] != self._skip).any(axis=-1))
        return valid

    @cached_property
    def _representatives(self) -> Genotypes:
        genotypes = self.all_genotypes()
        hashes = tree_hashes(_LINKS[genotypes[:, 0]], self._numbers[genotypes[:, 1:]])
        return genotypes[first_of_class(hashes)]

    def canonical(self, genotypes: Genotypes, level: str = "function") -> Genotypes:
        """First genotype of the function class (equality of trees; there is one level)."""
        if level != "function":
            raise WarmnasError(f"unknown level '{level}' of function classes. Choices: function.")
        return self._representatives[self.index(genotypes)]

    def from_key(self, keys: IntArray) -> Genotypes:
        """Genotypes of the benchmark's own decimal keys (pattern, then four of all nine operations): (n,) -> (n, 5).

        Raises WarmnasError where a key has an operation that this space does not have.
        """
        digits = np.asarray(keys)[:, None] // 10 ** np.arange(4, -1, -1) % 10
        place = np.full(10, -1)
        place[self._numbers] = np.arange(len(self.operations))
        return self.check(np.concatenate([digits[:, :1], place[digits[:, 1:]]], axis=1))

    def adjacency(self, genotypes: Genotypes) -> IntArray:
        """Entry [input, node] = operation + 1; node 0 is the raw input: (..., 5) -> (..., 5, 5)."""
        array = np.asarray(genotypes, dtype=np.int64)
        matrices = np.zeros((*array.shape[:-1], 5, 5), dtype=np.int64)
        links = _LINKS[array[..., 0]]
        for node in range(1, 5):
            row = np.expand_dims(links[..., node - 1], (-1, -2))
            column = matrices[..., :, node : node + 1]
            np.put_along_axis(column, row, array[..., node, None, None] + 1, axis=-2)
        return matrices

    def from_adjacency(self, matrices: npt.NDArray[Any]) -> Genotypes:
        """Inverse of :meth:`adjacency`."""
        links = matrices[..., :, 1:].argmax(axis=-2)
        pattern = (links[..., None, :] == _LINKS).all(axis=-1).argmax(axis=-1)
        return np.concatenate([pattern[..., None], matrices[..., :, 1:].max(axis=-2) - 1], axis=-1).astype(np.int8)

    def paths(self, genotypes: Genotypes) -> Sets:
        """Sequences of operations from the raw features to a node without a child: (..., 5) -> (..., columns)."""
        flat = np.asarray(genotypes, dtype=np.int64).reshape(-1, 5)
        pathways, links, rows = Pathways(len(self.operations), 4), _LINKS[flat[:, 0]], np.arange(len(flat))
        sets = np.stack([pathways.start(len(flat)), *(pathways.none(len(flat)) for _ in range(4))])
        leaf = np.ones((5, len(flat)), dtype=bool)
        for node in range(1, 5):
            parent = links[:, node - 1]
            sets[node] = pathways.followed_by(sets[parent, rows], flat[:, node])
            leaf[parent, rows] = False
        ends = np.asarray((sets & leaf[:, :, None]).any(axis=0))
        return ends.reshape(*np.shape(genotypes)[:-1], pathways.columns)

    def to_string(self, genotype: Genotypes) -> str:
        """``0,1,2,1|gcn,gin,fc,cheb``: the input of each node, then its operation."""
        return self.genes[0].choices[int(genotype[0])] + "|" + ",".join(self.operations[int(g)] for g in genotype[1:])

    def from_string(self, text: str) -> Genotypes:
        """From ``0,1,2,1|gcn,gin,fc,cheb`` in any order of nodes, or from five digits (the benchmark's key)."""
        if re.fullmatch("[0-8]{5}", text.strip()):
            return self._checked(self.from_key(np.array([int(text)]))[0], text)
        match = _STRING.fullmatch(text.strip())
        names = [name.strip(" '\"") for name in match.group(5).strip(" []").split(",")] if match else []
        if match is None or len(names) != 4 or any(name not in self.operations for name in names):
            raise WarmnasError(
                f"'{text}' is not a NAS-Bench-Graph architecture: write 0,1,2,1|gcn,gin,fc,cheb "
                f"(input of each node | operations of {', '.join(self.operations)}), or its five-digit key"
            )
        links = tuple(int(match.group(i)) for i in range(1, 5))
        return self._checked(_sort_nodes(links, [self.operations.index(name) for name in names], text), text)

    def _checked(self, genotype: Genotypes, text: str) -> Genotypes:
        if not self.valid(genotype):
            raise WarmnasError(f"'{text}' has no operation at all: at least one of the four must not be skip")
        return genotype

    def graph(self, genotype: Genotypes) -> CellGraph:
        """Raw input, four nodes and the output, which collects the nodes without a child."""
        links = LINKS[int(genotype[0])]
        edges = [(link, node, self.operations[int(genotype[node])]) for node, link in enumerate(links, start=1)]
        leaves = [(node, 5, "") for node in range(1, 5) if node not in links]
        return CellGraph(("in", "1", "2", "3", "4", "out"), tuple(edges + leaves))


def _sort_nodes(links: tuple[int, ...], operations: list[int], text: str) -> Genotypes:
    """Renumber the nodes so that their inputs form one of the nine patterns."""
    from itertools import permutations

    if any(link >= node for node, link in enumerate(links, start=1)):
        raise WarmnasError(f"'{text}': the input of a node must be 0 (raw features) or an earlier node")
    for order in permutations(range(1, 5)):
        place = {0: 0, **{old: new for new, old in enumerate(order, start=1)}}
        moved = tuple(place[links[old - 1]] for old in order)
        if moved in LINKS:
            return np.array([LINKS.index(moved), *(operations[old - 1] for old in order)], dtype=np.int8)
    raise AssertionError("every tree on four nodes has one of the nine patterns")
