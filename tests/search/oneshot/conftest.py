"""A tiny task for supernets, and how the tests run each method: as it is, but with few candidates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from warmnas.bench import space
from warmnas.metadata.tasks import ImageTask, Part
from warmnas.search.oneshot import OneShot, Settings, make_method, search_supernet

SHORT = {
    "rsps": "rsps[candidates=4]",
    "setn": "setn[top=3]",
    "spos": "spos[population=3,generations=2]",
    "enas": "enas[updates=1,samples=2,candidates=3]",
    "bender": "bender[candidates=3,ghost=4]",
    "nao-ws": "nao-ws[pool=6,rounds=2,seeds=2,steps=2]",
    "p-darts": "p-darts[stages=2]",
    "parsec": "parsec[samples=2]",
    "robust-darts": "robust-darts[products=2]",
    "once-for-all": "once-for-all[population=3,generations=2]",
}
TINY = Settings(epochs=2, batch=8, seed=3, width=4, cells=1)


def bright(n: int, rng: np.random.Generator, side: int = 8, channels: int = 3) -> Part:
    """Three classes of noise: bright above, bright below, neither."""
    labels = np.arange(n) % 3
    images = rng.integers(0, 100, (n, side, side, channels))
    images[labels == 0, : side // 2] += 120
    images[labels == 1, side // 2 :] += 120
    return Part(images.astype(np.uint8), labels.astype(np.int64))


@pytest.fixture(scope="session", name="bright")
def bright_fixture() -> Callable[..., Part]:
    return bright


@pytest.fixture(scope="session")
def tiny() -> ImageTask:
    rng = np.random.default_rng(0)
    train, val, test = (bright(n, rng) for n in (34, 12, 12))
    return ImageTask("tiny", "tiny", ("above", "below", "none"), train, val, test, True, True, "made here", "none")


@pytest.fixture(scope="session")
def noisy(tiny: ImageTask) -> ImageTask:
    """The same training images; validation and test are noise."""
    rng = np.random.default_rng(1)
    noise = Part(rng.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8), rng.integers(0, 3, 12))
    return replace(tiny, val=noise, test=noise)


Run = Callable[..., OneShot]


@pytest.fixture(scope="session")
def run(tiny: ImageTask) -> Run:
    """``run("darts", task, "nasbench201", epochs=1)``."""

    def search(method: str, task: ImageTask = tiny, of: str = "", **options: Any) -> OneShot:
        of = of or make_method(method).space
        outer = {key: options.pop(key) for key in ("folder", "report", "after") if key in options}
        return search_supernet(SHORT.get(method, method), space(of), task, replace(TINY, **options), **outer)

    return search
