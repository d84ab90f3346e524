"""The cell space of DARTS (Liu, Simonyan & Yang, ICLR 2019, arXiv 1806.09055), a NASNet space with four nodes a cell.

An architecture is a normal and a reduction cell. A cell has two inputs (the outputs of the two cells before it, states 0
and 1) and four nodes (states 2 to 5); its output is the concatenation of the nodes. A supernet sees all 14 edges from
earlier states to nodes, each with eight operations; of an architecture every node keeps two of its edges with one operation
other than ``none`` on each, and is their sum. That makes (1 * 3 * 6 * 10 * 7^8)^2, about 1.08e18 genotypes.

A node's genes are the pair of states that it reads (node 2 has no choice) and the operation on each; the index is the mixed
radix number of the genes and fits 64 bits.

**Classes.** Two genotypes are one function if a renumbering of the nodes makes the normal cells equal, and another one the
reduction cells: the channels of the cell's output are then only in another order, which the next layer's weights undo. That
is the level ``function``. Nothing else is rewritten: sums of skips that come out equal by other ways stay apart, and so do
noise operations that ignore different inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import WarmnasError
from .base import CellGraph, FloatArray, Gene, Genotypes, IntArray, SearchSpace
from .darts_cells import (
    EDGES,
    GENES,
    INPUTS,
    NODES,
    NONE,
    OPERATIONS,
    PAIRS,
    PRIMITIVES,
    STATES,
    cell_hashes,
    decode,
    edges_of,
    encode,
    renumbered,
    strongest,
)
from .darts_costs import cell_kernels, network_params
from .darts_strings import CELLS, parse, print_genotype
from .hashing import scramble
from .pathways import Pathways, Sets, edge_paths

if TYPE_CHECKING:
    from torch import nn

EdgeLists = Sequence[Sequence[str]]
CHUNK = 4096  # genotypes whose 24 orders of nodes are compared at a time


class DARTSSpace(SearchSpace):
    """Two cells with some of the operations on each edge; see the module's head.

    Args:
        name: of the space.
        normal: operations of each of the 14 edges of the normal cell's supernet, ``none`` among them or not.
        reduce: the same for the reduction cell.

    Attributes:
        edge_operations: those lists, for whoever builds the supernet.
    """

    encodings = ("one-hot", "tokens", "adjacency", "path")

    def __init__(
        self, name: str = "darts", normal: EdgeLists = 14 * (PRIMITIVES,), reduce: EdgeLists = 14 * (PRIMITIVES,)
    ) -> None:
        self.name = name
        self.edge_operations = {"normal": tuple(map(tuple, normal)), "reduce": tuple(map(tuple, reduce))}
        kept = [[[o for o in edge if o != NONE] for edge in edges] for edges in (normal, reduce)]
        self._choices = np.array([[[OPERATIONS.index(o) for o in edge] for edge in edges] for edges in kept])
        self._places = np.full((len(CELLS), len(EDGES), len(OPERATIONS)), -1)
        for place in range(self._choices.shape[-1]):
            np.put_along_axis(self._places, self._choices[..., place, None], place, axis=-1)
        self.genes = tuple(gene for cell, edges in zip(CELLS, kept, strict=True) for gene in _genes(cell, edges))
        self._used = np.unique(self._choices)
        self._pathways = Pathways(len(self._used), NODES)

    def cells(self, genotypes: Genotypes) -> tuple[IntArray, IntArray]:
        """States that are read, and operations as numbers of ``OPERATIONS``: (..., 22) -> (..., cell, node, 2) twice."""
        genes = np.asarray(genotypes, dtype=np.int64).reshape(*np.shape(genotypes)[:-1], len(CELLS), GENES)
        both = [decode(genes[..., cell, :], self._choices[cell]) for cell in range(len(CELLS))]
        return np.stack([sources for sources, _ in both], axis=-3), np.stack([o for _, o in both], axis=-3)

    def from_cells(self, sources: IntArray, operations: IntArray) -> Genotypes:
        """Inverse of :meth:`cells`; WarmnasError where an edge does not offer its operation."""
        both = [
            encode(sources[..., cell, :, :], operations[..., cell, :, :], self._places[cell]) for cell in range(len(CELLS))
        ]
        genes = np.concatenate(both, axis=-1)
        if (genes < 0).any():
            raise WarmnasError(f"{self.name} does not offer every one of these operations on its edge")
        return genes.astype(np.int8)

    def from_supernet(self, normal: FloatArray, reduce: FloatArray) -> Genotypes:
        """The architecture that DARTS reads off a supernet: two arrays of weights (14, operations of the edges) -> (22,).

        The columns are those of ``edge_operations``; a column of ``none`` is passed over.
        """
        found = []
        for cell, weights in enumerate((normal, reduce)):
            names = self.edge_operations[CELLS[cell]]
            kept = np.array([[i for i, name in enumerate(edge) if name != NONE] for edge in names])
            found.append(strongest(np.take_along_axis(np.asarray(weights), kept, axis=1), self._choices[cell]))
        return self.from_cells(np.stack([sources for sources, _ in found]), np.stack([o for _, o in found]))

    def supernet_choices(self, genotypes: Genotypes) -> IntArray:
        """Column of the operation on every edge of the supernet, -1 where there is none: (..., 22) -> (..., cell, 14)."""
        sources, operations = self.cells(genotypes)
        columns = np.full((*operations.shape[:-2], len(EDGES)), -1)
        edges = edges_of(sources).reshape(*sources.shape[:-2], -1)
        names = [
            [edge.index(o) if o in edge else -1 for edge in self.edge_operations[c] for o in OPERATIONS] for c in CELLS
        ]
        table = np.array(names).reshape(len(CELLS), len(EDGES), len(OPERATIONS))
        cell = np.arange(len(CELLS))[:, None]
        np.put_along_axis(columns, edges, table[cell, edges, operations.reshape(edges.shape)], axis=-1)
        return columns

    def canonical(self, genotypes: Genotypes, level: str = "function") -> Genotypes:
        """The first genotype, in index order, up to the order of nodes in each cell (there is one level)."""
        if level != "function":
            raise WarmnasError(f"unknown level '{level}' of function classes. Choices: function.")
        flat = np.asarray(genotypes, dtype=np.int8).reshape(-1, len(self.genes))
        parts = [self._first(flat[start : start + CHUNK]) for start in range(0, len(flat), CHUNK)]
        return np.concatenate([flat[:0], *parts]).reshape(np.shape(genotypes))

    def _first(self, genotypes: Genotypes) -> Genotypes:
        sources, operations = self.cells(genotypes)
        first, radix = [], self._radix.reshape(len(CELLS), GENES)
        for cell in range(len(CELLS)):
            read, layers, possible = renumbered(sources[:, cell], operations[:, cell])
            genes = encode(read, layers, self._places[cell])
            possible = possible & (genes >= 0).all(axis=-1)
            index = np.where(possible, genes @ radix[cell], np.iinfo(np.int64).max)
            first.append(np.take_along_axis(genes, index.argmin(axis=1)[:, None, None], axis=1)[:, 0])
        return np.concatenate(first, axis=-1).astype(np.int8)

    def class_keys(self, genotypes: Genotypes) -> IntArray:
        """Equal up to the order of nodes in each cell, and much faster than canonical forms: (..., 22) -> (...,)."""
        sources, operations = self.cells(np.asarray(genotypes).reshape(-1, len(self.genes)))
        normal, reduce = (cell_hashes(sources[:, cell], operations[:, cell]) for cell in range(len(CELLS)))
        return (normal + scramble(reduce, 56)).view(np.int64).reshape(np.shape(genotypes)[:-1])

    def params(self, genotypes: Genotypes, classes: int, width: int = 36, cells: int = 20) -> FloatArray:
        """Parameters of the network for colour images without its auxiliary head: (..., 22) -> (...,)."""
        sources, operations = self.cells(genotypes)
        normal, reduce = (cell_kernels(sources[..., c, :, :], operations[..., c, :, :], c == 1) for c in (0, 1))
        return network_params(normal, reduce, classes, width, cells)

    def live_params(self, genotypes: Genotypes, classes: int) -> FloatArray:
        """All of them: every node is part of the output."""
        return self.params(genotypes, classes)

    def adjacency(self, genotypes: Genotypes) -> IntArray:
        """Entry [source, state] of each cell = number of the operation in OPERATIONS: (..., 22) -> (..., 2, 6, 6)."""
        sources, operations = self.cells(genotypes)
        matrices = np.zeros((*sources.shape[:-2], INPUTS + NODES, INPUTS + NODES), dtype=np.int64)
        np.put_along_axis(matrices[..., INPUTS:], np.moveaxis(sources, -1, -2), np.moveaxis(operations, -1, -2), axis=-2)
        return matrices

    def from_adjacency(self, matrices: npt.NDArray[Any]) -> Genotypes:
        """Inverse of :meth:`adjacency`."""
        nodes = np.moveaxis(np.asarray(matrices)[..., INPUTS:], -1, -2)  # (..., cell, node, source)
        sources = np.sort((nodes == 0).argsort(axis=-1, kind="stable")[..., :2], axis=-1)
        return self.from_cells(sources, np.take_along_axis(nodes, sources, axis=-1))

    def paths(self, genotypes: Genotypes) -> Sets:
        """Sequences of operations from each input to the output of each cell: (..., 22) -> (..., 4 * sequences).

        Normal cell from input 0, from input 1, reduction cell from input 0, from input 1.
        """
        flat = np.asarray(genotypes).reshape(-1, len(self.genes))
        numbers = np.searchsorted(self._used, self.adjacency(flat))
        absent = self.adjacency(flat) == 0
        sets = []
        for cell in range(len(CELLS)):
            operations = np.where(absent[:, cell], -1, numbers[:, cell])
            on_edges = np.stack([operations[:, source, state] for source, state in EDGES], axis=1)
            for start in range(INPUTS):
                ends = [(0 if source == start else source, state) for source, state in EDGES]
                from_here = np.where([source == 1 - start for source, _ in EDGES], -1, on_edges)
                arriving = edge_paths(self._pathways, from_here, ends, INPUTS + NODES)
                sets.append(np.logical_or.reduce(arriving[INPUTS:]))
        return np.concatenate(sets, axis=1).reshape(*np.shape(genotypes)[:-1], 4 * self._pathways.columns)

    def to_string(self, genotype: Genotypes) -> str:
        """As the code of DARTS prints it; see :mod:`.darts_strings`."""
        sources, operations = (a.reshape(len(CELLS), -1).tolist() for a in self.cells(genotype))
        cells = [[(OPERATIONS[o], s) for s, o in zip(*cell, strict=True)] for cell in zip(sources, operations, strict=True)]
        return print_genotype(cells)

    def from_string(self, text: str) -> Genotypes:
        """From that form, a node's edges in either order; WarmnasError where the space has no such architecture."""
        cells = parse(text)
        for cell, pairs in zip(CELLS, cells, strict=True):
            for node, state in enumerate(STATES):
                read = {source for _, source in pairs[2 * node : 2 * node + 2]}
                if len(read) < 2 or max(read) >= state:
                    raise WarmnasError(
                        f"{cell}: node {state} must read two different states below {state}, not {sorted(read)}"
                    )
            for name, _ in pairs:
                if name not in OPERATIONS or name == NONE:
                    raise WarmnasError(f"{cell}: '{name}' is no operation. Choices: {', '.join(OPERATIONS[1:])}")
        shape = (len(CELLS), NODES, 2)
        sources = np.array([[source for _, source in pairs] for pairs in cells]).reshape(shape)
        return self.from_cells(sources, np.array([[OPERATIONS.index(o) for o, _ in p] for p in cells]).reshape(shape))

    def graph(self, genotype: Genotypes) -> CellGraph:
        """A normal cell and the reduction cell behind it, whose states 0 and 1 are the normal cell's state 1 and output."""
        sources, operations = self.cells(genotype)
        names = ["in0", "in1", "2", "3", "4", "5", "mid", "2'", "3'", "4'", "5'", "out"]
        places = ((0, 1, 2, 3, 4, 5, 6), (1, 6, 7, 8, 9, 10, 11))
        edges: list[tuple[int, int, str]] = []
        for cell, place in enumerate(places):
            for node, state in enumerate(STATES):
                for source, operation in zip(sources[cell, node], operations[cell, node], strict=True):
                    edges.append((place[source], place[state], OPERATIONS[operation].replace("_", " ")))
                edges.append((place[state], place[-1], ""))
        return CellGraph(tuple(names), tuple(edges))

    def build(self, genotype: Genotypes, shape: tuple[int, int, int], classes: int, **size: int) -> nn.Module:
        """The network of the paper; ``width`` (36), ``cells`` in all (20) and ``auxiliary`` (0 or 1) may be given."""
        from ..networks.darts import DARTSNetwork

        return DARTSNetwork(self, genotype, shape, classes, **size)


def _genes(cell: str, edges: list[list[str]]) -> list[Gene]:
    """Genes of one cell. Where edges differ in what they offer, a choice is only the place in the edge's list."""
    names = (
        tuple(edges[0]) if all(edge == edges[0] for edge in edges) else tuple(f"choice {i}" for i in range(len(edges[0])))
    )
    genes = []
    for node, state in enumerate(STATES):
        if node:
            genes.append(Gene(f"{cell} {state} reads", tuple(f"{a},{b}" for a, b in PAIRS[node].tolist())))
        genes += [Gene(f"{cell} {state} {which}", names) for which in ("first", "second")]
    return genes
