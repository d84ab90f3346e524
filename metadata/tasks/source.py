"""Images as somebody keeps them: checked, with the parts that were given, before any splitting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...bench.errors import WarmnasError
from .keys import digests
from .pixels import Float32, scaled
from .task import Ints, UInt8

FREE, TRAIN, VAL, TEST = -1, 0, 1, 2
THUMB = 16  # side of the small copies in which near-identical images are looked for
Parts = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Source:
    """All images of a set.

    Attributes:
        where: the file, folder or package, for messages.
        images: (n, height, width, channels), uint8.
        labels: (n,), from 0 to classes - 1.
        classes: name of each class.
        part: (n,), FREE, TRAIN, VAL or TEST: which part the image was given to.
        digests: hash of each image as it was read, before any resizing.
        thumbs: (n, 16, 16, channels), or None where they can be made from ``images``.
        files: path of each image below the folder, or empty.
        notes: what was done that is not a matter of course.
        left_out: places, among all images of the folder, of those that could not be read.
    """

    where: str
    images: UInt8
    labels: Ints
    classes: tuple[str, ...]
    part: Parts
    digests: Sequence[bytes]
    thumbs: Float32 | None = None
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: dict[int, str] = field(default_factory=dict)

    def small(self) -> Float32:
        """Small copies, (n, 16, 16, channels), that do not depend on the resolution asked for."""
        return scaled(self.images, THUMB, THUMB) if self.thumbs is None else self.thumbs


def from_arrays(
    where: str, images: UInt8, labels: Ints, part: Parts, classes: Sequence[str], notes: tuple[str, ...] = ()
) -> Source:
    """A set whose images are in memory; shapes as in Source."""
    return Source(where, images, labels, tuple(classes), part, digests(images), notes=notes)


def check(source: Source) -> Source:
    """The source itself; WarmnasError where nothing can be learned from it, naming the class and the file."""
    if len(source.classes) < 2:
        raise WarmnasError(f"{source.where}: one class only ({', '.join(source.classes) or 'none'}); a task needs two")
    to_learn = source.labels[source.part <= TRAIN]
    counts = np.bincount(to_learn, minlength=len(source.classes))
    few = int(counts.argmin())
    held = "training images" if (source.part >= TRAIN).any() else "images"
    if counts[few] == 0:
        raise WarmnasError(f"{source.where}: class '{source.classes[few]}' has no {held}")
    if counts[few] == 1:
        raise WarmnasError(f"{source.where}: class '{source.classes[few]}' has one example only; two are needed at least")
    if min(source.images.shape[1:3]) < 1:
        raise WarmnasError(f"{source.where}: empty images of shape {source.images.shape[1:]}")
    return source
