"""Path encoding (White, Neiswanger & Savani, BANANAS, AAAI 2021, section 4): a cell as the set of its paths.

A path is the sequence of operations from the cell's input to its output. With K operations and at most L of them in
sequence there is one column for each of the sum_{l=0..L} K^l sequences: first the empty one, then those of one operation,
of two, ..., each in the order of its digits, the operation nearest to the input first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .types import IntArray

Sets = npt.NDArray[np.bool_]


class Pathways:
    """Sets of operation sequences, as boolean rows.

    Args:
        operations: K, how many there are.
        longest: L, most operations in sequence.
    """

    def __init__(self, operations: int, longest: int) -> None:
        self.operations, self.longest = operations, longest
        self._first = np.concatenate([[0], np.cumsum([operations**length for length in range(longest + 1)])])

    @property
    def columns(self) -> int:
        """Number of sequences."""
        return int(self._first[-1])

    def none(self, n: int) -> Sets:
        """``n`` empty sets, shape (n, columns)."""
        return np.zeros((n, self.columns), dtype=bool)

    def start(self, n: int) -> Sets:
        """``n`` sets of the empty sequence alone."""
        sets = self.none(n)
        sets[:, 0] = True
        return sets

    def followed_by(self, sets: Sets, operation: IntArray) -> Sets:
        """Every sequence of each set with one more operation at its end; -1 leaves a set empty: (n, columns), (n,)."""
        longer = self.none(len(sets))
        for o in range(self.operations):
            rows = np.flatnonzero(operation == o)
            for length in range(self.longest):
                here, there = self._first[length], self._first[length + 1]
                many = self.operations**length
                columns = there + np.arange(many) * self.operations + o
                longer[np.ix_(rows, columns)] = sets[rows, here : here + many]
        return longer


def edge_paths(pathways: Pathways, operations: IntArray, ends: Sequence[tuple[int, int]], nodes: int) -> list[Sets]:
    """Sequences that arrive at every node when operations stand on edges.

    Args:
        pathways: the numbering of sequences.
        operations: of each edge, -1 where it carries nothing, shape (n, edges).
        ends: (from, to) of each edge, in an order in which a node is left only after all its edges have arrived.
        nodes: how many; node 0 is the input.
    """
    n = len(operations)
    sets = [pathways.start(n), *(pathways.none(n) for _ in range(nodes - 1))]
    for edge, (source, target) in enumerate(ends):
        sets[target] |= pathways.followed_by(sets[source], operations[:, edge])
    return sets
