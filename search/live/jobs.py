"""What goes to a worker and comes back: a training, its epochs, and how it ended. Nothing here needs torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from ...metadata.training.recipe import Epoch, Recipe

MEMORY, DIVERGED, CRASHED, DIED, DISK = "out of memory", "diverged", "crashed", "died", "disk"


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        space, genotype: the architecture, by the name of its space and its string.
        task: hash under which the workers have the images.
        recipe, seed: how it is trained.
        checkpoint: file that holds it after every epoch, and that it goes on from.
        ask: wait for :meth:`Crew.go_on` after every epoch.
        validate: look at the validation images after every epoch.
    """

    space: str
    genotype: str
    task: str
    recipe: Recipe
    seed: int
    checkpoint: Path
    ask: bool = False
    validate: bool = True


class Event(NamedTuple):
    """News from a worker.

    Attributes:
        slot: which one.
        epochs: what was trained; at the start of a job that goes on from a checkpoint, all of its epochs.
        costs: parameters and multiply-adds per image, with the first news of a job.
        failure: how the job ended before its last epoch (one of the kinds above), or nothing.
        reason: in one line.
    """

    slot: int
    epochs: tuple[Epoch, ...] = ()
    costs: tuple[int, int] | None = None
    failure: str = ""
    reason: str = ""


class Crew(Protocol):
    """Workers that train one job each: processes of this machine, or a cluster's."""

    size: int

    def start(self, slot: int, job: Job) -> None:
        """Give a worker a job; it drops the one that it had."""
        ...

    def go_on(self, slot: int) -> None:
        """Let the job of a worker train one more epoch."""
        ...

    def drop(self, slot: int) -> None:
        """End the job of a worker; nothing more is heard of it."""
        ...

    def wait(self, timeout: float) -> list[Event]:
        """News, as soon as there are some, or none after so many seconds."""
        ...

    def close(self) -> None:
        """End all workers."""
        ...
