"""Train one network with the recipe, and report every epoch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ...bench import Genotypes, SearchSpace
from .data import Task
from .loop import WEIGHTS, Data, Training, diverged, guarded, stream
from .recipe import Diverged, Epoch, Recipe

Shape = tuple[int, int, int]


def initial_network(
    space: SearchSpace, genotype: Genotypes, shape: Shape, classes: int, recipe: Recipe, seed: int
) -> nn.Module:
    """The untrained network of a seed, on the CPU, so that it is the same whatever it is trained on.

    ``shape`` is (channels, height, width). Layers draw from torch's global generator, which is put back afterwards.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(stream(seed, WEIGHTS).integers(2**63)))
        return space.build(genotype, shape, classes, width=recipe.width, cells=recipe.cells)


def task_shape(task: Task) -> Shape:
    """(channels, height, width) of the images."""
    _, height, width, channels = task.train.images.shape
    return channels, height, width


def train(
    space: SearchSpace,
    genotype: Genotypes,
    task: Task,
    recipe: Recipe,
    seed: int,
    *,
    device: str | torch.device = "cpu",
    report: Callable[[Epoch], None] | None = None,
) -> nn.Module:
    """The trained network, in evaluation mode; ``report`` is called after every epoch.

    Weights, order of the images and augmentation come from the seed alone: a training repeats itself to the last bit on
    the same machine with the same number of threads. Raises Diverged, with nothing reported of that epoch, OutOfMemory,
    and WarmnasError where the images are not what the recipe asks for. Where the recipe is incremental, this is
    :func:`warmnas.metadata.training.incremental.train_incremental`.
    """
    if recipe.incremental:
        from .incremental import train_incremental

        return train_incremental(space, genotype, task, recipe, seed, device=device, report=report)
    device = torch.device(device)
    with guarded():
        data = Data.of(task, recipe, device)
        network = initial_network(space, genotype, task_shape(task), len(task.classes), recipe, seed)
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for (row,) in Training(network, lambda x: network(x)[None], data, recipe, seed).epochs():
            if diverged(row):
                raise Diverged(f"not a finite number in epoch {row.epoch} of {recipe.epochs}")
            if report is not None:
                report(row)
    return network
