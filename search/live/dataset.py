"""The user's images: what a search may see of them, what is retrained on, and what the report says of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...metadata.experiments import TaskFacts
from ...metadata.tasks import ImageTask, Part, open_task
from ...metadata.tasks.builtin import tasks as built_in
from ...metadata.tasks.place import find_data
from ...metadata.tasks.spec import parse
from .settings import RESOLUTION, Settings

UNEQUAL = 1.5  # times as many test images in the largest class as in the smallest, from where accuracy alone misleads
SMALLEST = 4  # pixels a side, below which a network of three stages has nothing to look at
FEW = 30  # training images of the smallest class, below which a pre-trained network is the better start


@dataclass(frozen=True)
class Dataset:
    """A task, with its test images kept apart.

    Attributes:
        task: all of it.
        spec: what opened it.
    """

    task: ImageTask
    spec: str

    @cached_property
    def seen(self) -> ImageTask:
        """What the search sees: no test images."""
        return replace(self.task, test=Part(self.task.test.images[:0], self.task.test.labels[:0]))

    @cached_property
    def joined(self) -> ImageTask:
        """Train and validation as one part to retrain on; no test images. Standardised by that part."""
        parts = (self.task.train, self.task.val)
        images = np.concatenate([part.images for part in parts])
        labels = np.concatenate([part.labels for part in parts])
        return replace(self.seen, train=Part(images, labels))

    @property
    def facts(self) -> TaskFacts:
        """What the experiment store keeps of what the search sees."""
        return TaskFacts.of(self.seen, self.spec)

    @property
    def growth(self) -> float:
        """How many times more images the retraining has."""
        return 1 + len(self.task.val) / len(self.task.train)

    @property
    def unequal(self) -> bool:
        """Whether the classes are so unequal in number that accuracy alone misleads."""
        counts = np.bincount(self.task.test.labels, minlength=len(self.task.classes))
        return bool(counts.max() > UNEQUAL * max(counts.min(), 1))

    def describe(self) -> dict[str, Any]:
        """The dataset in numbers, for ``summary.json``; nothing is trained for it."""
        task = self.task
        height, width, channels = task.shape
        counts = np.bincount(task.train.labels, minlength=len(task.classes))
        return {
            "name": task.name,
            "hash": task.hash,
            "classes": list(task.classes),
            "images": {"train": len(task.train), "val": len(task.val), "test": len(task.test)},
            "shape": [height, width, channels],
            "smallest_class": int(counts.min()),
            "largest_class": int(counts.max()),
            "overlap": task.overlap,
            "source": task.source,
            "licence": task.licence,
            "notes": list(task.notes),
        }

    @property
    def few(self) -> bool:
        """Whether a class has so few training images that fine-tuning a pre-trained network is the better start."""
        return int(np.bincount(self.task.train.labels, minlength=len(self.task.classes)).min()) < FEW


def open_dataset(settings: Settings) -> Dataset:
    """The images of a search; a few that cannot be read are left out, which a note says.

    Raises:
        WarmnasError: in one line, naming file and field, where the data are wrong.
    """
    groups = None if settings.groups is None else Path(settings.groups)
    resolution = settings.resolution
    if resolution is None:
        side = None if _is_folder(settings.data) else min(open_task(settings.data, groups=groups).shape[:2])
        resolution = RESOLUTION if side is None else max(min(side, RESOLUTION), SMALLEST)
    return Dataset(open_task(settings.data, resolution=resolution, groups=groups, lenient=True), settings.data)


def _is_folder(data: str) -> bool:
    """Whether the images are files of their own, which are read at one resolution only."""
    base = data if os.path.exists(data) else parse(data).base
    if base in built_in:
        return False
    path = Path(base).expanduser()
    found = path if path.exists() else find_data(base)
    return found is not None and found.is_dir()
