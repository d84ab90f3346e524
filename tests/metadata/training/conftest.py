"""Small image tasks that hold what the trainer reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_digits

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class FakePart:
    images: Array
    labels: Array


@dataclass(frozen=True)
class FakeTask:
    classes: tuple[str, ...]
    train: FakePart
    val: FakePart
    test: FakePart
    flip: bool = False
    crop: bool = False
    name: str = "fake"

    @property
    def mean(self) -> Array:
        return np.asarray((self.train.images / 255).mean(axis=(0, 1, 2)))

    @property
    def std(self) -> Array:
        return np.asarray((self.train.images / 255).std(axis=(0, 1, 2)))


def of(images: Array, labels: Array, sizes: tuple[int, int, int], **more: Any) -> FakeTask:
    ends = np.cumsum(sizes)
    train, val, test = (FakePart(images[e - n : e], labels[e - n : e]) for n, e in zip(sizes, ends, strict=True))
    return FakeTask(tuple(map(str, range(int(labels.max()) + 1))), train, val, test, **more)


@pytest.fixture(scope="session")
def noise() -> Callable[..., FakeTask]:
    """Random images with random labels."""

    def make(sizes: tuple[int, int, int] = (24, 8, 8), side: int = 8, classes: int = 4, **more: Any) -> FakeTask:
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, size=(sum(sizes), side, side, 3), dtype=np.uint8)
        labels = np.concatenate([np.arange(classes), rng.integers(0, classes, sum(sizes) - classes)])
        return of(images, labels, sizes, **more)

    return make


@pytest.fixture(scope="session")
def digits() -> FakeTask:
    """scikit-learn's digits, 8 x 8."""
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    images = (data.images[order] * 15.9).astype(np.uint8)[..., None]
    return of(images, data.target[order], (1197, 300, 300), crop=True)
