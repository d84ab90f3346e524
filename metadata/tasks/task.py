"""An image task: uint8 images and labels in three parts, and what a trainer has to know about them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
LEVELS = 256


@dataclass(frozen=True, eq=False)
class Part:
    """One split.

    Attributes:
        images: (n, height, width, channels), uint8.
        labels: (n,), int64, from 0 to classes - 1.
    """

    images: UInt8
    labels: Ints

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class ImageTask:
    """A classification task; equal ``hash`` means equal images, labels and splits.

    Attributes:
        name: ``digits``, ``cifar100[seed=7,classes=20]``, ...
        family: name of the image set that the task's images are from.
        classes: name of each class, in the order of the labels.
        train: what is trained on, and what descriptors and ``mean`` and ``std`` may read.
        val: what searches see.
        test: what is reported only.
        flip: whether a mirrored image is still one of its class.
        crop: whether an image that is moved a little is still one of its class.
        source: where the images are from.
        licence: theirs, or that none is stated.
        overlap: images of val and test that have a near-identical one in train: 0, unless the parts were given, or notes
            say that most of a class is near-identical.
        notes: what was done that is not a matter of course, one sentence each.
    """

    name: str
    family: str
    classes: tuple[str, ...]
    train: Part
    val: Part
    test: Part
    flip: bool
    crop: bool
    source: str
    licence: str
    overlap: int = 0
    notes: tuple[str, ...] = field(default=())

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        _, height, width, channels = self.train.images.shape
        return height, width, channels

    @cached_property
    def hash(self) -> str:
        """Of the images, the labels and the splits, not of the names: 32 hexadecimal digits."""
        content = hashlib.blake2b(digest_size=16)
        for part in (self.train, self.val, self.test):
            content.update(repr(part.images.shape).encode())
            content.update(part.images.tobytes())
            content.update(part.labels.astype("<i8").tobytes())
        return content.hexdigest()

    @cached_property
    def _moments(self) -> tuple[Floats, Floats]:
        images = self.train.images
        counts = [np.bincount(images[..., c].ravel(), minlength=LEVELS) for c in range(images.shape[-1])]
        shares = np.stack(counts) / (images.size // images.shape[-1])
        levels = np.arange(LEVELS) / (LEVELS - 1)
        mean = shares @ levels
        spread = np.sqrt((shares * (levels - mean[:, None]) ** 2).sum(1))
        return mean, np.where(spread > 1e-9, spread, 1.0)

    @property
    def mean(self) -> Floats:
        """Mean of the training images / 255, (channels,)."""
        return self._moments[0]

    @property
    def std(self) -> Floats:
        """Standard deviation of the training images / 255, (channels,); 1 where a channel is constant."""
        return self._moments[1]
