"""The layers of DARTS's cells (Liu, Simonyan & Yang, ICLR 2019, section 3.1.1 and cnn/operations.py of its code).

All take (batch, channels, h, w) and give the same channels, halved in size where ``stride`` is 2. Batch norm has parameters
of its own unless ``affine`` is False, as in a supernet.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from ..errors import UnknownName
from ..spaces.darts_cells import OPERATIONS
from .pointwise import PointwiseConv2d


def relu_conv_norm(inputs: int, outputs: int, affine: bool = True) -> nn.Sequential:
    """ReLU, 1x1 convolution, batch norm."""
    return nn.Sequential(nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs, affine=affine))


def depthwise_separable(width: int, kernel: int, stride: int, dilation: int, affine: bool) -> nn.Sequential:
    """ReLU, depthwise convolution, pointwise convolution, batch norm."""
    padding = dilation * (kernel - 1) // 2
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(width, width, kernel, stride, padding, dilation, groups=width, bias=False),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width, affine=affine),
    )


class FactorizedReduce(nn.Module):
    """Halving without loss: two 1x1 convolutions of stride 2, the second one shifted by one pixel, side by side.

    Images of odd size are continued by a row and a column of zeros, which the original code does not take.
    """

    def __init__(self, inputs: int, outputs: int, affine: bool = True) -> None:
        super().__init__()
        self.even = PointwiseConv2d(inputs, outputs // 2, stride=2)
        self.odd = PointwiseConv2d(inputs, outputs - outputs // 2, stride=2)
        self.norm = nn.BatchNorm2d(outputs, affine=affine)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, inputs, h, w) -> (batch, outputs, ceil(h/2), ceil(w/2))."""
        x = x.relu()
        shifted = functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        out: torch.Tensor = self.norm(torch.cat([self.even(x), self.odd(shifted)], dim=1))
        return out


class Noise(nn.Module):
    """N(0, 1) in the shape of the input (space S4 of RobustDARTS), in training and evaluation alike."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, width, h, w) -> noise, halved in size where the stride is 2."""
        return torch.randn_like(x[:, :, :: self.stride, :: self.stride])


class Zero(nn.Module):
    """``none``: zeros."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, width, h, w) -> zeros, halved in size where the stride is 2."""
        return torch.zeros_like(x[:, :, :: self.stride, :: self.stride])


def operation(name: str, width: int, stride: int = 1, affine: bool = True) -> nn.Module:
    """The layer of that name; UnknownName where it is none of ``OPERATIONS``."""
    if name not in OPERATIONS:
        raise UnknownName("operation", name, OPERATIONS)
    if name == "none":
        return Zero(stride)
    if name == "noise":
        return Noise(stride)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(width, width, affine)
    if name == "max_pool_3x3":
        return nn.MaxPool2d(3, stride, padding=1)
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
    kernel = int(name[-1])
    if name.startswith("dil"):
        return depthwise_separable(width, kernel, stride, 2, affine)
    steps = (depthwise_separable(width, kernel, step, 1, affine) for step in (stride, 1))
    return nn.Sequential(*(layer for step in steps for layer in step))
