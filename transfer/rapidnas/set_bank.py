"""The sets of several tasks in one array, and random draws from them for many runs at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...bench import FloatArray, UniformSource, WarmnasError
from .sets import TaskSet

LIMIT = 4.0  # standardised sizes are held within this: a task far from all sources is not extrapolated to


@dataclass(frozen=True)
class Scaler:
    """Means and deviations of features and sizes over the tasks that were trained on, two arrays (2, ...)."""

    features: Tensor
    sizes: Tensor

    @classmethod
    def of(cls, sets: Sequence[TaskSet]) -> Scaler:
        """Every task counts alike, however many images it has."""
        means, squares = [], []
        for one in sets:
            there = np.arange(one.features.shape[1]) < one.counts[:, None]
            images = one.features[there].astype(np.float64)
            means.append(images.mean(axis=0))
            squares.append((images**2).mean(axis=0))
        mean = np.mean(means, axis=0)
        deviation = np.sqrt(np.maximum(np.mean(squares, axis=0) - mean**2, 0))
        sizes = np.stack([one.sizes for one in sets]).astype(np.float64)
        return cls(_pair(mean, deviation), _pair(sizes.mean(axis=0), sizes.std(axis=0)))


def _pair(mean: FloatArray, deviation: FloatArray) -> Tensor:
    steady = np.where(deviation > 1e-6, deviation, 1.0)
    return torch.from_numpy(np.stack([mean, steady]).astype(np.float32))


@dataclass(frozen=True)
class SetBatch:
    """Sets drawn for many runs.

    Attributes:
        x: features (runs, tasks, classes, images, features).
        there: which classes there are, (runs, tasks, classes).
        sizes: (runs, tasks, 2).
    """

    x: Tensor
    there: Tensor
    sizes: Tensor


class SetBank:
    """Standardised features of tasks.

    Args:
        sets: one per task.
        scaler: of the tasks that were trained on.

    Raises WarmnasError where the features of the tasks differ in number from each other or from the scaler's.
    """

    def __init__(self, sets: Sequence[TaskSet], scaler: Scaler) -> None:
        width = scaler.features.shape[1]
        for one in sets:
            if one.features.shape[2] != width:
                raise WarmnasError(
                    f"a task has {one.features.shape[2]} features per image and the others {width}: "
                    "read all of them from images, or all from stored embeddings"
                )
        classes = max(len(one.counts) for one in sets)
        images = max(one.features.shape[1] for one in sets)
        self.features = torch.zeros(len(sets), classes, images, width)
        self.counts = torch.zeros(len(sets), classes, dtype=torch.int64)
        for place, one in enumerate(sets):
            c, p, _ = one.features.shape
            scaled = (torch.from_numpy(one.features) - scaler.features[0]) / scaler.features[1]
            self.features[place, :c, :p] = scaled
            self.counts[place, :c] = torch.from_numpy(one.counts)
        sizes = torch.from_numpy(np.stack([one.sizes for one in sets]))
        self.sizes = ((sizes - scaler.sizes[0]) / scaler.sizes[1]).clamp(-LIMIT, LIMIT)

    def draw(self, tasks: Tensor, classes: int, images: int, rng: UniformSource) -> SetBatch:
        """At most ``classes`` classes without repetition and ``images`` images of each, with it: tasks (runs, t)."""
        runs, t = tasks.shape
        total = self.counts.shape[1]
        kept = min(classes, total)
        keys = _uniform(rng, (runs, t, total))
        keys = keys.masked_fill(self.counts[tasks] == 0, 2.0)  # classes that are not there come last
        chosen = keys.argsort(dim=-1)[..., :kept]
        counts = self.counts[tasks[..., None], chosen]
        picks = _uniform(rng, (runs, t, kept, images)) * counts[..., None]
        x = self.features[tasks[..., None, None], chosen[..., None], picks.to(torch.int64)]
        return SetBatch(x, counts > 0, self.sizes[tasks])


def _uniform(rng: UniformSource, shape: tuple[int, ...]) -> Tensor:
    """Uniform numbers whose first axis is that of the runs."""
    return torch.from_numpy(rng.random((shape[0], int(np.prod(shape[1:])))).reshape(shape).astype(np.float32) * (1 - 1e-6))
