"""A plan's TOML, turned into a :class:`Plan`. Every complaint names the file and the key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...bench.errors import UnknownName, WarmnasError
from .draw import Draw
from .plan import Architectures, ExtraSeeds, Plan, TaskChoice

if TYPE_CHECKING:
    from ..training.recipe import Recipe

KEYS = ("name", "space", "tasks", "seeds", "epochs", "extra_seeds", "architectures", "recipe")
NUMBERS = "numbers"
REQUIRED = ("name", "space", "tasks", "epochs", "architectures")


class Reader:
    """Reads the content of one file."""

    def __init__(self, file: str) -> None:
        self.file = file

    def plan(self, content: Mapping[str, Any]) -> Plan:
        """The whole of it."""
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
            tuple(choice for i, entry in enumerate(tasks) for choice in self.choices(entry, f"tasks[{i}]")),
            self.recipe(content),
            self.architectures(self.table(content, "architectures")),
            self.number(content, "seeds", 1, 1),
            self.extra(self.table(content, "extra_seeds")),
        )

    def wrong(self, key: str, what: str) -> WarmnasError:
        """An error that names file and key."""
        return WarmnasError(f"plan {self.file}: {key} {what}")

    def known(self, content: Mapping[str, Any], keys: Iterable[str], place: str) -> None:
        """Refuse keys that mean nothing here."""
        names = list(keys)
        for key in content:
            if key not in names:
                raise UnknownName(f"key in plan {self.file}:", place + key, [place + name for name in names])

    def table(self, content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """A table, empty where it is missing."""
        value = content.get(key.rpartition(".")[2], {})
        if not isinstance(value, dict):
            raise self.wrong(key, "must be a table")
        return value

    def text(self, content: Mapping[str, Any], key: str) -> str:
        """A text that is not empty."""
        value = content.get(key.rpartition(".")[2])
        if not isinstance(value, str) or not value:
            raise self.wrong(key, f"must be a text, not {value!r}")
        return value

    def number(self, content: Mapping[str, Any], key: str, least: int, default: int) -> int:
        """A whole number, ``least`` or more."""
        value = content.get(key.rpartition(".")[2], default)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.wrong(key, f"must be a whole number from {least}, not {value!r}")
        return value

    def space(self, content: Mapping[str, Any]) -> str:
        """The name of a search space."""
        from ...bench.spaces import space

        name = self.text(content, "space")
        try:
            return space(name).name
        except UnknownName as error:
            raise self.wrong("space", f"is wrong: {error}") from error

    def choices(self, entry: object, place: str) -> Iterator[TaskChoice]:
        """The tasks of one entry: one, or with ``numbers = "0-9"`` one for every number that may stand for its ``*``."""
        if isinstance(entry, str) and entry:
            yield TaskChoice(entry)
            return
        if not isinstance(entry, dict):
            raise self.wrong(place, f"must be a task or a table with task = ..., not {entry!r}")
        self.known(entry, [*TaskChoice.__dataclass_fields__, NUMBERS], place + ".")
        choice = self.task(entry, place)
        if NUMBERS not in entry:
            yield choice
            return
        found = re.fullmatch(r"(\d{1,6})-(\d{1,6})", self.text(entry, f"{place}.{NUMBERS}"))
        if found is None or int(found[1]) > int(found[2]):
            raise self.wrong(f"{place}.{NUMBERS}", f"must be a range such as '0-9', not {entry[NUMBERS]!r}")
        if "*" not in choice.task:
            raise self.wrong(
                f"{place}.task", f"needs a * for the numbers, as in cifar100[seed=*,classes=20], not {choice.task!r}"
            )
        for number in range(int(found[1]), int(found[2]) + 1):
            yield replace(choice, task=choice.task.replace("*", str(number)))

    def task(self, entry: Mapping[str, Any], place: str) -> TaskChoice:
        """What a table says of a task."""
        numbers = {
            key: self.number(entry, f"{place}.{key}", least, least)
            for key, least in (("train_size", 2), ("channels", 1))
            if key in entry
        }
        groups = self.text(entry, f"{place}.groups") if "groups" in entry else None
        return TaskChoice(self.text(entry, f"{place}.task"), groups=groups, **numbers)

    def recipe(self, content: Mapping[str, Any]) -> Recipe:
        """What differs from the default recipe, and the epochs."""
        from ..training.recipe import Recipe

        changes = self.table(content, "recipe")
        self.known(changes, (name for name in Recipe.names() if name != "epochs"), "recipe.")
        try:
            return Recipe(epochs=content["epochs"], **changes)
        except WarmnasError as error:
            raise WarmnasError(f"plan {self.file}: {error}") from error

    def architectures(self, content: Mapping[str, Any]) -> Architectures:
        """The table of architectures."""
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
        """How many are drawn, and how."""
        upper = self.number(content, f"{place}.upper_half", 0, 0)
        if content.get("uniform") == "all":
            return Draw("all", upper)
        return Draw(self.number(content, f"{place}.uniform", 0, 0), upper)

    def extra(self, content: Mapping[str, Any]) -> ExtraSeeds:
        """Further seeds of some architectures."""
        self.known(content, ExtraSeeds.__dataclass_fields__, "extra_seeds.")
        architectures = self.number(content, "extra_seeds.architectures", 0, 0)
        return ExtraSeeds(architectures, self.number(content, "extra_seeds.seeds", 1, 1))
