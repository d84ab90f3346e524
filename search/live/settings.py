"""What a search on somebody's images is asked to do."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ...bench import SearchSpace, UnknownName, WarmnasError
from ...machine import DEVICES
from ...metadata.training.recipe import Recipe

# How the shipped table images-v1 was trained: small enough for a few seconds a training, and what it knows carries over.
WIDTH, CELLS, BATCH, RESOLUTION, EPOCHS, BUDGET = 8, 1, 128, 16, 20, 10
LARGEST_RESOLUTION = 256
VALIDATED = ("supernet",)


@dataclass(frozen=True)
class Settings:
    """A search on a dataset.

    Attributes:
        data: built-in task, ``.npz`` or folder, as :func:`warmnas.metadata.tasks.open_task` takes it.
        space: name of the search space.
        budget: trainings; the reference cell is the first of them.
        epochs: of a training.
        optimizer, stopper: names, with options as in ``rea[population=5]``.
        seconds: of the whole search, retraining included; None for no limit.
        workers: trainings at a time; None for one per GPU, or per core.
        ray: address of a cluster instead of processes here.
        seed: of everything that is drawn.
        resolution: side of the images in pixels; None for 16, or the data's own where that is less.
        device: ``cpu`` or ``cuda``; None for CUDA where there is a GPU.
        groups: file of groups that must not be on both sides of a split.
        model: a fitted predictor (``warmnas fit``), as one more source.
        width, cells, batch: of the network and its training.
        validate: ``supernet`` to tell beside the results what a supernet's ranking would have been worth.
    """

    data: str
    space: str = "nasbench201"
    budget: int = BUDGET
    epochs: int = EPOCHS
    optimizer: str = "warm"
    stopper: str = "none"
    seconds: float | None = None
    workers: int | None = None
    ray: str | None = None
    seed: int = 0
    resolution: int | None = None
    device: str | None = None
    groups: str | None = None
    model: str | None = None
    width: int = WIDTH
    cells: int = CELLS
    batch: int = BATCH
    validate: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be done, naming the option."""
        for name in ("budget", "epochs", "width", "cells"):
            if getattr(self, name) < 1:
                raise WarmnasError(f"--{name} {getattr(self, name)}: at least 1")
        if self.batch < 2:
            raise WarmnasError(f"--batch {self.batch}: at least 2")
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise WarmnasError(f"--seconds {self.seconds:g}: write a number above 0")
        if self.workers is not None and self.workers < 1:
            raise WarmnasError(f"--workers {self.workers}: at least 1")
        if self.resolution is not None and not 4 <= self.resolution <= LARGEST_RESOLUTION:
            raise WarmnasError(f"--resolution {self.resolution}: from 4 to {LARGEST_RESOLUTION} pixels")
        for name, value, known in (("device", self.device, DEVICES), ("validate", self.validate, VALIDATED)):
            if value is not None and value not in known:
                raise UnknownName(f"--{name}", value, known)
        if self.workers is not None and self.ray is not None:
            raise WarmnasError("--workers and --ray exclude each other; a cluster has as many workers as cores, or GPUs")

    def recipe(self, resolution: int) -> Recipe:
        """How every network of the search is trained."""
        return Recipe(epochs=self.epochs, batch=self.batch, width=self.width, cells=self.cells, resolution=resolution)

    def check_space(self, space: SearchSpace) -> None:
        """WarmnasError where what is asked for is not to be had in this space."""
        if self.validate is not None:
            from ...bench.networks.supernets import layout

            layout(space)

    def identity(self) -> dict[str, Any]:
        """What two starts of one search have in common: all but who trains, and for how long it may take."""
        free = {"seconds", "workers", "ray", "device", "validate"}
        kept = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in free}
        for name in ("groups", "model"):
            kept[name] = None if kept[name] is None else str(Path(kept[name]).absolute())
        return kept

    @property
    def protocol(self) -> str:
        """Equal for searches that are asked for the same."""
        text = json.dumps({**asdict(self), "workers": None, "ray": None, "device": None}, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
