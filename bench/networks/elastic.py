"""The stand-alone network of an elastic genotype: what a part of the supernet is, with weights of its own.

conv3x3 + BN + ReLU to C channels; two units of inverted bottlenecks (Sandler et al., CVPR 2018): 1x1 to e times the
channels, k x k depthwise, 1x1 back, each with batch norm, the first two with ReLU. The first layer of a unit halves the
image and doubles the channels; the others add their input. Global average pooling, linear.
"""

from __future__ import annotations

import torch
from torch import nn

from ..errors import WarmnasError
from ..spaces.base import Genotypes
from ..spaces.elastic import WIDTH, layers_of


class Bottleneck(nn.Module):
    """(batch, inputs, h, w) -> (batch, outputs, ceil(h / stride), ceil(w / stride))."""

    def __init__(self, inputs: int, outputs: int, kernel: int, expansion: int, stride: int) -> None:
        super().__init__()
        mid = inputs * expansion
        self.body = nn.Sequential(
            nn.Conv2d(inputs, mid, 1, bias=False),
            nn.BatchNorm2d(mid),
            nn.ReLU(),
            nn.Conv2d(mid, mid, kernel, stride, kernel // 2, groups=mid, bias=False),
            nn.BatchNorm2d(mid),
            nn.ReLU(),
            nn.Conv2d(mid, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.residual = inputs == outputs and stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer, with its input added where sizes are equal."""
        y: torch.Tensor = self.body(x)
        return x + y if self.residual else y


class ElasticNetwork(nn.Module):
    """Images (batch, channels, height, width) -> logits (batch, classes); WarmnasError where ``cells`` is not 1."""

    def __init__(
        self, genotype: Genotypes, shape: tuple[int, int, int], classes: int, width: int = WIDTH, cells: int = 1
    ) -> None:
        super().__init__()
        check_cells(cells)
        self.stem = nn.Sequential(nn.Conv2d(shape[0], width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        layers = []
        for unit in layers_of(genotype):
            for i, (kernel, expansion) in enumerate(unit):
                wide = width if i else 2 * width
                layers.append(Bottleneck(width, wide, kernel, expansion, 1 if i else 2))
                width = wide
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(width, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        logits: torch.Tensor = self.classifier(self.head(self.layers(self.stem(images))))
        return logits


def check_cells(cells: int) -> None:
    """WarmnasError where it is not 1."""
    if cells != 1:
        raise WarmnasError(f"cells: {cells}, but an elastic network has no cells to repeat; write 1")
