"""Graph features after GRAF.

Kadlecova, Lukasik, Pilat, Vidnerova, Safari, Neruda & Hutter, "Surprisingly strong performance prediction with neural graph
features", ICML 2024. For every set S of operations:

* the number of operations of S;
* the least number of operations on a path from input to output that uses S alone (:data:`FAR` if none does);
* the largest number of operations of S on any path;
* how many of S follow the input and precede the output, and how many lead, on average, into and out of an inner sum.

The paper takes all sets; here that is so up to five operations, and small sets for more, :data:`MOST` at the most. The
one-hot genotype stands beside them (``op_on_position`` in the authors' code), since widths along a list have no paths.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, Genotypes, SearchSpace
from .operation_graphs import STRUCTURE, SUM, OperationGraphs, operation_graphs

MOST = 64
FAR = 100.0
IS_INPUT, IS_OUTPUT, IS_SUM = (STRUCTURE.index(kind) for kind in ("input", "output", SUM))
Bools = npt.NDArray[np.bool_]


def subsets(operations: int) -> Bools:
    """Sets of operations, smallest first: (sets, operations)."""
    chosen: list[tuple[int, ...]] = []
    for size in range(1, operations + 1):
        more = list(combinations(range(operations), size))
        if size > 1 and len(chosen) + len(more) > MOST:
            break
        chosen += more
    members = np.zeros((len(chosen), operations), dtype=bool)
    for row, members_of in enumerate(chosen):
        members[row, list(members_of)] = True
    return members


def graf(space: SearchSpace, genotypes: Genotypes, operations: list[str]) -> FloatArray:
    """Features of genotypes (n, genes): (n, features). Operations that are not listed belong to no set."""
    sets = subsets(len(operations))
    parts = [_of_graphs(graphs, sets) for graphs in operation_graphs(space, genotypes, operations)]
    return np.concatenate([np.concatenate(parts), space.one_hot(genotypes)], axis=1)


def _of_graphs(graphs: OperationGraphs, sets: Bools) -> FloatArray:
    labels, edges = graphs.labels, graphs.edges
    table = np.zeros((len(sets), sets.shape[1] + len(STRUCTURE) + 2), dtype=bool)  # a column for strangers, one for -1
    table[:, len(STRUCTURE) : len(STRUCTURE) + sets.shape[1]] = sets
    inside = table.T[labels]  # (n, nodes, sets)
    sums = labels == IS_SUM
    inner = np.maximum(sums.sum(axis=1), 1)[:, None]
    before = np.einsum("nab,nas->nbs", edges.astype(np.float32), inside.astype(np.float32))
    behind = np.einsum("nab,nbs->nas", edges.astype(np.float32), inside.astype(np.float32))

    def at(kind: Bools, counts: npt.NDArray[np.float32]) -> FloatArray:
        total: FloatArray = (counts * kind[..., None]).sum(axis=1, dtype=np.float64)
        return total

    columns = [
        inside.sum(axis=1, dtype=np.float64),
        *_path_lengths(labels, edges, inside),
        at(labels == IS_INPUT, behind),
        at(labels == IS_OUTPUT, before),
        at(sums, before) / inner,
        at(sums, behind) / inner,
    ]
    return np.concatenate(columns, axis=1)


def _path_lengths(labels: npt.NDArray[np.int64], edges: Bools, inside: Bools) -> tuple[FloatArray, FloatArray]:
    """Shortest path within each set, and most of a set on a path: two arrays (n, sets)."""
    n, nodes, sets = inside.shape
    operation = labels >= len(STRUCTURE)
    least, most = np.full((n, nodes, sets), FAR), np.full((n, nodes, sets), -FAR)
    first = labels == IS_INPUT
    least[first], most[first] = 0.0, 0.0
    for node in range(1, nodes):
        open_here = inside[:, node] | ~operation[:, node, None]
        for earlier in range(node):
            link = edges[:, earlier, node, None]
            shorter = least[:, earlier] + operation[:, node, None]
            least[:, node] = np.where(link & open_here, np.minimum(least[:, node], shorter), least[:, node])
            longer = most[:, earlier] + inside[:, node]
            most[:, node] = np.where(link, np.maximum(most[:, node], longer), most[:, node])
    last = (labels == IS_OUTPUT)[..., None]
    shortest = np.where(last, least, FAR).min(axis=1)
    return np.minimum(shortest, FAR), np.maximum(np.where(last, most, -FAR).max(axis=1), 0.0)
