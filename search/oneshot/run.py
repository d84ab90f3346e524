"""A whole one-shot search: a task in, a cell out, with what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ...bench import Genotypes, SearchSpace, WarmnasError
from ...bench.networks.supernets import layout
from .checkpoint import Checkpoint
from .data import Halves
from .loop import Report, train
from .memory import PeakMemory
from .method import make_method
from .state import Search, Settings

if TYPE_CHECKING:
    from ...metadata.tasks.task import ImageTask


@dataclass(frozen=True)
class OneShot:
    """What a search found.

    Attributes:
        method: its name with options.
        genotype: the cell, (genes,).
        skips: skip connections in it.
        alpha_change: Euclidean distance of the architecture's parameters from their initial values; None without any.
        seconds: of the search, reading of the cell included, over all its processes.
        peak_memory_mb: see :class:`PeakMemory`.
        accuracy: percent of the task's validation images that the cell gets right with the supernet's weights. No decision
            has read these images.
        history: one dict of numbers for each epoch.
        stopped: why it ended before its last epoch, or nothing.
        search: the state at the end, the supernet in it.
    """

    method: str
    genotype: Genotypes
    skips: int
    alpha_change: float | None
    seconds: float
    peak_memory_mb: float | None
    accuracy: float
    history: list[dict[str, Any]]
    stopped: str
    search: Search

    @property
    def cell(self) -> str:
        """The field's own string."""
        return self.search.space.to_string(self.genotype)

    def row(self) -> dict[str, Any]:
        """The figures as JSON has them."""
        return {
            "method": self.method,
            "cell": self.cell,
            "skips": self.skips,
            "alpha_change": self.alpha_change,
            "seconds": self.seconds,
            "peak_memory_mb": self.peak_memory_mb,
            "accuracy": self.accuracy,
        }


def settings_for(space: SearchSpace, epochs: int, seed: int, **given: int | None) -> Settings:
    """Settings with the space's own size of the supernet where none is given; WarmnasError where it has no supernet."""
    if epochs < 1:
        raise WarmnasError(f"--epochs {epochs}: a search has one epoch or more")
    width, cells = layout(space).default
    named = {name: value for name, value in given.items() if value is not None}
    return replace(Settings(epochs, seed=seed, width=width, cells=cells), **named)


def search_supernet(
    method: str,
    space: SearchSpace,
    task: ImageTask,
    settings: Settings,
    *,
    folder: Path | None = None,
    device: str | torch.device = "cpu",
    report: Report | None = None,
    after: Callable[[Search, Genotypes], None] | None = None,
    until: float = float("inf"),
) -> OneShot:
    """Search a cell for a task.

    Args:
        method: name with options, see :func:`make_method`.
        space: one that has a supernet.
        task: its training images are searched on, its validation images judge, its test images are not read.
        settings: size and length.
        folder: where the checkpoint is kept; a search that was killed there goes on.
        device: of the supernet.
        report: called after every epoch.
        after: called with the search and the cell while random numbers are still the search's own.
        until: monotonic time from which no epoch begins; a cell is read all the same.

    Raises:
        WarmnasError: for an unknown method, a space without supernet, a half with fewer images than a batch, a checkpoint
            of another search.
        Diverged: where a loss is not a finite number; the checkpoint of the last good epoch stays.
    """
    device, recipe = torch.device(device), make_method(method)
    data = Halves.of(task, settings.batch, settings.seed, device)
    identity = {"method": method, "space": space.name, "images": task.hash, **asdict(settings)}
    started, memory = time.perf_counter(), PeakMemory(device)
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[] if device.type == "cpu" else None))
        torch.manual_seed(settings.seed)
        search = Search(recipe, space, data, settings, device)
        kept = None if folder is None else Checkpoint(folder, identity)
        if kept is not None:
            kept.resume(search)

        def keep(search: Search) -> None:
            if kept is not None:
                kept.keep(search, time.perf_counter() - started)
            if time.monotonic() >= until:
                search.stop("time was up")

        if time.monotonic() >= until:
            search.stop("time was up")
        train(search, keep, report)
        genotype = recipe.readout.read(search)
        seconds = time.perf_counter() - started + (0.0 if kept is None else kept.seconds)
        search.seconds, peak, accuracy = seconds, memory.megabytes(), recipe.objective.judge(search, genotype)
        if after is not None:
            after(search, genotype)
    if kept is not None:
        kept.remove()
    skips, change = search.layout.skips(genotype), search.change()
    return OneShot(method, genotype, skips, change, seconds, peak, accuracy, search.history, search.stopped, search)
