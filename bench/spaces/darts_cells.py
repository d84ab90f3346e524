"""Cells of DARTS as arrays: which states every node reads, by which operation, and the genes that say so.

States 0 and 1 are a cell's inputs, states 2 to 5 its nodes. ``sources`` (..., 4, 2) holds the two states that each node
reads, the smaller one first, and ``operations`` (..., 4, 2) the number of the operation on each, from ``OPERATIONS``. The
genes of a cell are (operation, operation) for the first node and (pair, operation, operation) for each other.
"""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import numpy.typing as npt

from .hashing import Hashes, key, scramble
from .types import IntArray

NONE = "none"
PRIMITIVES = (
    NONE,
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
OPERATIONS = (*PRIMITIVES, "noise")
INPUTS, NODES = 2, 4
STATES = range(INPUTS, INPUTS + NODES)
EDGES = tuple((source, state) for state in STATES for source in range(state))  # in the order of a supernet's rows
GENES = 3 * NODES - 1
PAIRS = tuple(np.array(list(combinations(range(state), 2))) for state in STATES)
EDGE = np.full((INPUTS + NODES, INPUTS + NODES), -1)
EDGE[tuple(np.array(EDGES).T)] = np.arange(len(EDGES))
_STATES = np.array(STATES)[:, None]
_OPERATION_GENES = np.arange(0, GENES, 3)[:, None] + [0, 1]


def edges_of(sources: IntArray) -> IntArray:
    """Row of the supernet of each edge: (..., 4, 2) -> (..., 4, 2)."""
    numbers: IntArray = EDGE[sources, _STATES]
    return numbers


def decode(genes: IntArray, choices: IntArray) -> tuple[IntArray, IntArray]:
    """Sources and operations of cells: genes (..., 11), the operations that each edge offers (14, k)."""
    pairs = [np.broadcast_to(PAIRS[0][0], (*genes.shape[:-1], 2))]
    pairs += [PAIRS[node][genes[..., 3 * node - 1]] for node in range(1, NODES)]
    sources = np.stack(pairs, axis=-2)
    return sources, choices[edges_of(sources), genes[..., _OPERATION_GENES]]


def encode(sources: IntArray, operations: IntArray, places: IntArray) -> IntArray:
    """Genes of cells; ``places`` (14, operations) says where each edge offers an operation, -1 where it does not.

    A node's edges may come in either order. An operation that an edge does not offer is the gene -1.
    """
    order = sources.argsort(axis=-1)
    sources, operations = (np.take_along_axis(a, order, axis=-1) for a in (sources, operations))
    chosen = places[edges_of(sources), operations]
    low, high = sources[..., 0], sources[..., 1]
    rank = low * _STATES[:, 0] - low * (low + 1) // 2 + high - low - 1
    genes = np.concatenate([rank[..., None], chosen], axis=-1)
    return genes.reshape(*genes.shape[:-2], 3 * NODES)[..., 1:]


def renumbered(sources: IntArray, operations: IntArray) -> tuple[IntArray, IntArray, npt.NDArray[np.bool_]]:
    """Every cell with its nodes in all 24 orders, (n, 4, 2) -> (n, 24, 4, 2) twice, and which orders are possible (n, 24).

    An order is possible where every node still reads earlier states only; in others sources are not to be used.
    """
    orders = np.array(list(permutations(range(NODES))))  # orders[o, place] = which node comes there
    place = orders.argsort(axis=1)
    state = np.concatenate([np.tile([0, 1], (len(orders), 1)), INPUTS + place], axis=1)  # new number of each state
    moved_operations = operations[:, orders]
    moved = state[np.arange(len(orders))[:, None, None], sources[:, orders]]
    possible = np.asarray((moved < _STATES).all(axis=(-1, -2)))
    return np.where(possible[..., None, None], moved, sources[:, None]), moved_operations, possible


def cell_hashes(sources: IntArray, operations: IntArray) -> Hashes:
    """Random value of each cell that does not depend on the order of its nodes: (n, 4, 2) twice -> (n,).

    As in :mod:`.module_graph`, every state takes in, again and again, the values of the states that it reads and of those
    that read it, each with the operation between them; inputs have a value of their own.
    """
    n, rows = len(sources), np.arange(len(sources))
    values = np.full((n, INPUTS + NODES), key(56))
    values[:, 0], values[:, 1] = key(57), key(58)
    factors = np.array([key(40 + operation) for operation in range(len(OPERATIONS))])[operations]
    for _ in range(NODES):
        before, behind = np.zeros((2, n, INPUTS + NODES), dtype=np.uint64)
        for node, slot in np.ndindex(NODES, 2):
            source, factor = sources[:, node, slot], factors[:, node, slot]
            before[:, INPUTS + node] += scramble(values[rows, source] * factor, 59)
            behind[rows, source] += scramble(values[:, INPUTS + node] * factor, 60)
        values = scramble(values + scramble(before, 61) + scramble(behind, 62), 63)
        values[:, 0] += key(57)
        values[:, 1] += key(58)
    total: Hashes = scramble(values, 56).sum(axis=1)
    return total


def strongest(weights: IntArray, choices: IntArray) -> tuple[IntArray, IntArray]:
    """The cell that DARTS reads off a supernet (section 2.4 of the paper): sources and operations, (4, 2) each.

    A node keeps the two edges whose strongest operation other than ``none`` is strongest, and that operation on each; of
    equals the first.

    Args:
        weights: of the operations that each edge offers, ``none`` left out, shape (14, k).
        choices: numbers of those operations, shape (14, k).
    """
    best, top = weights.argmax(axis=1), weights.max(axis=1)
    sources = np.array([np.sort(np.argsort(-top[EDGE[:state, state]], kind="stable")[:2]) for state in STATES])
    edges = edges_of(sources)
    return sources, choices[edges, best[edges]]
