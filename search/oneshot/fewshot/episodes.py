"""Episodes: small classification tasks of a few classes with a few images each (Vinyals et al., NeurIPS 2016).

Classes are parted into those that are meta-learnt on and those that are tested on; an episode's classes are numbered
anew, so nothing of their names can be learnt. Only the task's training images are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ....bench import WarmnasError

if TYPE_CHECKING:
    from ....metadata.tasks.task import ImageTask


@dataclass(frozen=True)
class Episode:
    """One small task.

    Attributes:
        support: images that are adapted on, (ways * shots, channels, h, w), and ``support_labels`` from 0 to ways - 1.
        query: images that are judged on, (ways * queries, channels, h, w), none of them in the support.
    """

    support: Tensor
    support_labels: Tensor
    query: Tensor
    query_labels: Tensor

    def double(self) -> Episode:
        """The same in double precision."""
        return Episode(self.support.double(), self.support_labels, self.query.double(), self.query_labels)


class Episodes:
    """Draws episodes from some classes of a task.

    Args:
        task: the images.
        classes: numbers of the classes to draw from.
        ways: classes of an episode.
        shots: images of a class to adapt on.
        queries: images of a class to judge on.

    Raises:
        WarmnasError: where there are too few classes, or too few images of one.
    """

    def __init__(self, task: ImageTask, classes: list[int], ways: int, shots: int, queries: int) -> None:
        self.ways, self.shots, self.queries = ways, shots, queries
        if len(classes) < ways:
            raise WarmnasError(f"{task.name}: {len(classes)} classes on one side, fewer than {ways} of an episode")
        scale = (task.mean * 255).astype(np.float32), (task.std * 255).astype(np.float32)
        images = (task.train.images.astype(np.float32) - scale[0]) / scale[1]
        self._images = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
        self._rows = [np.flatnonzero(task.train.labels == c) for c in classes]
        if (fewest := min(map(len, self._rows))) < shots + queries:
            raise WarmnasError(f"{task.name}: a class has {fewest} images, fewer than {shots} + {queries} of an episode")

    def draw(self, rng: np.random.Generator) -> Episode:
        """One episode."""
        chosen = rng.permutation(len(self._rows))[: self.ways]
        rows = np.stack([rng.permutation(self._rows[c])[: self.shots + self.queries] for c in chosen])
        support, query = rows[:, : self.shots], rows[:, self.shots :]
        labels = torch.arange(self.ways)
        return Episode(
            self._images[support.reshape(-1)],
            labels.repeat_interleave(self.shots),
            self._images[query.reshape(-1)],
            labels.repeat_interleave(self.queries),
        )


def parted(task: ImageTask, share: float, rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Classes for meta-learning, and the rest for testing: ``share`` of them rounded up is learnt on."""
    order = rng.permutation(len(task.classes)).tolist()
    cut = int(np.ceil(share * len(order)))
    return order[:cut], order[cut:]
