"""What the generator calls to train: one trial, or several of one task, recipe and seed at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .trial import Trial

if TYPE_CHECKING:
    from ..tasks import ImageTask
    from ..training.recipe import Epoch, Recipe

Report = Callable[[int, "Epoch"], None]  # which of the trials, and what it reached


class Trainer(Protocol):
    """A picklable object that trains."""

    def together(self, recipe: Recipe, device: str) -> int:
        """How many trials of this recipe to train at once on a device."""
        ...

    def train(self, trials: Sequence[Trial], task: ImageTask, report: Report, device: str) -> Mapping[int, Exception]:
        """Train all of them, report every epoch of each, and say which could not be finished, and why.

        An exception means that none of those not yet finished can be.
        """
        ...

    def costs(self, trial: Trial, task: ImageTask) -> tuple[int, int]:
        """Parameters of the network, and its multiply-adds per image."""
        ...


class TorchTrainer:
    """The project's own training. What it needs is imported when it is used."""

    def __init__(self) -> None:
        self._costs: dict[tuple[object, ...], tuple[int, int]] = {}

    def together(self, recipe: Recipe, device: str) -> int:
        """See :func:`warmnas.metadata.training.stack_size`."""
        from ..training import stack_size

        return stack_size(recipe, device)

    def train(self, trials: Sequence[Trial], task: ImageTask, report: Report, device: str) -> Mapping[int, Exception]:
        """A stack for several, :func:`warmnas.metadata.training.train` for one."""
        from ...bench.spaces import space
        from ..training import train, train_stack

        chosen, recipe = space(trials[0].space), trials[0].recipe
        genotypes = np.stack([chosen.from_string(trial.genotype) for trial in trials])
        if len(trials) == 1:
            train(chosen, genotypes[0], task, recipe, trials[0].seed, device=device, report=lambda epoch: report(0, epoch))
            return {}
        seeds = [trial.seed for trial in trials]
        return train_stack(chosen, genotypes, task, recipe, seeds, device=device, report=report)

    def costs(self, trial: Trial, task: ImageTask) -> tuple[int, int]:
        """Counted once per architecture and shape of images."""
        from ...bench.spaces import space
        from ..training import costs

        _, height, width, channels = task.train.images.shape
        key = (trial.space, trial.genotype, channels, height, width, len(task.classes), trial.recipe)
        if key not in self._costs:
            chosen = space(trial.space)
            genotype, shape = chosen.from_string(trial.genotype), (channels, height, width)
            self._costs[key] = costs(chosen, genotype, shape, len(task.classes), trial.recipe)
        return self._costs[key]


def devices() -> list[str]:
    """Where to train: every GPU, or the CPU."""
    import torch

    return [f"cuda:{i}" for i in range(torch.cuda.device_count())] or ["cpu"]
