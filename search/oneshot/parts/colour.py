"""Colours as CIE Lab (D65, from sRGB), and the bins of the ab plane that sRGB reaches (Zhang, Isola & Efros, ECCV 2016)."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_WHITE = (0.950456, 1.0, 1.088754)
BIN, REACH = 10, 11  # size of a bin; bins from -110 to 110


def lab(rgb: Tensor) -> Tensor:
    """Colours of sRGB in 0..1, (n, 3, h, w), as L (0 to 100), a and b, the same shape."""
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    matrix = torch.tensor(_XYZ, dtype=rgb.dtype, device=rgb.device)
    xyz = torch.einsum("ij,njhw->nihw", matrix, linear)
    xyz = xyz / torch.tensor(_WHITE, dtype=rgb.dtype, device=rgb.device)[:, None, None]
    f = torch.where(xyz > 0.008856, xyz.clamp(min=1e-9) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = f.unbind(dim=1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


@cache
def colour_bins() -> tuple[Tensor, int]:
    """Number of the bin at (a / 10, b / 10), each shifted by ``REACH``: (23, 23); and how many bins there are.

    Places that no colour of sRGB reaches have the number of the nearest bin.
    """
    steps = torch.linspace(0, 1, 33)
    rgb = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij")).reshape(1, 3, -1, 1)
    places = (lab(rgb)[0, 1:, :, 0] / BIN).round().long() + REACH
    reached = torch.unique(places, dim=1).T
    grid = torch.stack(torch.meshgrid(*[torch.arange(2 * REACH + 1)] * 2, indexing="ij"), dim=-1).reshape(-1, 2)
    nearest = torch.cdist(grid.double(), reached.double()).argmin(dim=1)
    return nearest.reshape(2 * REACH + 1, -1), len(reached)
