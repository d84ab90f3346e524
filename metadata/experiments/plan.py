"""A plan: which architectures are trained on which tasks, how, and with how many seeds. One small TOML file.

::

    name = "smoke"
    space = "nasbench201"
    tasks = ["digits", { task = "my.npz", train_size = 2500 }]
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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...bench.errors import UnknownName, WarmnasError
from .draw import Draw

if TYPE_CHECKING:
    from ..tasks import ImageTask
    from ..training.recipe import Recipe

KEYS = ("name", "space", "tasks", "seeds", "epochs", "extra_seeds", "architectures", "recipe")
REQUIRED = ("name", "space", "tasks", "epochs", "architectures")
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
    return _Reader(str(path)).plan(content)


class _Reader:
    """Turns a plan's content into values; every complaint names the file and the key."""

    def __init__(self, file: str) -> None:
        self.file = file

    def plan(self, content: Mapping[str, Any]) -> Plan:
        self.known(content, KEYS, "")
        for key in REQUIRED:
            if key not in content:
                raise self.wrong(key, "is missing")
        tasks = content["tasks"]
        if not isinstance(tasks, list) or not tasks:
            raise self.wrong("tasks", "must be a list of tasks")
        return Plan(
            self.text(content, "name"),
            self.space(content),
            tuple(self.task(entry, f"tasks[{i}]") for i, entry in enumerate(tasks)),
            self.recipe(content),
            self.architectures(self.table(content, "architectures")),
            self.number(content, "seeds", 1, 1),
            self.extra(self.table(content, "extra_seeds")),
        )

    def wrong(self, key: str, what: str) -> WarmnasError:
        return WarmnasError(f"plan {self.file}: {key} {what}")

    def known(self, content: Mapping[str, Any], keys: Iterable[str], place: str) -> None:
        names = list(keys)
        for key in content:
            if key not in names:
                raise UnknownName(f"key in plan {self.file}:", place + key, [place + name for name in names])

    def table(self, content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = content.get(key.rpartition(".")[2], {})
        if not isinstance(value, dict):
            raise self.wrong(key, "must be a table")
        return value

    def text(self, content: Mapping[str, Any], key: str) -> str:
        value = content.get(key.rpartition(".")[2])
        if not isinstance(value, str) or not value:
            raise self.wrong(key, f"must be a text, not {value!r}")
        return value

    def number(self, content: Mapping[str, Any], key: str, least: int, default: int) -> int:
        value = content.get(key.rpartition(".")[2], default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.wrong(key, f"must be a whole number from {least}, not {value!r}")
        return value

    def space(self, content: Mapping[str, Any]) -> str:
        from ...bench.spaces import space

        name = self.text(content, "space")
        try:
            return space(name).name
        except UnknownName as error:
            raise self.wrong("space", f"is wrong: {error}") from error

    def task(self, entry: object, place: str) -> TaskChoice:
        if isinstance(entry, str) and entry:
            return TaskChoice(entry)
        if not isinstance(entry, dict):
            raise self.wrong(place, f"must be a task or a table with task = ..., not {entry!r}")
        self.known(entry, TaskChoice.__dataclass_fields__, place + ".")
        numbers = {
            key: self.number(entry, f"{place}.{key}", least, least)
            for key, least in (("train_size", 2), ("channels", 1))
            if key in entry
        }
        groups = self.text(entry, f"{place}.groups") if "groups" in entry else None
        return TaskChoice(self.text(entry, f"{place}.task"), groups=groups, **numbers)

    def recipe(self, content: Mapping[str, Any]) -> Recipe:
        from ..training.recipe import Recipe

        changes = self.table(content, "recipe")
        self.known(changes, (name for name in Recipe.names() if name != "epochs"), "recipe.")
        try:
            return Recipe(epochs=content["epochs"], **changes)
        except WarmnasError as error:
            raise WarmnasError(f"plan {self.file}: {error}") from error

    def architectures(self, content: Mapping[str, Any]) -> Architectures:
        self.known(content, Architectures.__dataclass_fields__, "architectures.")
        names = content.get("names", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self.wrong("architectures.names", "must be a list of texts")
        common = self.draw(content, "architectures")
        own = self.table(content, "architectures.per_task")
        self.known(own, Draw.__dataclass_fields__, "architectures.per_task.")
        per_task = self.draw(own, "architectures.per_task")
        if not (names or common != Draw() or per_task != Draw()):
            raise self.wrong("architectures", "asks for none: give uniform, upper_half, names or per_task")
        seed = self.number(content, "architectures.seed", 0, 0)
        return Architectures(common.uniform, common.upper_half, tuple(names), per_task, seed)

    def draw(self, content: Mapping[str, Any], place: str) -> Draw:
        upper = self.number(content, f"{place}.upper_half", 0, 0)
        if content.get("uniform") == "all":
            return Draw("all", upper)
        return Draw(self.number(content, f"{place}.uniform", 0, 0), upper)

    def extra(self, content: Mapping[str, Any]) -> ExtraSeeds:
        self.known(content, ExtraSeeds.__dataclass_fields__, "extra_seeds.")
        architectures = self.number(content, "extra_seeds.architectures", 0, 0)
        return ExtraSeeds(architectures, self.number(content, "extra_seeds.seeds", 1, 1))
