"""The network of a NAS-Bench-201 cell (Dong & Yang, ICLR 2020, section 2.1 and the benchmark's configuration).

conv3x3(3 -> C) + BN, N cells at C, residual block (stride 2, -> 2C), N cells, residual block (-> 4C), N cells, BN, ReLU,
global average pooling, linear. C = 16 and N = 5 in the benchmark: 1,531,546 parameters for the cell of six 3x3
convolutions on ten classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import nn

from ..spaces.base import Genotypes
from ..spaces.complete_cell import EDGES, NONE, live_list
from ..spaces.nasbench201 import CONV1, CONV3, POOL, SKIP
from .pointwise import PointwiseConv2d


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1, models: int = 1) -> nn.Sequential:
    """ReLU, convolution without bias, batch norm; of several models side by side in the channels."""
    wide_in, wide_out = models * inputs, models * outputs
    layer = (
        PointwiseConv2d(wide_in, wide_out, stride, models)
        if kernel == 1
        else nn.Conv2d(wide_in, wide_out, kernel, stride, kernel // 2, groups=models, bias=False)
    )
    return nn.Sequential(nn.ReLU(), layer, nn.BatchNorm2d(wide_out))


def operation(kind: int, width: int, inputs: int | None = None) -> nn.Module:
    """The layer of one edge that carries something: (batch, inputs, h, w) -> (batch, width, h, w).

    ``inputs`` is ``width`` in the benchmark. Where the two differ, as in the size space, a skip is a 1x1 convolution and
    batch norm without ReLU, and a pooling comes after ReLU, 1x1 convolution and batch norm.
    """
    inputs = width if inputs is None else inputs
    if kind == SKIP and inputs == width:
        return nn.Identity()
    if kind == SKIP:
        return nn.Sequential(nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width))
    if kind == POOL:
        pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
        return pool if inputs == width else nn.Sequential(conv(inputs, width, 1), pool)
    return conv(inputs, width, {CONV1: 1, CONV3: 3}[kind])


class Cell(nn.Module):
    """Four nodes, each the sum of its incoming edges: (batch, inputs, h, w) -> (batch, width, h, w).

    Edges that no path from input to output uses hold their parameters, as in the benchmark, but are not computed.
    """

    def __init__(self, genotype: Genotypes, width: int, inputs: int | None = None) -> None:
        super().__init__()
        widths = [inputs if source == 0 else width for source, _ in EDGES]
        self.layers = nn.ModuleDict(
            {str(e): operation(int(kind), width, widths[e]) for e, kind in enumerate(genotype) if kind != NONE}
        )
        self._live = live_list(tuple(genotype.tolist()))

    def idle(self) -> Iterator[nn.Module]:
        """The layers that are not computed, for whoever counts as the benchmark counts."""
        return (layer for edge, layer in self.layers.items() if not self._live[int(edge)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Sum of the terms that reach the output node; zeros where the cell is disconnected."""
        nodes: list[torch.Tensor | None] = [x, None, None, None]
        for edge, (source, target) in enumerate(EDGES):
            value = nodes[source]
            if self._live[edge] and value is not None:
                term = self.layers[str(edge)](value)
                held = nodes[target]
                nodes[target] = term if held is None else held + term
        return torch.zeros_like(x) if nodes[3] is None else nodes[3]


class Reduction(nn.Module):
    """Residual block of stride 2: (batch, c, h, w) -> (batch, 2c, h/2, w/2), or of several models side by side.

    The outputs are ``wide`` instead of 2c where that is given.
    """

    def __init__(self, width: int, models: int = 1, wide: int | None = None) -> None:
        super().__init__()
        wide = 2 * width if wide is None else wide
        self.body = nn.Sequential(conv(width, wide, 3, stride=2, models=models), conv(wide, wide, 3, models=models))
        mix = nn.Conv2d(models * width, models * wide, 1, groups=models, bias=False)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), mix)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Body plus pooled shortcut."""
        out: torch.Tensor = self.body(x) + self.shortcut(x)
        return out


class NASBench201Network(nn.Module):
    """Images (batch, channels, height, width) -> logits (batch, classes)."""

    def __init__(
        self, genotype: Genotypes, shape: tuple[int, int, int], classes: int, width: int = 16, cells: int = 5
    ) -> None:
        super().__init__()
        self.genotype, self.shape, self.classes = genotype, shape, classes
        self.width, self.depth = width, cells
        self.stem = nn.Sequential(nn.Conv2d(shape[0], width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
        stages: list[nn.Module] = []
        for stage in range(3):
            if stage:
                stages.append(Reduction(width << (stage - 1)))
            stages.extend(Cell(genotype, width << stage) for _ in range(cells))
        self.cells = nn.Sequential(*stages)
        self.head = nn.Sequential(nn.BatchNorm2d(4 * width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(4 * width, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        logits: torch.Tensor = self.classifier(self.head(self.cells(self.stem(images))))
        return logits

    @staticmethod
    def stack(networks: Sequence[NASBench201Network]) -> nn.Module:
        """Networks of one size as one program; see ``stacked.py``."""
        from .stacked import StackedNetwork

        return StackedNetwork(networks)
