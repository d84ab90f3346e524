"""The supernet of DARTS and of S1 to S4 (Liu, Simonyan & Yang, ICLR 2019, section 2.2 and cnn/model_search.py of its code).

All 14 edges of a cell hold all operations that the space offers there. Batch norm has no parameters inside the cells, a
pooling is followed by one, and statistics are the batch's own unless running ones are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import WarmnasError
from ..spaces.base import FloatArray, Genotypes, IntArray
from ..spaces.darts import DARTSSpace
from ..spaces.darts_cells import EDGES, INPUTS, NODES, NONE
from .darts_operations import FactorizedReduce, operation, relu_conv_norm
from .mixture import Edge, MixedOperation, Mixture, batch_statistics, edges
from .supernets import Layout, Shape, Supernet, build_supernet, check_partial, classifier, layout


class DARTSLayout(Layout):
    """Normal and reduction cells of 14 edges, two of which each node keeps."""

    kinds = ("normal", "reduce")
    ends = EDGES
    kept = 2
    default = (8, 3)

    def __init__(self, space: DARTSSpace) -> None:
        self._darts = space
        self.space = space
        self.operations = (space.edge_operations["normal"], space.edge_operations["reduce"])

    def columns(self, genotype: Genotypes) -> IntArray:
        """See :class:`Layout`."""
        return self._darts.supernet_choices(genotype)

    def read(self, scores: Sequence[FloatArray]) -> Genotypes:
        """The two strongest edges of each node, ``none`` passed over (section 2.4 of the paper)."""
        normal, reduce = (np.asarray(array, dtype=np.float64) for array in scores)
        return self._darts.from_supernet(normal, reduce)


def _mixed(names: tuple[str, ...], width: int, stride: int, partial: int) -> MixedOperation:
    share = width // partial
    layers: dict[int, nn.Module] = {}
    for column, name in enumerate(names):
        if name != NONE:
            layer = operation(name, share, stride, affine=False)
            pooled = isinstance(layer, nn.MaxPool2d | nn.AvgPool2d)
            layers[column] = nn.Sequential(layer, nn.BatchNorm2d(share, affine=False)) if pooled else layer
    return MixedOperation(layers, stride, partial)


class SuperCell(nn.Module):
    """Two inputs, (batch, ., h, w) each, -> (batch, 4 width, h, w), halved in size by a reduction cell."""

    def __init__(
        self,
        operations: tuple[tuple[str, ...], ...],
        inputs: tuple[int, int],
        width: int,
        reduction: bool,
        after_reduction: bool,
        partial: int,
    ) -> None:
        super().__init__()
        first, second = inputs
        self.reduction, self.width = reduction, width
        self.first = FactorizedReduce(first, width, False) if after_reduction else relu_conv_norm(first, width, False)
        self.second = relu_conv_norm(second, width, affine=False)
        self.edges = nn.ModuleList(
            _mixed(names, width, 2 if reduction and source < INPUTS else 1, partial)
            for names, (source, _) in zip(operations, EDGES, strict=True)
        )

    def forward(self, before: Tensor, last: Tensor, mixed: list[Edge]) -> Tensor:
        """Concatenation of the four nodes; a node that nothing reaches is zero."""
        states = [self.first(before), self.second(last)]
        sums: list[Tensor | None] = [None] * NODES
        for e, (source, target) in enumerate(EDGES):
            term = self.edges[e](states[source], mixed[e]) if mixed[e].active else None
            held = sums[target - INPUTS]
            if term is not None:
                sums[target - INPUTS] = term if held is None else held + term
            if source == target - 1:  # the last edge of its node
                states.append(self._node(sums[target - INPUTS], states[1]))
        return torch.cat(states[INPUTS:], dim=1)

    def _node(self, total: Tensor | None, like: Tensor) -> Tensor:
        step = 2 if self.reduction else 1
        return torch.zeros_like(like[:, :, ::step, ::step]) if total is None else total


class DARTSSupernet(Supernet):
    """Stem to 3C channels, cells with reductions at a third and two thirds, classifier."""

    def __init__(
        self, space: DARTSSpace, shape: Shape, classes: int, width: int, cells: int, partial: int, running: bool
    ) -> None:
        super().__init__()
        self.layout = DARTSLayout(space)
        if width % 2:
            raise WarmnasError(f"width: {width} is odd; skips of stride 2 in {space.name} need an even number of channels")
        check_partial(width, partial, 2)
        operations = space.edge_operations["normal"], space.edge_operations["reduce"]
        self.stem = nn.Sequential(nn.Conv2d(shape[0], 3 * width, 3, padding=1, bias=False), nn.BatchNorm2d(3 * width))
        before, last, reductions = 3 * width, 3 * width, (cells // 3, 2 * cells // 3)
        self.cells = nn.ModuleList()
        for i in range(cells):
            reduction = i in reductions
            width *= 2 if reduction else 1
            after = i - 1 in reductions
            self.cells.append(SuperCell(operations[reduction], (before, last), width, reduction, after, partial))
            before, last = last, 4 * width
        self.channels = last
        self.head = classifier(last, classes)
        if not running:
            batch_statistics(self)

    def cells_by_kind(self) -> Iterator[tuple[int, nn.ModuleList]]:
        """See :class:`Supernet`."""
        return ((int(cell.reduction), cell.edges) for cell in self.cells if isinstance(cell, SuperCell))

    def features(self, images: Tensor, mixture: Mixture) -> Tensor:
        """See :class:`Supernet`."""
        mixed = [edges(mixture, kind) for kind in (0, 1)]
        before: Tensor = self.stem(images)
        last = before
        for cell in self.cells:
            assert isinstance(cell, SuperCell)
            before, last = last, cell(before, last, mixed[cell.reduction])
        return last


@layout.register
def _(space: DARTSSpace) -> Layout:
    return DARTSLayout(space)


@build_supernet.register
def _build(
    space: DARTSSpace, shape: Shape, classes: int, width: int, cells: int, partial: int = 1, running: bool = False
) -> Supernet:
    return DARTSSupernet(space, shape, classes, width, cells, partial, running)
