"""The supernet of the elastic space (Cai et al., Once-for-All, ICLR 2020, section 3.3): one network that holds all others.

* Kernel: 5x5 is the centre of the 7x7 kernel, 3x3 that of the 5x5, each through a learned matrix (25 x 25, 9 x 9, at first
  the identity) that all channels of a layer share.
* Expansion: the first channels. :meth:`ElasticSupernet.sort_channels` puts the important ones first, by the L1 norm of the
  weights that read them; the network with all channels stays the same function.
* Depth: the first layers of a unit.

Batch norm's parameters are sliced with the channels; its statistics are the batch's own, which takes the place of measuring
them anew for every part of the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import WarmnasError
from ..spaces.base import FloatArray, Genotypes, IntArray
from ..spaces.elastic import EXPANSIONS, KERNELS, LAYERS, UNITS, ElasticSpace, layers_of
from .elastic import check_cells
from .mixture import Mixture
from .supernets import Layout, Shape, Supernet, build_supernet, classifier, layout

LARGEST = max(KERNELS)


class ElasticLayout(Layout):
    """Every gene is one "edge" of a single kind; all have three choices."""

    kinds = ("network",)
    kept = None
    default = (8, 1)

    def __init__(self, space: ElasticSpace) -> None:
        self.space = space
        self.operations = (tuple(gene.choices for gene in space.genes),)
        self.ends = tuple((i, i + 1) for i in range(len(space.genes)))

    def columns(self, genotype: Genotypes) -> IntArray:
        """The genes themselves."""
        return np.asarray(genotype, dtype=np.int64)[..., None, :]

    def read(self, scores: Sequence[FloatArray]) -> Genotypes:
        """The strongest choice of every gene."""
        return np.asarray(np.asarray(scores[0]).argmax(axis=1), dtype=np.int8)


class ElasticBottleneck(nn.Module):
    """An inverted bottleneck of which any kernel and expansion can be computed."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.inputs, self.stride = inputs, stride
        mid = inputs * max(EXPANSIONS)
        self.expand = nn.Conv2d(inputs, mid, 1, bias=False)
        self.depthwise = nn.Conv2d(mid, mid, LARGEST, groups=mid, bias=False)
        self.project = nn.Conv2d(mid, outputs, 1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(n, track_running_stats=False) for n in (mid, mid, outputs))
        self.transforms = nn.ParameterDict({str(k): nn.Parameter(torch.eye(k * k)) for k in KERNELS[:-1]})
        self.residual = inputs == outputs and stride == 1

    def kernel(self, size: int) -> Tensor:
        """The depthwise kernels of that size: (mid, 1, size, size)."""
        weight = self.depthwise.weight
        for smaller in sorted(KERNELS[:-1], reverse=True):
            if smaller >= size:
                weight = weight[:, :, 1:-1, 1:-1]
                weight = (weight.flatten(1) @ self.transforms[str(smaller)]).view(-1, 1, smaller, smaller)
        return weight

    def forward(self, x: Tensor, kernel: int, expansion: int) -> Tensor:
        """The layer with that kernel and expansion."""
        mid = self.inputs * expansion
        y = self._norm(functional.conv2d(x, self.expand.weight[:mid]), 0).relu()
        weight = self.kernel(kernel)[:mid]
        y = self._norm(functional.conv2d(y, weight, stride=self.stride, padding=kernel // 2, groups=mid), 1).relu()
        y = self._norm(functional.conv2d(y, self.project.weight[:, :mid]), 2)
        return x + y if self.residual else y

    def _norm(self, x: Tensor, place: int) -> Tensor:
        norm = cast(nn.BatchNorm2d, self.norms[place])
        n = x.shape[1]
        return functional.batch_norm(x, None, None, norm.weight[:n], norm.bias[:n], training=True, eps=norm.eps)

    @torch.no_grad()
    def sort_channels(self) -> None:
        """Inner channels by falling L1 norm of what reads them."""
        order = self.project.weight.abs().sum(dim=(0, 2, 3)).argsort(descending=True, stable=True)
        self.project.weight.copy_(self.project.weight[:, order])
        for layer in (self.expand, self.depthwise):
            layer.weight.copy_(layer.weight[order])
        for norm in list(self.norms)[:2]:
            for parameter in norm.parameters():
                parameter.copy_(parameter[order])


class ElasticSupernet(Supernet):
    """See the module's head."""

    def __init__(self, space: ElasticSpace, shape: Shape, classes: int, width: int) -> None:
        super().__init__()
        self.layout = ElasticLayout(space)
        stem = nn.BatchNorm2d(width, track_running_stats=False)
        self.stem = nn.Sequential(nn.Conv2d(shape[0], width, 3, padding=1, bias=False), stem, nn.ReLU())
        self.units = nn.ModuleList()
        for _ in range(UNITS):
            sizes = [(width, 2 * width, 2), *[(2 * width, 2 * width, 1)] * (LAYERS - 1)]
            self.units.append(nn.ModuleList(ElasticBottleneck(*size) for size in sizes))
            width *= 2
        self.channels = width
        self.head = classifier(width, classes)

    def cells_by_kind(self) -> Iterator[tuple[int, nn.ModuleList]]:
        """There are no mixed operations."""
        return iter(())

    def features(self, images: Tensor, mixture: Mixture) -> Tensor:
        """See :class:`Supernet`; WarmnasError for anything but a single path."""
        rows = mixture.active[0]
        if mixture.weights is not None or any(len(columns) != 1 for columns in rows):
            raise WarmnasError(
                "elastic: its supernet computes single networks, no mixtures; "
                "take once-for-all, rsps, spos, enas, parsec or nao-ws"
            )
        genotype = np.array([columns[0] for columns in rows], dtype=np.int8)
        x: Tensor = self.stem(images)
        for unit, layers in zip(self.units, layers_of(genotype), strict=True):
            for layer, (kernel, expansion) in zip(cast(nn.ModuleList, unit), layers, strict=False):
                x = layer(x, kernel, expansion)
        return x

    def sort_channels(self) -> None:
        """Of every layer; see the module's head."""
        for layer in self.modules():
            if isinstance(layer, ElasticBottleneck):
                layer.sort_channels()


@layout.register
def _(space: ElasticSpace) -> Layout:
    return ElasticLayout(space)


@build_supernet.register
def _build(
    space: ElasticSpace, shape: Shape, classes: int, width: int, cells: int, partial: int = 1, running: bool = False
) -> Supernet:
    check_cells(cells)
    if partial != 1:
        raise WarmnasError("elastic: its supernet has no partial channels; take another method or space")
    return ElasticSupernet(space, shape, classes, width)
