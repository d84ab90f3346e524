"""The trials of a plan: its tasks opened, its architectures drawn, all of it checked before anything is trained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...bench.errors import WarmnasError
from ...bench.spaces import Genotypes, SearchSpace, space
from .draw import OWN, Draw, architectures
from .plan import Opener, Plan
from .trial import TaskFacts, Trial

if TYPE_CHECKING:
    from ..tasks import ImageTask


@dataclass(frozen=True)
class Prepared:
    """A plan that can be trained.

    Attributes:
        trials: in the order in which they are done: architecture by architecture over all tasks, further seeds among them,
            so that at any time all tasks have been measured on nearly the same architectures, and what is done is a fair
            part of the plan.
        tasks: by their hash.
        facts: of the tasks, for the tables.
    """

    trials: tuple[Trial, ...]
    tasks: Mapping[str, ImageTask]
    facts: tuple[TaskFacts, ...]

    @property
    def id(self) -> str:
        """Equal for plans of the same trials."""
        ids = "".join(sorted(trial.id for trial in self.trials))
        return hashlib.blake2b(ids.encode(), digest_size=8).hexdigest()


def prepare(plan: Plan, opener: Opener | None = None) -> Prepared:
    """Open every task and draw every architecture.

    Args:
        plan: as read.
        opener: opens a task, ``warmnas.metadata.tasks.open_task`` if left out.

    Raises:
        WarmnasError: where a task is unknown or unreadable, or an architecture is none of the space.
    """
    own_images = opener is None
    if opener is None:
        from ..tasks import open_task

        opener = open_task
    chosen = space(plan.space)
    common, own = _architectures(plan, chosen)
    opened: dict[str, ImageTask] = {}
    facts, rows = [], []
    for place, choice in enumerate(plan.tasks):
        task = choice.open(plan.recipe, opener)
        if task.hash in opened:
            raise WarmnasError(f"plan {plan.name}: tasks[{place}] '{choice.task}' has the images of an earlier task")
        opened[task.hash] = task
        facts.append(TaskFacts.of(task, choice.task, json.dumps(choice.options, sort_keys=True)))
        recipe = plan.recipe if choice.train_size is None else replace(plan.recipe, train_size=choice.train_size)
        for rank, genotype in enumerate([*common, *own[place]]):
            extra = plan.extra_seeds.seeds if rank < min(plan.extra_seeds.architectures, len(common)) else 1
            name = chosen.to_string(genotype)
            for seed in range(max(plan.seeds, extra)):
                trial = Trial(plan.space, name, choice.task, seed, recipe, task.hash)
                with_seed = len(common) + len(own[place]) if seed < plan.seeds else plan.extra_seeds.architectures
                rows.append((rank / with_seed, seed, place, trial))
    rows.sort(key=lambda row: row[:3])
    prepared = Prepared(tuple(row[3] for row in rows), opened, tuple(facts))
    if own_images:
        _try_to_build(prepared)
    return prepared


def _architectures(plan: Plan, chosen: SearchSpace) -> tuple[Genotypes, list[Genotypes]]:
    """Canonical genotypes common to all tasks, shape (n, genes), and those of each task."""
    wanted = plan.architectures
    try:
        named = [chosen.canonical(chosen.from_string(name)[None])[0] for name in wanted.names]
        listed = np.array(named, dtype=np.int8).reshape(len(named), len(chosen.genes))
        listed = listed[np.sort(np.unique(chosen.index(listed), return_index=True)[1])]
        draw = Draw(wanted.uniform, wanted.upper_half)
        common = np.concatenate([listed, architectures(chosen, draw, wanted.seed, listed)])
        more = wanted.per_task
        own = [
            architectures(chosen, more, wanted.seed, common, OWN, place) if more != Draw() else common[:0]
            for place in range(len(plan.tasks))
        ]
        if plan.recipe.incremental:
            chosen.depth(common[:0])  # whether it has prefixes to train
    except WarmnasError as error:
        raise WarmnasError(f"plan {plan.name}: architectures: {error}") from error
    return common, own


def _try_to_build(prepared: Prepared) -> None:
    """WarmnasError where the space has no network for images like these."""
    for key, task in prepared.tasks.items():
        trial = next(trial for trial in prepared.trials if trial.task_hash == key)
        chosen, recipe = space(trial.space), trial.recipe
        _, height, width, channels = task.train.images.shape
        size = {"width": recipe.width, "cells": recipe.cells}
        chosen.build(chosen.from_string(trial.genotype), (channels, height, width), len(task.classes), **size)
