"""Images for training: uint8 in memory, standardised and augmented a batch at a time.

Crops and flips are one gather per batch: row and column numbers are drawn for every image, and mirrored columns count
backwards. As in NAS-Bench-201 the border is black before standardisation, an eighth of the side wide on each side, and an
image is flipped with probability 1/2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...bench.errors import WarmnasError

Floats = npt.NDArray[np.floating]


class Part(Protocol):
    """One split: images (n, height, width, channels) uint8 and labels (n,)."""

    @property
    def images(self) -> npt.NDArray[np.uint8]: ...  # noqa: D102
    @property
    def labels(self) -> npt.NDArray[np.int64]: ...  # noqa: D102


class Task(Protocol):
    """What the trainer reads of an image task."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def train(self) -> Part: ...  # noqa: D102
    @property
    def val(self) -> Part: ...  # noqa: D102
    @property
    def test(self) -> Part: ...  # noqa: D102
    @property
    def flip(self) -> bool: ...  # noqa: D102
    @property
    def crop(self) -> bool: ...  # noqa: D102
    @property
    def mean(self) -> Floats: ...  # noqa: D102
    @property
    def std(self) -> Floats: ...  # noqa: D102


def bounds(images: int, batch: int) -> list[tuple[int, int]]:
    """Where the batches of an epoch begin and end; a last image alone joins the batch before it.

    Batch norm has no variance of one image, and a batch of one would move the running statistics by a tenth.
    """
    if images < 2:
        raise WarmnasError(f"training needs two images or more, not {images}")
    starts = list(range(0, images, batch))
    if images - starts[-1] == 1 and len(starts) > 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], images], strict=True))


class Images:
    """One split on a device.

    ``pad`` and ``flip`` say what :meth:`batches` may do to the images; mean and std have shape (channels,), on the scale
    0..1.
    """

    def __init__(
        self, part: Part, mean: Floats, std: Floats, device: torch.device, *, pad: int = 0, flip: bool = False
    ) -> None:
        padded = np.pad(part.images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        self._padded = torch.from_numpy(padded).to(device)
        self.labels = torch.from_numpy(np.asarray(part.labels, dtype=np.int64)).to(device)
        self._size = part.images.shape[1:3]
        self._pad, self._flip = pad, flip
        # A channel that never changes carries nothing: it is centred, and divided by one.
        self._scale = torch.as_tensor(1 / (255 * np.where(std > 0, std, 1.0)), device=device)
        self._shift = torch.as_tensor(-mean / np.where(std > 0, std, 1.0), device=device)

    def __len__(self) -> int:
        return len(self.labels)

    def standardised(self, images: Tensor, dtype: torch.dtype) -> Tensor:
        """uint8 (n, height, width, channels) -> (n, channels, height, width), channels last in memory."""
        return (images.to(dtype) * self._scale.to(dtype) + self._shift.to(dtype)).permute(0, 3, 1, 2)

    def in_order(self, batch: int, dtype: torch.dtype) -> Iterator[tuple[Tensor, Tensor]]:
        """All images as they stand, with their labels."""
        (height, width), pad = self._size, self._pad
        for start in range(0, len(self), batch):
            images = self._padded[start : start + batch, pad : pad + height, pad : pad + width]
            yield self.standardised(images, dtype), self.labels[start : start + batch]

    def batches(
        self, batch: int, dtype: torch.dtype, order: np.random.Generator, noise: np.random.Generator
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch: all images once, in an order from ``order``, with crops and flips from ``noise``."""
        n, (height, width), device = len(self), self._size, self.labels.device
        shuffled = torch.from_numpy(order.permutation(n)).to(device)
        rows, columns = (torch.from_numpy(x).to(device) for x in self._window(noise, n, height, width))
        for start, end in bounds(n, batch):
            chosen = shuffled[start:end]
            if self._pad or self._flip:
                images = self._padded[chosen[:, None, None], rows[start:end, :, None], columns[start:end, None, :]]
            else:
                images = self._padded[chosen]
            yield self.standardised(images, dtype), self.labels[chosen]

    def _window(
        self, noise: np.random.Generator, n: int, height: int, width: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows (n, height) and columns (n, width) of the padded image that each image shows."""
        offsets = noise.integers(0, 2 * self._pad + 1, size=(n, 2, 1))
        mirrored = noise.random((n, 1)) < (0.5 if self._flip else 0.0)
        columns = np.arange(width)
        return offsets[:, 0] + np.arange(height), offsets[:, 1] + np.where(mirrored, columns[::-1], columns)
