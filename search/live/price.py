"""What a search will cost, from a few steps of the reference network on this machine; and what a finer resolution would."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from ...bench import Genotypes, SearchSpace
from ...metadata.tasks import ImageTask
from ...metadata.training import costs
from ...metadata.training.loop import guarded, losses, optimizer
from ...metadata.training.recipe import OutOfMemory, Recipe
from .evaluator import SMALLEST

STEPS = 3


@dataclass(frozen=True)
class Price:
    """Cost of a search.

    Attributes:
        resolution: side of the images.
        flops: multiply-adds per image of the reference network.
        seconds: about how long the trainings will take, retraining included; NaN where no batch fits into memory.
        finer: the next resolution, and how many times as long it would take.
    """

    resolution: int
    flops: int
    seconds: float
    finer: tuple[int, float]

    def as_dict(self) -> dict[str, Any]:
        """For ``summary.json``."""
        finer = {"resolution": self.finer[0], "times": round(self.finer[1], 2)}
        return {"resolution": self.resolution, "flops": self.flops, "seconds": round(self.seconds, 1), "finer": finer}


def price(space: SearchSpace, genotype: Genotypes, task: ImageTask, recipe: Recipe, epochs: float, device: str) -> Price:
    """The price of so many epochs (parallel ones counted once) of a network like this one."""
    _, _, channels = task.shape
    side, classes = recipe.resolution, len(task.classes)
    flops, finer = (costs(space, genotype, (channels, r, r), classes, recipe)[1] for r in (side, 2 * side))
    batch, shape = min(recipe.batch, len(task.train)), (channels, side, side)
    step = partial(_step_seconds, space, genotype, shape, classes, recipe, torch.device(device))
    one = _image_seconds(step, batch)
    return Price(side, flops, epochs * one * len(task.train), (2 * side, finer / flops))


def _image_seconds(step: Callable[[int], float], batch: int) -> float:
    """Seconds per image of one training step; where memory runs out, of the largest batch that fits, as in the trainings.

    Not even the smallest fits: the trainings will say so, one by one; the price is not known then.
    """
    while True:
        try:
            with guarded():
                return step(batch) / batch
        except OutOfMemory:
            if (batch := batch // 2) < SMALLEST:
                return float("nan")


def _step_seconds(
    space: SearchSpace,
    genotype: Genotypes,
    shape: tuple[int, int, int],
    classes: int,
    recipe: Recipe,
    device: torch.device,
    batch: int,
) -> float:
    """Seconds of one training step, the fastest of a few."""
    with torch.random.fork_rng(devices=[]):
        network = space.build(genotype, shape, classes, width=recipe.width, cells=recipe.cells)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    update = optimizer(network.parameters(), recipe)
    images = torch.zeros(batch, *shape, device=device).to(memory_format=torch.channels_last)
    labels = torch.zeros(batch, dtype=torch.int64, device=device)
    taken = []
    for _ in range(STEPS):
        started = time.perf_counter()
        update.zero_grad()
        losses(network(images)[None], labels).sum().backward()  # type: ignore[no-untyped-call]
        update.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        taken.append(time.perf_counter() - started)
    return min(taken)
