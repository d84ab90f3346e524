"""Parameters of a DARTS network, counted from its cells (the network is that of :mod:`..networks.darts`).

With k x k kernels and C channels an operation has a C^2 + b C parameters: a separable convolution (twice depthwise,
pointwise, batch norm) 2 C^2 + 2 (k^2 + 2) C, a dilated one half of that, a skip of stride 2 C^2 + 2 C, others none.
"""

from __future__ import annotations

import numpy as np

from .darts_cells import INPUTS, OPERATIONS
from .types import FloatArray, IntArray

_SKIP = OPERATIONS.index("skip_connect")
_SQUARE = np.array([2 if name.startswith("sep") else 1 if name.startswith("dil") else 0 for name in OPERATIONS])
_KERNEL = np.array([int(name[-1]) if "conv" in name else 0 for name in OPERATIONS])


def cell_kernels(sources: IntArray, operations: IntArray, reduction: bool) -> IntArray:
    """The numbers a and b of all operations of cells: (..., 4, 2) twice -> (..., 2)."""
    halving = reduction & (operations == _SKIP) & (sources < INPUTS)
    square = _SQUARE[operations] + halving
    linear = _SQUARE[operations] * (_KERNEL[operations] ** 2 + 2) + 2 * halving
    return np.stack([square.sum(axis=(-1, -2)), linear.sum(axis=(-1, -2))], axis=-1)


def network_params(normal: IntArray, reduce: IntArray, classes: int, width: int, cells: int) -> FloatArray:
    """Parameters of networks for colour images from their cells' numbers, (..., 2) twice -> (...,)."""
    total = np.full(normal.shape[:-1], (27 + 2) * 3.0 * width)
    before, last, wide = 3 * width, 3 * width, width
    for cell in range(cells):
        reduction = cell in (cells // 3, 2 * cells // 3)
        wide *= 2 if reduction else 1
        kernels = reduce if reduction else normal
        total += (before + last + 4) * wide + kernels[..., 0] * wide**2 + kernels[..., 1] * wide
        before, last = last, 4 * wide
    return total + (last + 1) * classes
