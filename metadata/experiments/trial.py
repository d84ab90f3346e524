"""What is to be trained, as values: a trial, its claim by a worker, and the facts of a task that a table needs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..tasks import ImageTask
    from ..training.recipe import Recipe


def recipe_text(recipe: Recipe) -> str:
    """A recipe as JSON, equal for equal recipes."""
    return json.dumps(recipe.as_dict(), sort_keys=True)


def recipe_from(text: str) -> Recipe:
    """Inverse of :func:`recipe_text`."""
    from ..training.recipe import Recipe

    return Recipe(**json.loads(text))


@dataclass(frozen=True)
class Trial:
    """One training: an architecture on a task, under a recipe and a seed.

    Attributes:
        space: name of the search space.
        genotype: string form of the canonical genotype, so that a function class is trained once.
        task: the specification that opens the task.
        seed: of the initial weights and the order of the images.
        recipe: exactly what the trainer is given.
        task_hash: hash of the task's images, labels and splits; empty where it is not known.
    """

    space: str
    genotype: str
    task: str
    seed: int
    recipe: Recipe
    task_hash: str = ""

    @cached_property
    def id(self) -> str:
        """Equal for equal trainings; the same images under another name or path are the same task."""
        parts = [self.space, self.genotype, self.task_hash or self.task, self.seed, self.recipe.hash]
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()

    @cached_property
    def rows(self) -> int:
        """How many epochs are reported: the recipe's, or one per layer where it trains one layer at a time."""
        if not self.recipe.incremental:
            return self.recipe.epochs
        from ...bench.spaces import space

        chosen = space(self.space)
        return int(chosen.depth(chosen.from_string(self.genotype)))


class Claim(NamedTuple):
    """A worker's right to a trial. It ends when the trial is given to somebody else.

    Attributes:
        trial: what to train.
        number: row of the trial in its store.
        attempt: how often it has been claimed, this time included; tells this right from an earlier one.
    """

    trial: Trial
    number: int
    attempt: int


@dataclass(frozen=True)
class TaskFacts:
    """What the table of an export says of a task.

    Attributes:
        hash: of images, labels and splits.
        spec: what opened it; ``options`` are the other arguments, as JSON.
        train, validation, test: images in each split.
    """

    hash: str
    spec: str
    options: str
    name: str
    family: str
    classes: int
    train: int
    validation: int
    test: int
    source: str
    licence: str

    @classmethod
    def of(cls, task: ImageTask, spec: str, options: str = "{}") -> TaskFacts:
        """The facts of an opened task."""
        sizes = (len(task.train.labels), len(task.val.labels), len(task.test.labels))
        names = (task.name, task.family, len(task.classes))
        return cls(task.hash, spec, options, *names, *sizes, task.source, task.licence)
