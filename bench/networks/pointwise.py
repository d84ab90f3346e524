"""Pointwise convolutions that drop pixels, done without the stride of torch's own.

With channels last in memory, torch 2.13 on a CPU writes outside its memory in a 1x1 convolution of stride 2 with fewer than
eight input channels. A 1x1 convolution sees one pixel only, so those that it would skip can be dropped before it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PointwiseConv2d(nn.Conv2d):
    """1x1 convolution without bias: (batch, inputs, h, w) -> (batch, outputs, h / stride, w / stride), rounded up."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, 1, groups=groups, bias=False)
        self._every = stride

    def forward(self, x: Tensor) -> Tensor:
        """The convolution of what is not skipped."""
        if self._every > 1:
            x = x[:, :, :: self._every, :: self._every].clone(memory_format=torch.preserve_format)
        return super().forward(x)
