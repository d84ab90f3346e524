"""A plan: which architectures are trained on which tasks, how, and with how many seeds. One small TOML file.

::

    name = "smoke"
    space = "nasbench201"
    tasks = ["digits", { task = "my.npz", train_size = 2500 }, { task = "cifar100[seed=*,classes=20]", numbers = "0-9" }]
    seeds = 1                                   # every architecture with the seeds 0 .. seeds - 1
    epochs = 20
    extra_seeds = { architectures = 32, seeds = 3 }     # the first of the common ones have more

    [architectures]                             # the same on all tasks
    uniform = 128                               # drawn uniformly over the function classes, or "all"
    upper_half = 128                            # over the half with the most live-params
    names = []                                  # by name
    per_task = { uniform = 4 }                  # others on every task
    seed = 0

    [recipe]                                    # what differs from the default recipe
    width = 8
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...bench.errors import UnknownName, WarmnasError
from .draw import Draw

if TYPE_CHECKING:
    from ..tasks import ImageTask
    from ..training.recipe import Recipe

Opener = Callable[..., "ImageTask"]


@dataclass(frozen=True)
class TaskChoice:
    """A task of a plan: its specification, and what of it to use (None: as the recipe says, or all)."""

    task: str
    train_size: int | None = None
    channels: int | None = None
    groups: str | None = None

    @property
    def options(self) -> dict[str, int | str]:
        """What was said besides the specification."""
        return {key: value for key, value in asdict(self).items() if value is not None and key != "task"}

    def open(self, recipe: Recipe, opener: Opener) -> ImageTask:
        """Read the images as the recipe wants them; WarmnasError where they cannot be read."""
        size = self.train_size if self.train_size is not None else recipe.train_size
        groups = None if self.groups is None else Path(self.groups)
        return opener(self.task, resolution=recipe.resolution, channels=self.channels, train_size=size, groups=groups)


@dataclass(frozen=True)
class ExtraSeeds:
    """The first ``architectures`` of the common ones are trained with ``seeds`` seeds on every task."""

    architectures: int = 0
    seeds: int = 1


@dataclass(frozen=True)
class Architectures:
    """See :class:`Draw`; ``names`` are strings of the space, ``per_task`` are others on every task."""

    uniform: int | Literal["all"] = 0
    upper_half: int = 0
    names: tuple[str, ...] = ()
    per_task: Draw = field(default_factory=Draw)
    seed: int = 0


@dataclass(frozen=True)
class Plan:
    """What a plan file says, checked; :mod:`.trials` makes its trials."""

    name: str
    space: str
    tasks: tuple[TaskChoice, ...]
    recipe: Recipe
    architectures: Architectures
    seeds: int = 1
    extra_seeds: ExtraSeeds = field(default_factory=ExtraSeeds)


def shipped() -> dict[str, Path]:
    """The plans that come with the package, by name."""
    folder = Path(str(resources.files(__package__.rpartition(".")[0]).joinpath("plans")))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read_plan(path: str | Path) -> Plan:
    """Read a plan by its path or, for a shipped one, its name; WarmnasError names the file and the key that is wrong."""
    plans = shipped()
    file = plans.get(str(path), Path(path))
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnknownName("plan", str(path), plans, hint=" Or name a TOML file.") from None
    except (OSError, ValueError) as error:  # tomllib's and Unicode's errors are ValueErrors
        raise WarmnasError(f"plan {path}: {getattr(error, 'strerror', None) or error}") from error
    from .planfile import Reader

    return Reader(str(path)).plan(content)
