"""The images of a search: training images in two halves, one for the weights and one for the architecture.

Neither half holds an image of the task's validation or test part, on which found cells are judged: no step and no choice
reads those. Both halves are shuffled once by the seed, because batch norm that uses a batch's own statistics would see one
class at a time where images stand sorted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...bench import WarmnasError
from ...metadata.training.data import Floats, Images

if TYPE_CHECKING:
    from ...metadata.tasks.task import ImageTask, Part

Batch = tuple[Tensor, Tensor]
EVALUATION = 256  # images of a batch without gradients


@dataclass
class Halves:
    """Images by purpose.

    Attributes:
        weights: trained on by the network's weights, augmented where the task allows it.
        architecture: trained on by the architecture's parameters; candidates are compared on it.
        judge: the task's validation images, for the one figure after all decisions.
        shape: (channels, height, width).
        classes: how many.
        mean: of each channel, on the scale 0..1; images are standardised by it and by ``std``.
        std: standard deviation of each channel.
    """

    weights: Images
    architecture: Images
    judge: Images
    shape: tuple[int, int, int]
    classes: int
    mean: Floats
    std: Floats

    @classmethod
    def of(cls, task: ImageTask, batch: int, seed: int, device: torch.device) -> Halves:
        """Split a task; WarmnasError where a half has fewer images than a batch."""
        n = len(task.train)
        if n // 2 < batch:
            raise WarmnasError(
                f"{task.name}: {n} training images make halves of {n // 2}, fewer than a batch of {batch}; "
                f"take a smaller batch (--batch {max(n // 2, 2)} or less) or more images"
            )
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(100,)))
        first, second = _halved(task.train.labels, rng)
        pad = task.shape[0] // 8 if task.crop else 0

        def images(part: Part, rows: np.ndarray, **augment: int) -> Images:
            chosen = type(part)(part.images[rows], part.labels[rows])
            return Images(chosen, task.mean, task.std, device, pad=augment.get("pad", 0), flip=bool(augment.get("flip")))

        height, width, channels = task.shape
        return cls(
            images(task.train, first, pad=pad, flip=task.flip),
            images(task.train, second),
            images(task.val, rng.permutation(len(task.val))),
            (channels, height, width),
            len(task.classes),
            task.mean,
            task.std,
        )


def _halved(labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows of both halves, every class in equal parts, each half in random order."""
    order = rng.permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    return rng.permutation(by_class[::2]), rng.permutation(by_class[1::2])


def endless(images: Images, batch: int, order: np.random.Generator, noise: np.random.Generator) -> Iterator[Batch]:
    """Batches, epoch after epoch."""
    while True:
        yield from images.batches(batch, torch.float32, order, noise)


def evaluation(images: Images, limit: int | None = None) -> Iterator[Batch]:
    """All images in their fixed order, or the first ``limit``, in batches of almost equal size."""
    n = len(images) if limit is None else min(limit, len(images))
    each = -(-n // max(1, round(n / EVALUATION)))
    done = 0
    for x, y in images.in_order(each, torch.float32):
        yield x[: n - done], y[: n - done]
        done += len(y)
        if done >= n:
            break
