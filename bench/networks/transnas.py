"""Classifiers of TransNAS-Bench-101 (Duan et al., CVPR 2021; yawen-d/TransNASBench, lib/models/net_infer).

conv3x3 of stride 2 to C / 2 channels and BN, ReLU-conv3x3-BN of stride 2 to C, then modules of two blocks, the first of
which changes channels and resolution; global average pooling, linear. C = 64, for images of 256 x 256. The benchmark's
other tasks have the same backbone under other heads.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ..errors import WarmnasError
from ..spaces.base import Genotypes
from ..spaces.complete_cell import EDGES, NONE, live_list
from ..spaces.transnas import CONV1, CONV3, SKIP, module_shapes
from .darts_operations import FactorizedReduce
from .nasbench201 import conv
from .pointwise import PointwiseConv2d

Block = Callable[[int, int, int], nn.Module]  # of input channels, output channels, stride


def _operation(kind: int, inputs: int, outputs: int, stride: int) -> nn.Module:
    if kind == SKIP:
        return nn.Identity() if stride == 1 and inputs == outputs else FactorizedReduce(inputs, outputs)
    return conv(inputs, outputs, {CONV1: 1, CONV3: 3}[kind], stride)


class MicroCell(nn.Module):
    """Four nodes, each the sum of its edges: (batch, inputs, h, w) -> (batch, outputs, ceil(h / stride), ...).

    The edges from the input change channels and resolution. Edges that no path uses hold their parameters, as in the
    benchmark, but are not computed; the benchmark computes convolutions of zeros too, which its batch norm makes constants.
    """

    def __init__(self, genotype: Genotypes, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.outputs, self.stride = outputs, stride
        self.layers = nn.ModuleDict()
        for edge, ((source, _), kind) in enumerate(zip(EDGES, genotype.tolist(), strict=True)):
            if kind != NONE:
                ends = (outputs, outputs, 1) if source else (inputs, outputs, stride)
                self.layers[str(edge)] = _operation(kind, *ends)
        self._live = live_list(tuple(genotype.tolist()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Sum of the terms that reach the output node; zeros where the cell is disconnected."""
        nodes: list[torch.Tensor | None] = [x, None, None, None]
        for edge, (source, target) in enumerate(EDGES):
            value, held = nodes[source], nodes[target]
            if self._live[edge] and value is not None:
                term = self.layers[str(edge)](value)
                nodes[target] = term if held is None else held + term
        if nodes[3] is not None:
            return nodes[3]
        halved = x[:, :1, :: self.stride, :: self.stride]
        return torch.zeros_like(halved).expand(-1, self.outputs, -1, -1)


class BasicBlock(nn.Module):
    """Two ReLU-conv3x3-BN and a shortcut: (batch, inputs, h, w) -> (batch, outputs, ceil(h / stride), ...).

    The batch norm of a shortcut has epsilon 1 and remembers the last batch only, as in the networks that the benchmark
    measured: its code hands ``affine`` and ``track_running_stats`` over in the places of ``eps`` and ``momentum``.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(inputs, outputs, 3, stride), conv(outputs, outputs, 3))
        changed = stride != 1 or inputs != outputs
        norm = nn.BatchNorm2d(outputs, eps=1.0, momentum=1.0)
        mix = nn.Sequential(PointwiseConv2d(inputs, outputs, stride), norm)
        self.shortcut = mix if changed else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Body plus shortcut."""
        out: torch.Tensor = self.body(x) + self.shortcut(x)
        return out


class TransNASNetwork(nn.Module):
    """Images (batch, channels, height, width) -> logits (batch, classes).

    Args:
        block: makes a block from input channels, output channels and stride.
        types: of the modules, 1 to 4.
        shape: of an image.
        classes: how many.
        width: C, even.
        cells: blocks per module.
    """

    def __init__(
        self,
        block: Block,
        types: tuple[int, ...],
        shape: tuple[int, int, int],
        classes: int,
        width: int = 64,
        cells: int = 2,
    ) -> None:
        super().__init__()
        if width % 2:
            raise WarmnasError(f"width: {width} is odd; the stem's first convolution has half as many channels")
        first = nn.Conv2d(shape[0], width // 2, 3, stride=2, padding=1, bias=False)
        self.stem = nn.Sequential(first, nn.BatchNorm2d(width // 2), conv(width // 2, width, 3, stride=2))
        modules: list[nn.Module] = []
        for inputs, outputs, stride in module_shapes(types, width):
            modules.append(block(inputs, outputs, stride))
            modules.extend(block(outputs, outputs, 1) for _ in range(cells - 1))
            width = outputs
        self.cells = nn.Sequential(*modules)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(width, classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        logits: torch.Tensor = self.classifier(self.head(self.cells(self.stem(images))))
        return logits
