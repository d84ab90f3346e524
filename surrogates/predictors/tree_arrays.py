"""Regression trees as plain arrays: what scikit-learn grew is saved without pickles and predicts the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, IntArray

LEAF = -1


@dataclass(frozen=True)
class TreeArrays:
    """Many trees, one behind the other.

    Attributes:
        roots: first node of each tree, (trees,).
        left, right: children of each node as node numbers, (nodes,); LEAF at leaves.
        feature, threshold: a node goes left where ``x[feature] <= threshold``, (nodes,).
        value: of each node, (nodes,).
    """

    roots: IntArray
    left: IntArray
    right: IntArray
    feature: IntArray
    threshold: FloatArray
    value: FloatArray

    @classmethod
    def of(cls, trees: Sequence[Any]) -> TreeArrays:
        """From scikit-learn's regression trees (their ``tree_``), of one output each."""
        starts = np.concatenate([[0], np.cumsum([tree.node_count for tree in trees])]).astype(np.int64)
        moved = [
            [np.where(side == LEAF, LEAF, side + start) for side in (tree.children_left, tree.children_right)]
            for tree, start in zip(trees, starts, strict=False)
        ]
        return cls(
            starts[:-1],
            np.concatenate([left for left, _ in moved]).astype(np.int64),
            np.concatenate([right for _, right in moved]).astype(np.int64),
            np.concatenate([tree.feature for tree in trees]).astype(np.int64),
            np.concatenate([tree.threshold for tree in trees]),
            np.concatenate([tree.value[:, 0, 0] for tree in trees]),
        )

    def predict(self, x: FloatArray) -> FloatArray:
        """Value of each tree at rows (n, features): (n, trees)."""
        rows = x.astype(np.float32)  # as scikit-learn compares
        node = np.tile(self.roots, (len(rows), 1))
        places = np.arange(len(rows))[:, None]
        while (inner := self.left[node] != LEAF).any():
            goes_left = rows[places, np.maximum(self.feature[node], 0)] <= self.threshold[node]
            node = np.where(inner, np.where(goes_left, self.left[node], self.right[node]), node)
        values: FloatArray = self.value[node]
        return values

    def arrays(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """For a file."""
        return {f"{prefix} {name}": array for name, array in vars(self).items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> TreeArrays:
        """Inverse of :meth:`arrays`; ValueError where a number leads nowhere, or round in a circle."""
        trees = cls(**{name: arrays[f"{prefix} {name}"] for name in cls.__dataclass_fields__})
        nodes = len(trees.value)
        numbers = np.arange(nodes)
        inner = trees.left != LEAF
        down = all(((side > numbers) & (side < nodes))[inner].all() for side in (trees.left, trees.right))
        if {len(array) for name, array in vars(trees).items() if name != "roots"} != {nodes} or not down:
            raise ValueError("trees with a branch that leads nowhere")
        if not ((trees.roots >= 0) & (trees.roots < nodes)).all():
            raise ValueError("a tree without a root")
        return trees
