"""The network of NATS-Bench's size space (arXiv 2009.00437; ``infer.shape.tiny`` in the benchmark's code).

conv3x3 + BN, then layers of c_0, ..., c_4 channels: cell, residual block (stride 2), cell, residual block (stride 2), cell;
BN, ReLU, global average pooling, linear. The cell is ``CELL``; where its input has another width than its nodes, the skip
is a 1x1 convolution and batch norm. ``8:8:8:16:32`` has 49,202 parameters and 6,840,650 multiply-adds on 3 x 32 x 32 images
of ten classes, as the benchmark's record says.
"""

from __future__ import annotations

import torch
from torch import nn

from ..spaces.base import Genotypes
from ..spaces.nasbench201 import NASBench201Space
from ..spaces.nats_size import CELL, channels
from .nasbench201 import Cell, Reduction


class NATSSizeNetwork(nn.Module):
    """Images (batch, channels, height, width) -> logits (batch, classes).

    Args:
        genotype: shape (5,).
        shape: of an image.
        classes: how many.
        width: channels of the widest choice; 64 in the benchmark, else all widths are scaled.
        cells: cells per stage; 1 in the benchmark.
    """

    def __init__(
        self, genotype: Genotypes, shape: tuple[int, int, int], classes: int, width: int = 64, cells: int = 1
    ) -> None:
        super().__init__()
        c = [int(wide) for wide in channels(genotype, width)]
        cell = NASBench201Space().from_string(CELL)
        self.stem = nn.Sequential(nn.Conv2d(shape[0], c[0], 3, padding=1, bias=False), nn.BatchNorm2d(c[0]))
        stages: list[nn.Module] = []
        for stage, (before, after) in enumerate(((c[0], c[0]), (c[1], c[2]), (c[3], c[4]))):
            if stage:
                stages.append(Reduction(c[2 * stage - 2], wide=before))
            stages.extend(Cell(cell, after, after if repeat else before) for repeat in range(cells))
        self.cells = nn.Sequential(*stages)
        self.head = nn.Sequential(nn.BatchNorm2d(c[4]), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(c[4], classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        logits: torch.Tensor = self.classifier(self.head(self.cells(self.stem(images))))
        return logits
