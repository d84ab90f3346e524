"""Supernets by space: :func:`layout` says what an edge may carry, :func:`build_supernet` makes the network.

A space has a supernet where both functions know its type; others are refused with a line that says so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import singledispatch

import numpy as np
from torch import Tensor, nn

from ..errors import WarmnasError
from ..spaces.base import FloatArray, Genotypes, IntArray, SearchSpace
from .mixture import MixedOperation, Mixture

SKIP, NONE = "skip_connect", "none"
CHOICES = "nasbench201, nasbench101, darts, darts-s1 to darts-s4, elastic"
Shape = tuple[int, int, int]


class Layout(ABC):
    """What the cells of a space look like before anything is chosen.

    Attributes:
        space: whose.
        kinds: names of the kinds of cells.
        operations: names, for each kind of cell and each edge; all edges of a kind have equally many.
        ends: (source, target) of each edge, the same in all kinds.
        kept: edges that a node keeps in a discrete cell; None: all, each with its operation, ``none`` being one.
        default: size of the supernet where nothing is said: width, cells.
    """

    space: SearchSpace
    kinds: tuple[str, ...]
    operations: tuple[tuple[tuple[str, ...], ...], ...]
    ends: tuple[tuple[int, int], ...]
    kept: int | None
    default: tuple[int, int]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(edges, operations) of each kind of cell."""
        return [(len(edges), len(edges[0])) for edges in self.operations]

    @abstractmethod
    def columns(self, genotype: Genotypes) -> IntArray:
        """Operation on every edge, (..., genes) -> (..., kinds, edges); -1 where an edge carries nothing."""

    @abstractmethod
    def read(self, scores: Sequence[FloatArray]) -> Genotypes:
        """The genotype of the highest scores, (edges, operations) for each kind of cell, by the space's own rule."""

    def path(self, genotype: Genotypes, drop_path: float = 0.0) -> Mixture:
        """The genotype as a single path."""
        active = tuple(tuple((int(column),) if column >= 0 else () for column in edges) for edges in self.columns(genotype))
        return Mixture(active, drop_path=drop_path)

    def skips(self, genotype: Genotypes) -> int:
        """Skip connections of all kinds of cells together."""
        pairs = zip(self.columns(genotype), self.operations, strict=True)
        return sum(
            names[int(c)] == SKIP for columns, edges in pairs for c, names in zip(columns, edges, strict=True) if c >= 0
        )

    def column_of(self, name: str) -> list[IntArray]:
        """Where the operation of that name stands on every edge, (edges,) for each kind; -1 where it does not."""
        return [np.array([names.index(name) if name in names else -1 for names in edges]) for edges in self.operations]


class Supernet(nn.Module, ABC):
    """Images (batch, channels, height, width) and a mixture -> logits (batch, classes).

    Attributes:
        channels: of the features that the head reads.
        layout: of the space.
        head: from features (batch, channels, h, w) to logits; a pretext task puts its own there.
    """

    channels: int
    head: nn.Module
    layout: Layout

    @abstractmethod
    def cells_by_kind(self) -> Iterator[tuple[int, nn.ModuleList]]:
        """The kind of every cell and its edges' :class:`MixedOperation`."""

    def operations(self) -> Iterator[tuple[int, int, int, str, nn.Module]]:
        """Every layer of every cell: kind of the cell, edge, column, name of the operation, layer."""
        for kind, mixed in self.cells_by_kind():
            for edge, operation in enumerate(mixed):
                assert isinstance(operation, MixedOperation)
                for column, layer in operation.layers.items():
                    yield kind, edge, int(column), self.layout.operations[kind][edge][int(column)], layer

    @abstractmethod
    def features(self, images: Tensor, mixture: Mixture) -> Tensor:
        """What the cells make of the images: (batch, channels, h, w)."""

    def forward(self, images: Tensor, mixture: Mixture) -> Tensor:
        """Logits of a batch."""
        logits: Tensor = self.head(self.features(images, mixture))
        return logits


@singledispatch
def layout(space: SearchSpace) -> Layout:
    """The layout of a space's supernet; WarmnasError where it has none."""
    raise WarmnasError(f"{space.name} has no supernet. Choices: {CHOICES}.")


@singledispatch
def build_supernet(
    space: SearchSpace, shape: Shape, classes: int, width: int, cells: int, partial: int = 1, running: bool = False
) -> Supernet:
    """The supernet of a space.

    Args:
        space: whose.
        shape: (channels, height, width) of an image.
        classes: how many.
        width: channels of the first cells.
        cells: as the space's own networks count them: per stage in NAS-Bench-201, in all in DARTS.
        partial: K of partial channels; 1: all channels.
        running: whether batch norm keeps running statistics; else it uses each batch's own, in evaluation too.
    """
    raise WarmnasError(f"{space.name} has no supernet. Choices: {CHOICES}.")


def classifier(channels: int, classes: int) -> nn.Sequential:
    """Average pooling and a linear layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def check_partial(width: int, partial: int, least: int) -> None:
    """WarmnasError where partial channels leave an edge fewer channels than its operations need."""
    if width % partial or width // partial < least:
        raise WarmnasError(
            f"width: {width} channels in {partial} parts are too few; name a multiple of {partial} from {least * partial}"
        )


from . import supernet_darts, supernet_elastic, supernet_nasbench101, supernet_nasbench201  # noqa: E402, F401 -- they register their spaces
