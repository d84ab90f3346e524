"""What goes into the networks: noise, the training images of a task, or arrays. Nothing here needs torch.

Batches are drawn from (seed, key), so that equal recipes see equal inputs. The images of a batch are all different: two
equal ones make the kernels of NASWOT and of the Jacobian singular for every network.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...bench import IntArray, UnknownName, WarmnasError

if TYPE_CHECKING:
    from ...metadata.tasks import ImageTask

Images = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Inputs(ABC):
    """Where batches come from.

    Attributes:
        name: as it was asked for.
        shape: (channels, height, width) of an image.
        classes: number of labels.
    """

    name: str
    shape: tuple[int, int, int]
    classes: int

    @abstractmethod
    def draw(self, n: int, seed: Sequence[int]) -> tuple[Images, IntArray]:
        """``n`` different images, (n, channels, height, width), about standardised, and their labels, (n,)."""

    @abstractmethod
    def patches(self, n: int, side: int, seed: Sequence[int]) -> Images:
        """``n`` squares of one channel, (n, 1, side, side); the images may repeat."""

    @property
    def identity(self) -> str:
        """Equal for equal inputs."""
        return f"{self.name}/{self.shape}/{self.classes}"


class GaussianInputs(Inputs):
    """Standard normal pixels and uniform labels: no data at all."""

    def __init__(self, shape: tuple[int, int, int] = (3, 32, 32), classes: int = 10) -> None:
        super().__init__("gaussian", shape, classes)

    def draw(self, n: int, seed: Sequence[int]) -> tuple[Images, IntArray]:
        """See :class:`Inputs`."""
        rng = np.random.default_rng([*seed])
        return rng.standard_normal((n, *self.shape), dtype=np.float32), rng.integers(self.classes, size=n)

    def patches(self, n: int, side: int, seed: Sequence[int]) -> Images:
        """See :class:`Inputs`."""
        return np.random.default_rng([*seed]).standard_normal((n, 1, side, side), dtype=np.float32)


class ArrayInputs(Inputs):
    """Images (n, channels, height, width) and labels (n,) as they are given, standardised by whoever gives them.

    Raises WarmnasError where the shapes do not fit, a pixel is not finite or two images are the same.
    """

    def __init__(self, images: npt.ArrayLike, labels: npt.ArrayLike, classes: int, name: str = "arrays") -> None:
        self.images, self.labels = np.asarray(images, dtype=np.float32), np.asarray(labels, dtype=np.int64)
        if self.images.ndim != 4 or self.labels.shape != self.images.shape[:1] or not len(self.labels):
            raise WarmnasError(f"{name}: give images (n, channels, height, width) and labels (n,)")
        if not np.isfinite(self.images).all():
            raise WarmnasError(f"{name}: a pixel is not a finite number; clean the images")
        if self.labels.min() < 0 or self.labels.max() >= classes:
            raise WarmnasError(f"{name}: labels must be 0..{classes - 1}")
        if len(distinct(self.images)) < len(self.images):
            raise WarmnasError(f"{name}: two images are identical; give different ones")
        super().__init__(name, self.images.shape[1:], classes)

    def draw(self, n: int, seed: Sequence[int]) -> tuple[Images, IntArray]:
        """See :class:`Inputs`."""
        if n > len(self.images):
            raise WarmnasError(f"{self.name} has {len(self.images)} different images; a batch of {n} needs more")
        chosen = np.random.default_rng([*seed]).permutation(len(self.images))[:n]
        return self.images[chosen], self.labels[chosen]

    def patches(self, n: int, side: int, seed: Sequence[int]) -> Images:
        """See :class:`Inputs`; a random place of a random channel of a random image each."""
        rng = np.random.default_rng([*seed])
        channels, height, width = self.shape
        if min(height, width) < side:
            raise WarmnasError(f"{self.name}: images of {height} x {width} pixels have no squares of {side}")
        image, channel = rng.integers(len(self.images), size=n), rng.integers(channels, size=n)
        top, left = rng.integers(height - side + 1, size=n), rng.integers(width - side + 1, size=n)
        offsets = np.arange(side)
        rows, columns = top[:, None, None] + offsets[:, None], left[:, None, None] + offsets
        squares: Images = self.images[image[:, None, None], channel[:, None, None], rows, columns][:, None]
        return squares

    @property
    def identity(self) -> str:
        """See :class:`Inputs`."""
        content = hashlib.blake2b(self.images.tobytes() + self.labels.tobytes(), digest_size=8).hexdigest()
        return f"{super().identity}/{content}"


def task_inputs(task: ImageTask) -> ArrayInputs:
    """The training images of a task, standardised; one of each where some are identical."""
    rows = distinct(task.train.images)
    images = (task.train.images[rows] / np.float32(255) - task.mean) / task.std
    return ArrayInputs(images.transpose(0, 3, 1, 2), task.train.labels[rows], len(task.classes), task.name)


def open_inputs(data: str) -> Inputs:
    """``gaussian``, or the training images of whatever :func:`warmnas.metadata.tasks.open_task` opens."""
    if data == "gaussian":
        return GaussianInputs()
    from ...metadata.tasks import open_task

    try:
        return task_inputs(open_task(data))
    except UnknownName as error:
        raise UnknownName(error.kind, error.name, ["gaussian", *error.choices], error.hint) from None


def distinct(images: npt.NDArray[np.generic]) -> IntArray:
    """Rows (n, ...) without repetitions: the first place of each, ascending."""
    seen: dict[bytes, int] = {}
    for row, image in enumerate(images):
        seen.setdefault(hashlib.blake2b(image.tobytes(), digest_size=16).digest(), row)
    return np.array(list(seen.values()), dtype=np.int64)
