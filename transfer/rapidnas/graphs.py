"""Architectures as arrays of labelled graphs, each different one converted once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...bench import Genotypes, IntArray, SearchSpace
from ...surrogates.predictors.operation_graphs import STRUCTURE, operation_graphs, operations_of

SAMPLE = 512  # architectures that the space's operations are collected from


class Graphs:
    """Graphs of a space, remembered.

    Function-equal genotypes are one graph: the canonical form is converted, dead operations are left out.

    Args:
        space: of cells, or of anything that can be drawn.
        operations: names of the operations; those of a fixed sample of the space if left out.
    """

    def __init__(self, space: SearchSpace, operations: list[str] | None = None) -> None:
        self.space = space
        if operations is None:
            operations = operations_of(space, space.sample(SAMPLE, np.random.default_rng(0)))
        self.operations = operations
        self.labels = np.empty((0, 1), dtype=np.int64)
        self.edges = np.empty((0, 1, 1), dtype=bool)
        self._place: dict[bytes, int] = {}

    @property
    def kinds(self) -> int:
        """Different labels of nodes, one for what the vocabulary lacks included."""
        return len(STRUCTURE) + len(self.operations) + 1

    def places(self, genotypes: Genotypes) -> IntArray:
        """Number of each genotype's graph: (..., genes) -> (...,)."""
        array = np.asarray(genotypes)
        if array.ndim == 3 and array.strides[0] == 0:  # the same for every run
            return np.broadcast_to(self.places(array[0]), array.shape[:-1])
        flat = self.space.canonical(array.reshape(-1, array.shape[-1]))
        different, inverse = np.unique(flat, axis=0, return_inverse=True)
        keys = [row.tobytes() for row in different]
        new = [i for i, key in enumerate(keys) if key not in self._place]
        if new:
            self._add(different[new])
            self._place |= {keys[i]: len(self._place) + rank for rank, i in enumerate(new)}
        numbers = np.array([self._place[key] for key in keys], dtype=np.int64)
        return numbers[inverse.reshape(-1)].reshape(array.shape[:-1])

    def _add(self, genotypes: Genotypes) -> None:
        labels, edges = [self.labels], [self.edges]
        for part in operation_graphs(self.space, genotypes, self.operations):
            labels.append(part.labels)
            edges.append(part.edges)
        nodes = max(part.shape[1] for part in labels)
        self.labels = np.concatenate([_padded(part, nodes, -1) for part in labels])
        self.edges = np.concatenate(
            [_padded(_padded(part, nodes, 0).swapaxes(1, 2), nodes, 0).swapaxes(1, 2) for part in edges]
        )

    def tensors(self, places: IntArray) -> tuple[Tensor, Tensor]:
        """Labels (..., nodes), -1 where there is no node, and edges (..., from, to) as 0 and 1, of graphs' numbers."""
        labels = self.labels[places]
        nodes = max(int((labels >= 0).sum(axis=-1).max(initial=1)), 1)
        edges = self.edges[places][..., :nodes, :nodes]
        return torch.from_numpy(labels[..., :nodes]), torch.from_numpy(edges.astype(np.float32))


def _padded(part: npt.NDArray[Any], nodes: int, value: int) -> npt.NDArray[Any]:
    """The second axis filled up to ``nodes``."""
    widths = [(0, 0)] * part.ndim
    widths[1] = (0, nodes - part.shape[1])
    return np.pad(part, widths, constant_values=value)
