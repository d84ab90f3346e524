"""Sizes and channels of whole image sets at once.

Resizing weighs source pixels along each axis: by the area they share with the target pixel where an image becomes smaller,
by their distance where it becomes larger. That is Pillow's BOX where the ratio is whole (elsewhere BOX takes whole pixels
only) and Pillow's BILINEAR; a test holds it against them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...bench.errors import WarmnasError

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
CHUNK = 1_000  # images that are floats at one time
LUMA = np.array([299, 587, 114])  # ITU-R 601, in thousandths, as Pillow has it


def _weights(size: int, target: int) -> Float32:
    """Share of each source pixel in each target pixel, (target, size); rows sum to 1."""
    scale = size / target
    pixel = np.arange(size)
    out = np.arange(target)[:, None]
    if target <= size:
        shared = np.minimum((out + 1) * scale, pixel + 1) - np.maximum(out * scale, pixel)
    else:
        shared = 1 - np.abs((out + 0.5) * scale - (pixel + 0.5))
    shared = np.maximum(shared, 0)
    return np.asarray(shared / shared.sum(1, keepdims=True), np.float32)


def scaled(images: UInt8, height: int, width: int) -> Float32:
    """Images (n, h, w, c) as floats in 0..255, (n, height, width, c)."""
    n, h, w, channels = images.shape
    rows, columns = _weights(h, height), _weights(w, width)
    out = np.empty((n, height, width, channels), np.float32)
    for start in range(0, n, CHUNK):
        block = images[start : start + CHUNK].astype(np.float32)
        wide = np.einsum("nhwc,bw->nhbc", block, columns, optimize=True)
        out[start : start + CHUNK] = np.einsum("nhbc,ah->nabc", wide, rows, optimize=True)
    return out


def _rounded(values: Float32) -> UInt8:
    """Half upwards; the margin decides ties that another order of summation would decide otherwise."""
    return np.asarray(np.minimum(np.floor(values + 0.501), 255), np.uint8)


def resized(images: UInt8, resolution: int | None) -> UInt8:
    """Images (n, h, w, c) as squares of this side; None keeps them as they are."""
    if resolution is None or images.shape[1:3] == (resolution, resolution):
        return images
    parts = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    small = [_rounded(scaled(part, resolution, resolution)) for part in parts]
    return np.concatenate(small) if small else np.empty((0, resolution, resolution, images.shape[3]), np.uint8)


def with_channels(images: UInt8, channels: int | None, where: str) -> UInt8:
    """Images (n, h, w, c) in grey (1) or RGB (3); None keeps what they have.

    Raises WarmnasError where the images have another number of channels than 1 or 3 and were asked to change it.
    """
    has = images.shape[3]
    if channels is None or channels == has:
        return images
    if channels == 3 and has == 1:
        return np.repeat(images, 3, axis=3)
    if channels == 1 and has == 3:
        parts = [images[start : start + CHUNK] @ LUMA for start in range(0, len(images), CHUNK)]
        grey: UInt8 = ((np.concatenate(parts) + 500) // 1000).astype(np.uint8)
        return grey[..., None]
    raise WarmnasError(f"{where}: images of {has} channels cannot become images of {channels}: grey (1) and RGB (3) can")
