"""The graphs of NAS-Bench-101: pruning, identity up to the order of vertices, channels (Ying et al., ICML 2019).

Graphs come in arrays: ``edges`` (n, 7, 7), True where an edge leads from row to column (upper triangle), and
``operations`` (n, 7), -1 for the input (vertex 0), -2 for the output (vertex 6), else 0, 1 or 2. A vertex that no path from
input to output uses has neither edges nor a say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import permutations

import numpy as np
import numpy.typing as npt

from .hashing import Hashes, scramble
from .types import IntArray

VERTICES = 7
INNER = range(1, VERTICES - 1)
Edges = npt.NDArray[np.bool_]
ORDERS = np.array([(0, *order, VERTICES - 1) for order in permutations(INNER)])  # all orders of the inner vertices


def used(edges: Edges) -> npt.NDArray[np.bool_]:
    """Vertices on a path from input to output: (n, 7, 7) -> (n, 7)."""
    forward, backward = np.zeros((2, len(edges), VERTICES), dtype=bool)
    forward[:, 0] = backward[:, -1] = True
    for vertex in range(1, VERTICES):
        forward[:, vertex] = (edges[:, :, vertex] & forward).any(axis=1)
    for vertex in range(VERTICES - 2, -1, -1):
        backward[:, vertex] = (edges[:, vertex] & backward).any(axis=1)
    return forward & backward


def pruned(edges: Edges) -> Edges:
    """The edges between used vertices."""
    there = used(edges)
    return edges & there[:, :, None] & there[:, None, :]


def hashes(edges: Edges, operations: IntArray) -> Hashes:
    """Random value of each pruned graph that does not depend on the order of its vertices: (n, 7, 7), (n, 7) -> (n,).

    The scheme of the official hash (every vertex takes in, again and again, the values of the vertices before it and those
    behind it) with sums of 64-bit integers for sorted lists of MD5 digests, for many graphs at once.
    """
    degrees = edges.sum(axis=1) * 8 + edges.sum(axis=2)
    values = scramble((degrees * 8 + operations + 2).astype(np.uint64), 50)
    links = edges.astype(np.uint64)
    for _ in range(VERTICES):
        before = np.einsum("nij,ni->nj", links, scramble(values, 51))
        behind = np.einsum("nij,nj->ni", links, scramble(values, 52))
        values = scramble(values + scramble(before, 53) + scramble(behind, 54), 55)
    total: Hashes = np.where(edges.any(axis=1) | edges.any(axis=2), values, np.uint64(0)).sum(axis=1)
    return total


def module_hash(matrix: Sequence[Sequence[int]] | npt.NDArray[np.generic], labels: Sequence[int]) -> str:
    """The official hash of a pruned module, by which NAS-Bench-101's files name it.

    MD5 of the sorted digests of the vertices; a digest starts from (out-degree, in-degree, label) and takes in, as often as
    there are vertices, the sorted digests before and behind it (google-research/nasbench, lib/graph_util.py, hash_module).

    Args:
        matrix: of any number of vertices v, upper triangular, 0 or 1, shape (v, v).
        labels: -1 for the input, 0, 1, 2 for the operations in the order of ``OPERATIONS``, -2 for the output.
    """
    links = np.asarray(matrix).astype(bool)
    size = range(len(labels))
    degrees = zip(links.sum(axis=1).tolist(), links.sum(axis=0).tolist(), map(int, labels), strict=True)
    digests = [_md5(str(degree)) for degree in degrees]
    for _ in size:
        digests = [
            _md5("|".join([*("".join(sorted(digests[w] for w in size if side[w])) for side in sides), digests[v]]))
            for v, sides in ((v, (links[:, v], links[v])) for v in size)
        ]
    return _md5(str(sorted(digests)))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def channels(edges: Edges, outputs: int) -> IntArray:
    """Channels of every vertex of a pruned module with so many output channels: (n, 7, 7) -> (n, 7); 0 for unused ones.

    The output concatenates what enters it, so its channels are shared out among those vertices, the first ones taking one
    more where they do not divide; other vertices have as many as the widest that they lead to. The input's are not set.
    """
    last = edges[:, 1:-1, -1]
    share, rest = np.divmod(outputs, np.maximum(last.sum(axis=1), 1))
    own = np.where(last, share[:, None] + (last.cumsum(axis=1) <= rest[:, None]), 0)
    wide = np.zeros((len(edges), VERTICES), dtype=np.int64)
    wide[:, 1:-1], wide[:, -1] = own, outputs
    for vertex in reversed(INNER):
        behind = np.where(edges[:, vertex, :-1], wide[:, :-1], 0).max(axis=1)
        wide[:, vertex] = np.where(edges[:, vertex, -1], wide[:, vertex], behind)
    return wide
