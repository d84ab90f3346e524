"""NAS-Bench-201's supernet (Dong & Yang, ICLR 2020, section 4.1): every edge of every cell holds all five operations.

The skeleton is that of the benchmark's networks. Batch norm has no parameters inside the cells and uses the batch's own
statistics; the authors' code then gives convolutions a bias, which batch norm takes away again and is left out here.
Edges that no path from input to output uses are not computed, as in the stand-alone networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from ..spaces.base import FloatArray, Genotypes, IntArray
from ..spaces.complete_cell import EDGES, NONE, live_edges
from ..spaces.nasbench201 import OPERATIONS, NASBench201Space
from .mixture import Columns, Edge, MixedOperation, Mixture, batch_statistics, edges
from .nasbench201 import Reduction, operation
from .supernets import Layout, Shape, Supernet, build_supernet, check_partial, classifier, layout


class NASBench201Layout(Layout):
    """One kind of cell, six edges, five operations."""

    kinds = ("cell",)
    operations = (len(EDGES) * (OPERATIONS,),)
    ends = EDGES
    kept = None
    default = (8, 1)

    def __init__(self, space: NASBench201Space) -> None:
        self.space = space

    def columns(self, genotype: Genotypes) -> IntArray:
        """The genes themselves."""
        return np.asarray(genotype, dtype=np.int64)[..., None, :]

    def read(self, scores: Sequence[FloatArray]) -> Genotypes:
        """The strongest operation of each edge, ``none`` included; of equals the first."""
        return np.asarray(np.asarray(scores[0]).argmax(axis=1), dtype=np.int8)


@lru_cache(maxsize=4096)
def _live(active: tuple[Columns, ...]) -> list[bool]:
    """Edges on a path from input to output."""
    present = np.array([any(column != NONE for column in columns) for columns in active])
    return [bool(live) for live in live_edges(present.astype(np.int8))]


def _without_parameters(layer: nn.Module) -> nn.Module:
    """The layer with batch norm that has no parameters."""
    for name, inner in layer.named_children():
        if isinstance(inner, nn.BatchNorm2d):
            setattr(layer, name, nn.BatchNorm2d(inner.num_features, affine=False))
    return layer


class SuperCell(nn.Module):
    """Four nodes with all operations between them: (batch, width, h, w) -> the same shape."""

    def __init__(self, width: int, partial: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(
            MixedOperation(
                {kind: _without_parameters(operation(kind, width // partial)) for kind in range(1, len(OPERATIONS))},
                partial=partial,
            )
            for _ in EDGES
        )

    def forward(self, x: Tensor, mixed: list[Edge], live: list[bool]) -> Tensor:
        """Sum of what reaches the output node; zeros where nothing does."""
        nodes: list[Tensor | None] = [x, None, None, None]
        for e, (source, target) in enumerate(EDGES):
            value, held = nodes[source], nodes[target]
            if live[e] and value is not None:
                term = self.edges[e](value, mixed[e])
                nodes[target] = held if term is None else term if held is None else held + term
        return torch.zeros_like(x) if nodes[3] is None else nodes[3]


class NASBench201Supernet(Supernet):
    """The benchmark's skeleton around supercells; see the module's head."""

    def __init__(
        self, space: NASBench201Space, shape: Shape, classes: int, width: int, cells: int, partial: int, running: bool
    ) -> None:
        super().__init__()
        self.layout = NASBench201Layout(space)
        check_partial(width, partial, 1)
        self.stem = nn.Sequential(nn.Conv2d(shape[0], width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
        self.stages = nn.ModuleList()
        for stage in range(3):
            if stage:
                self.stages.append(Reduction(width << (stage - 1)))
            self.stages.extend(SuperCell(width << stage, partial) for _ in range(cells))
        self.channels = 4 * width
        self.last = nn.Sequential(nn.BatchNorm2d(self.channels), nn.ReLU())
        self.head = classifier(self.channels, classes)
        if not running:
            batch_statistics(self)

    def cells_by_kind(self) -> Iterator[tuple[int, nn.ModuleList]]:
        """See :class:`Supernet`."""
        return ((0, stage.edges) for stage in self.stages if isinstance(stage, SuperCell))

    def features(self, images: Tensor, mixture: Mixture) -> Tensor:
        """See :class:`Supernet`."""
        mixed, live = edges(mixture, 0), _live(mixture.active[0])
        if any(edge.straight for edge in mixed):
            live = [True] * len(EDGES)  # what is not computed has a gradient too
        x = self.stem(images)
        for stage in self.stages:
            x = stage(x, mixed, live) if isinstance(stage, SuperCell) else stage(x)
        features: Tensor = self.last(x)
        return features


@layout.register
def _(space: NASBench201Space) -> Layout:
    return NASBench201Layout(space)


@build_supernet.register
def _build(
    space: NASBench201Space,
    shape: Shape,
    classes: int,
    width: int,
    cells: int,
    partial: int = 1,
    running: bool = False,
) -> Supernet:
    return NASBench201Supernet(space, shape, classes, width, cells, partial, running)
