"""After the search: the winner is trained on train and validation together, and the test images are looked at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ...metadata.experiments import StoreUnavailable
from ...metadata.tasks import ImageTask
from ...metadata.training.recipe import Epoch, Recipe
from .checkpoint import last_epochs, unpacked
from .dataset import Dataset
from .evaluator import DEATHS, PAUSE, SMALLEST, Note
from .exporting import logits_of
from .files import read
from .jobs import DIED, DISK, MEMORY, Crew, Job
from .loop import Training
from .measures import Measures, measured, predict
from .network import Architecture, Classifier

FINAL = "final.pt"


@dataclass(frozen=True)
class Finished:
    """What a search hands out.

    Attributes:
        network: trained, in evaluation mode.
        about: what it was built from.
        retrained: on train and validation; else it is as the search had trained it.
        epochs: of that training.
        test: what the test images said.
    """

    network: torch.nn.Module
    about: Architecture
    retrained: bool
    epochs: tuple[Epoch, ...]
    test: Measures

    @property
    def model(self) -> Classifier:
        """Takes uint8 images."""
        return Classifier(self.network, self.about)


def finish(
    winner: Training,
    name: str,
    dataset: Dataset,
    recipe: Recipe,
    space: str,
    seed: int,
    crew: Crew,
    work: Path,
    *,
    until: float = float("inf"),
    note: Note | None = None,
    heard: Callable[[Epoch], None] | None = None,
) -> Finished:
    """Retrain the winner, where there is time until the monotonic ``until``, and test it.

    Where there is not, or where the retraining fails, the network is handed out as the search had trained it.
    """
    recipe = replace(recipe, batch=winner.batch or recipe.batch)
    job = Job(space, name, dataset.joined.hash, recipe, seed, work / FINAL, validate=False)
    own = work / f"{winner.trial}.pt"
    limit = until if own.is_file() else float("inf")  # without weights of its own there is nothing else to hand out
    say: Note = note if note is not None else _nobody
    failure = train_alone(crew, job, limit, say, heard)
    retrained = not failure
    if failure:
        say(f"the network was not retrained on train and validation: {failure}")
    saved = unpacked(read(job.checkpoint if retrained else own))
    if saved is None:
        raise RuntimeError(f"no weights of the network that was found: {failure}")
    about = architecture(space, name, dataset.joined if retrained else dataset.seen, recipe)
    network = about.build()
    network.load_state_dict(saved["network"])
    network.eval()
    test = dataset.task.test
    predicted = predict(logits_of(Classifier(network, about)), test.images)
    figures = measured(test.labels, predicted, len(about.classes))
    return Finished(network, about, retrained, tuple(last_epochs(job.checkpoint if retrained else own)), figures)


def _nobody(text: str) -> None:
    """There is no user to tell."""


def architecture(space: str, genotype: str, task: ImageTask, recipe: Recipe) -> Architecture:
    """What the network of a genotype is built from, standardised as the task is."""
    mean, std = (tuple(float(value) for value in values) for values in (task.mean, task.std))
    sizes = (task.shape[2], recipe.resolution, recipe.width, recipe.cells)
    return Architecture(space, genotype, task.classes, *sizes, mean, std)


def train_alone(crew: Crew, job: Job, until: float, say: Note, heard: Callable[[Epoch], None] | None = None) -> str:
    """Train one job on the first worker to its end; why it did not come there, or nothing.

    Raises:
        StoreUnavailable: where the disk is full.
    """
    deaths, reached = 0, 0
    crew.start(0, job)
    while reached < job.recipe.epochs:
        if (left := until - time.monotonic()) <= 0:
            crew.drop(0)
            return "time was up"
        for event in crew.wait(min(left, PAUSE)):
            if event.epochs:
                reached, deaths = event.epochs[-1].epoch, 0
            if event.costs is None and heard is not None:
                for epoch in event.epochs:
                    heard(epoch)
            if event.failure == DISK:
                raise StoreUnavailable(f"{event.reason}: make room and start the same command again")
            if event.failure == DIED and (deaths := deaths + 1) < DEATHS:
                crew.start(0, job)
            elif event.failure == MEMORY and job.recipe.batch // 2 >= SMALLEST:
                job.checkpoint.unlink(missing_ok=True)
                job = replace(job, recipe=replace(job.recipe, batch=job.recipe.batch // 2))
                say(f"out of memory; retrained with {job.recipe.batch} images a batch")
                crew.start(0, job)
            elif event.failure:
                return f"{event.failure}: {event.reason}"
    return ""
