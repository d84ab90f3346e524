"""Train different networks at once, in one program, where that is faster than one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from ...bench import Genotypes, SearchSpace
from .data import Task
from .loop import Data, Training, diverged, guarded
from .recipe import Diverged, Epoch, Recipe
from .trainer import initial_network, task_shape, train

Report = Callable[[int, Epoch], None]
# On a CPU thread stacking wins while one image's activations are few. Measured with eight different cells against each
# alone: 1.4 to 1.5 times as fast at width 4 and 8 x 8, .9 to 1.5 at width 8 and 8 x 8, .5 to .9 at width 8 and 16 x 16.
CPU_STACK, CPU_ACTIVATIONS = 8, 8 * 8 * 8
# Bytes that training holds per image and model of the benchmark's size (C = 16, N = 5, 32 x 32) in float32: an estimate.
GPU_BYTES, GPU_STACK, GPU_SHARE = 6e6, 256, 0.6


def stack_size(recipe: Recipe, device: str | torch.device = "cpu") -> int:
    """How many networks to train at once; 1 where stacking does not pay."""
    if recipe.incremental:
        return 1  # chains of different layers have no stacked form
    device = torch.device(device)
    activations = recipe.width * recipe.resolution**2
    if device.type != "cuda":
        return CPU_STACK if activations <= CPU_ACTIVATIONS else 1
    free, _ = torch.cuda.mem_get_info(device)
    one = GPU_BYTES * activations / (16 * 32 * 32) * (recipe.cells + 1) / 6 * recipe.batch
    return int(min(max(GPU_SHARE * free // one, 1), GPU_STACK))


def train_stack(
    space: SearchSpace,
    genotypes: Genotypes,
    task: Task,
    recipe: Recipe,
    seeds: Sequence[int],
    *,
    device: str | torch.device = "cpu",
    report: Report | None = None,
) -> dict[int, Diverged]:
    """Train genotypes (n, genes), each from the initial weights of its seed; ``report(i, epoch)`` after every epoch.

    All see the same batches, those of the first seed: networks of one seed get exactly what :func:`train` gives them, up to
    rounding. A network that diverges is reported no more and does not disturb the rest; the answer says which did, and why.
    Networks that cannot be stacked are trained one after another. Raises OutOfMemory and WarmnasError like :func:`train`.
    """
    shape, classes = task_shape(task), len(task.classes)
    with guarded():
        networks = [
            initial_network(space, genotype, shape, classes, recipe, seed)
            for genotype, seed in zip(genotypes, seeds, strict=True)
        ]
        stack = getattr(type(networks[0]), "stack", None) if networks else None
        if stack is None or len({type(network) for network in networks}) > 1:
            return _one_by_one(space, genotypes, task, recipe, seeds, device, report)
        data = Data.of(task, recipe, torch.device(device))
        module: nn.Module = stack(networks)
        module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return _follow(Training(module, module, data, recipe, seeds[0]), len(networks), report)


def _follow(training: Training, models: int, report: Report | None) -> dict[int, Diverged]:
    """Report each epoch of the models that are still finite; stop when none is."""
    lost: dict[int, Diverged] = {}
    for rows in training.epochs():
        for i, row in enumerate(rows):
            if i not in lost and diverged(row):
                lost[i] = Diverged(f"not a finite number in epoch {row.epoch} of {training.recipe.epochs}")
            elif i not in lost and report is not None:
                report(i, row)
        if len(lost) == models:
            break
    return lost


def _one_by_one(
    space: SearchSpace,
    genotypes: Genotypes,
    task: Task,
    recipe: Recipe,
    seeds: Sequence[int],
    device: str | torch.device,
    report: Report | None,
) -> dict[int, Diverged]:
    lost: dict[int, Diverged] = {}
    for i, (genotype, seed) in enumerate(zip(genotypes, seeds, strict=True)):

        def pass_on(row: Epoch, i: int = i) -> None:
            if report is not None:
                report(i, row)

        try:
            train(space, genotype, task, recipe, seed, device=device, report=pass_on)
        except Diverged as error:
            lost[i] = error
    return lost
