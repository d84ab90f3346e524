"""NAS-Bench-101 (Ying et al., ICML 2019, arXiv 1902.09635).

A module is a graph of at most 7 vertices, input and output among them, and at most 9 edges; each inner vertex carries one
of three operations. Vertices that no path from input to output uses are pruned. Up to the order of vertices there are
423,624 modules (1, 6, 84, 2,441, 62,010 and 359,082 of 2, 3, 4, 5, 6 and 7 vertices).

The genotype lists the 21 entries above the diagonal of the matrix, row by row, and the five inner operations. It is valid
where the output is reached and the pruned module has at most 9 edges. Two genotypes are one function exactly where the
official hash of their pruned modules is equal. Their networks may still differ by some channels: which vertex before the
output gets one more, where the channels do not divide, is a matter of order.
"""

from __future__ import annotations

from functools import cached_property
from itertools import combinations, pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import WarmnasError
from .base import CellGraph, FloatArray, Gene, Genotypes, IntArray, SearchSpace
from .module_graph import INNER, ORDERS, VERTICES, Edges, channels, hashes, module_hash, pruned, used
from .pathways import Pathways, Sets

if TYPE_CHECKING:
    from torch import nn

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")  # the official order, which the hash depends on
CONV3, CONV1, POOL = range(3)
MOST_EDGES = 9
ENDS = tuple(combinations(range(VERTICES), 2))
_ROWS, _COLUMNS = np.array(ENDS).T
PATHWAYS = Pathways(3, VERTICES - 2)
CHUNK = 2048  # genotypes whose 120 orders of vertices are compared at a time


class NASBench101Space(SearchSpace):
    """21 possible edges and five operations; see the module's head."""

    name = "nasbench101"
    genes = (
        *(Gene(f"edge {source}-{target}", ("0", "1")) for source, target in ENDS),
        *(Gene(f"operation {vertex}", OPERATIONS) for vertex in INNER),
    )
    encodings = ("one-hot", "tokens", "adjacency", "path")

    def edges(self, genotypes: Genotypes) -> Edges:
        """The matrix as it stands in the genotype, not pruned: (n, 26) -> (n, 7, 7)."""
        matrices = np.zeros((len(genotypes), VERTICES, VERTICES), dtype=bool)
        matrices[:, _ROWS, _COLUMNS] = np.asarray(genotypes)[:, : len(ENDS)] > 0
        return matrices

    def operations(self, genotypes: Genotypes) -> IntArray:
        """Operation of each vertex, -1 for the input and -2 for the output: (n, 26) -> (n, 7)."""
        inner = np.asarray(genotypes, dtype=np.int64)[:, len(ENDS) :]
        return np.concatenate([np.full((len(inner), 1), -1), inner, np.full((len(inner), 1), -2)], axis=1)

    def from_modules(self, matrices: npt.NDArray[Any], operations: npt.NDArray[Any]) -> Genotypes:
        """Genotypes of modules of v <= 7 vertices: (n, v, v) of 0 and 1, (n, v - 2) of 0, 1, 2 -> (n, 26).

        The output becomes vertex 6; vertices that are not there have no edges and the first operation.
        """
        n, inner = len(matrices), operations.shape[1]
        place = [*range(inner + 1), VERTICES - 1]
        whole = np.zeros((n, VERTICES, VERTICES), dtype=np.int8)
        whole[np.ix_(range(n), place, place)] = matrices
        genes = np.zeros((n, len(INNER)), dtype=np.int8)
        genes[:, :inner] = operations
        return self.check(np.concatenate([whole[:, _ROWS, _COLUMNS], genes], axis=1))

    def valid(self, genotypes: Genotypes) -> npt.NDArray[np.bool_]:
        """The output is reached, by at most nine edges after pruning: (..., 26) -> (...,)."""
        edges = pruned(self.edges(_flat(genotypes)))
        valid = edges.any(axis=(1, 2)) & (edges.sum(axis=(1, 2)) <= MOST_EDGES)
        return np.asarray(valid).reshape(np.shape(genotypes)[:-1])

    def connected(self, genotypes: Genotypes) -> npt.NDArray[np.bool_]:
        """Whether the output is reached, by however many edges: (..., 26) -> (...,)."""
        reached = pruned(self.edges(_flat(genotypes))).any(axis=(1, 2))
        return np.asarray(reached).reshape(np.shape(genotypes)[:-1])

    def live(self, genotypes: Genotypes) -> Genotypes:
        """The genotypes with the edges of unused vertices taken out, and their operation the first: (..., 26) -> same."""
        flat = _flat(genotypes)
        edges = pruned(self.edges(flat))
        operations = np.where(used(edges), self.operations(flat), 0)[:, 1:-1]
        live = np.concatenate([edges[:, _ROWS, _COLUMNS], operations], axis=1).astype(np.int8)
        return live.reshape(np.shape(genotypes))

    def canonical(self, genotypes: Genotypes, level: str = "function") -> Genotypes:
        """The first genotype, in index order, of the same pruned module (there is one level): (..., 26) -> (..., 26)."""
        if level != "function":
            raise WarmnasError(f"unknown level '{level}' of function classes. Choices: function.")
        flat = _flat(genotypes)
        parts = [self._first(flat[start : start + CHUNK]) for start in range(0, len(flat), CHUNK)]
        return np.concatenate([flat[:0], *parts]).reshape(np.shape(genotypes))

    def _first(self, genotypes: Genotypes) -> Genotypes:
        edges, n = pruned(self.edges(genotypes)), len(genotypes)
        operations = np.where(used(edges), self.operations(genotypes), 0)
        moved = edges[:, ORDERS[:, :, None], ORDERS[:, None, :]]  # (n, orders, 7, 7)
        forward = ~np.tril(moved).any(axis=(2, 3))
        inner = operations[:, ORDERS[:, 1:-1]]
        candidates = np.concatenate([moved[:, :, _ROWS, _COLUMNS], inner], axis=2).astype(np.int8)
        best = np.where(forward, self.index(candidates), self.size).argmin(axis=1)
        first: Genotypes = candidates[np.arange(n), best]
        return first

    def class_keys(self, genotypes: Genotypes) -> IntArray:
        """Equal where the pruned modules are, whatever the order of their vertices: (..., 26) -> (...,)."""
        flat = _flat(genotypes)
        edges = pruned(self.edges(flat))
        return hashes(edges, self.operations(flat)).view(np.int64).reshape(np.shape(genotypes)[:-1])

    def module_hash(self, genotype: Genotypes) -> str:
        """The official hash, by which the benchmark's files name the module."""
        edges, operations = pruned(self.edges(genotype[None]))[0], self.operations(genotype[None])[0]
        there = np.flatnonzero(edges.any(axis=0) | edges.any(axis=1))
        return module_hash(edges[np.ix_(there, there)], operations[there].tolist())

    @cached_property
    def modules(self) -> Genotypes:
        """One valid genotype of every function class, 423,624 x 26; it takes some seconds to list them."""
        sizes = [self._modules_of(vertices) for vertices in range(2, VERTICES + 1)]
        return np.concatenate(sizes)

    def _modules_of(self, vertices: int) -> Genotypes:
        """One genotype of every class of exactly so many used vertices: first the graphs, then their operations."""
        pairs = vertices * (vertices - 1) // 2
        bits = (np.arange(2**pairs)[:, None] >> np.arange(pairs) & 1).astype(np.int8)
        bits = bits[bits.sum(axis=1) <= MOST_EDGES]
        matrices = np.zeros((len(bits), vertices, vertices), dtype=np.int8)
        matrices[(slice(None), *np.triu_indices(vertices, 1))] = bits
        full = (matrices[:, :-1].max(axis=2).min(axis=1) & matrices[:, :, 1:].max(axis=1).min(axis=1)).astype(bool)
        graphs = self._distinct(self.from_modules(matrices[full], np.zeros((full.sum(), vertices - 2), np.int8)))
        labels = np.array(list(product(range(3), repeat=vertices - 2)), dtype=np.int8).reshape(3 ** (vertices - 2), -1)
        genotypes = np.repeat(graphs, len(labels), axis=0)
        genotypes[:, len(ENDS) : len(ENDS) + vertices - 2] = np.tile(labels, (len(graphs), 1))
        return self._distinct(genotypes)

    def _distinct(self, genotypes: Genotypes) -> Genotypes:
        keys = [self.class_keys(genotypes[start : start + 2**16]) for start in range(0, len(genotypes), 2**16)]
        first = np.sort(np.unique(np.concatenate(keys), return_index=True)[1])
        return genotypes.take(first, axis=0)

    def params(self, genotypes: Genotypes, classes: int, width: int = 128, cells: int = 3) -> FloatArray:
        """Parameters of the network for colour images, as counted in :mod:`..networks.nasbench101`: (..., 26) -> (...,)."""
        flat = _flat(genotypes)
        edges, operations = pruned(self.edges(flat)), self.operations(flat)
        total = np.full(len(flat), 29.0 * width + (4 * width + 1) * classes)
        for stack in range(3):
            wide = width << stack
            first = _module_params(edges, operations, wide // 2 if stack else wide, wide)
            total = total + first + (cells - 1) * _module_params(edges, operations, wide, wide)
        return total.reshape(np.shape(genotypes)[:-1])

    def live_params(self, genotypes: Genotypes, classes: int) -> FloatArray:
        """All of them: what no path uses is pruned."""
        return self.params(genotypes, classes)

    def adjacency(self, genotypes: Genotypes) -> IntArray:
        """1 where an edge leads from row to column, operation + 1 on the diagonal: (..., 26) -> (..., 7, 7)."""
        flat = _flat(genotypes)
        matrices = self.edges(flat).astype(np.int64)
        matrices[:, INNER, INNER] = flat[:, len(ENDS) :] + 1
        return matrices.reshape(*np.shape(genotypes)[:-1], VERTICES, VERTICES)

    def from_adjacency(self, matrices: npt.NDArray[Any]) -> Genotypes:
        """Inverse of :meth:`adjacency`."""
        operations = matrices[..., INNER, INNER] - 1
        return np.concatenate([matrices[..., _ROWS, _COLUMNS], operations], axis=-1).astype(np.int8)

    def paths(self, genotypes: Genotypes) -> Sets:
        """Sequences of operations from input to output: (..., 26) -> (..., 364)."""
        flat = _flat(genotypes)
        edges, operations = self.edges(flat), self.operations(flat)
        leaving = [PATHWAYS.start(len(flat))]
        for vertex in range(1, VERTICES):
            before = edges[:, :vertex, vertex, None]
            arriving = np.asarray((np.stack(leaving, axis=1) & before).any(axis=1))
            leaving.append(PATHWAYS.followed_by(arriving, operations[:, vertex]) if vertex in INNER else arriving)
        return leaving[-1].reshape(*np.shape(genotypes)[:-1], PATHWAYS.columns)

    def to_string(self, genotype: Genotypes) -> str:
        """``111000.00001.0001.001.01.1|maxpool3x3,...``: the matrix above its diagonal by rows, then the operations."""
        bits = "".join(str(int(gene)) for gene in genotype[: len(ENDS)])
        starts = np.cumsum([0, *range(VERTICES - 1, 0, -1)])
        rows = [bits[start:end] for start, end in pairwise(starts)]
        return ".".join(rows) + "|" + ",".join(OPERATIONS[int(gene)] for gene in genotype[len(ENDS) :])

    def from_string(self, text: str) -> Genotypes:
        """From the same form, of any number of vertices from 2 to 7; WarmnasError where it is no module."""
        form = "the matrix above its diagonal by rows, then the operations, as in 11.1|maxpool3x3 for three vertices"
        matrix, _, labels = text.strip().partition("|")
        rows, names = matrix.split("."), labels.split(",") if labels else []
        size = len(rows) + 1
        whole = [len(row) for row in rows] == list(range(size - 1, 0, -1)) and not set(matrix) - set("01.")
        if size > VERTICES or not whole or len(names) != size - 2 or any(name not in OPERATIONS for name in names):
            raise WarmnasError(f"'{text}' is no NAS-Bench-101 module: write {form}; operations are {', '.join(OPERATIONS)}")
        entries = np.zeros((1, size, size), dtype=np.int8)
        entries[(slice(None), *np.triu_indices(size, 1))] = [int(bit) for bit in matrix if bit != "."]
        numbers = np.array([[OPERATIONS.index(name) for name in names]], dtype=np.int8).reshape(1, size - 2)
        genotype = self.from_modules(entries, numbers)[0]
        if not self.valid(genotype):
            raise WarmnasError(f"'{text}' does not lead from input to output, or has more than {MOST_EDGES} edges in use")
        return self.check(genotype)

    def graph(self, genotype: Genotypes) -> CellGraph:
        """The pruned module; vertices are named after their operation: 3x3, 1x1, max."""
        edges, operations = pruned(self.edges(genotype[None]))[0], self.operations(genotype[None])[0]
        there = [0, *(v for v in INNER if edges[v].any()), VERTICES - 1]
        names = ["in", *(("3x3", "1x1", "max")[operations[v]] for v in there[1:-1]), "out"]
        links = ((a, b, "") for a, source in enumerate(there) for b, target in enumerate(there) if edges[source, target])
        return CellGraph(tuple(names), tuple(links))

    def build(self, genotype: Genotypes, shape: tuple[int, int, int], classes: int, **size: int) -> nn.Module:
        """The benchmark's network; ``width`` of the stem (128) and ``cells`` per stack (3) may be given."""
        from ..networks.nasbench101 import NASBench101Network

        return NASBench101Network(genotype, shape, classes, **size)


def _flat(genotypes: Genotypes) -> Genotypes:
    array = np.asarray(genotypes, dtype=np.int8)
    return array.reshape(-1, array.shape[-1])


def _module_params(edges: Edges, operations: IntArray, inputs: int, outputs: int) -> FloatArray:
    """Parameters of one module: operations, and a projection of the input for every edge that leaves it."""
    wide = channels(edges, outputs)
    projections = np.where(edges[:, 0], (inputs + 2) * wide, 0).sum(axis=1)
    kernels = np.select([operations == CONV3, operations == CONV1], [9 * wide + 2, wide + 2], 0)
    counted: FloatArray = (projections + (kernels * wide)[:, 1:-1].sum(axis=1)).astype(np.float64)
    return counted
