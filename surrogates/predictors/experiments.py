"""Pooled experiments on chains of several tasks: TAPAS's lifelong database of experiments, and its filters by DCN."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, Genotypes, IntArray, SearchSpace, Split, Table, UnknownName, WarmnasError

NEAREST = 2  # tasks that are kept where a hard filter would leave fewer


@dataclass(frozen=True)
class Images:
    """What a chain's costs depend on: images (channels, height, width), classes, channels C, blocks per layer."""

    shape: tuple[int, int, int]
    classes: int
    width: int = 16
    cells: int = 1

    def numbers(self) -> tuple[int, ...]:
        """All as plain numbers."""
        return (*self.shape, self.classes, self.width, self.cells)

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Images:
        """Inverse of :meth:`numbers`."""
        channels, height, breadth, classes, width, cells = (int(n) for n in numbers)
        return cls((channels, height, breadth), classes, width, cells)


@dataclass(frozen=True)
class Experiments:
    """Chains that were trained layer by layer, a row per chain and task.

    Attributes:
        features: of every layer, (rows, layers, features).
        present: whether there is a layer, (rows, layers).
        accuracies: of every prefix, in percent of the way from chance to 100 %; NaN if not measured, (rows, layers).
        dcn: of the task, 0 at chance, 1 at 100 %, (rows,).
        task: its number, (rows,).
    """

    features: FloatArray
    present: npt.NDArray[np.bool_]
    accuracies: FloatArray
    dcn: FloatArray
    task: IntArray

    def __len__(self) -> int:
        return len(self.dcn)

    def rows(self, which: npt.NDArray[np.bool_]) -> Experiments:
        """Some of the rows."""
        return Experiments(**{name: array[which] for name, array in vars(self).items()})


def features_of(space: SearchSpace, genotypes: Genotypes, images: Images) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Features of the layers of chains (n, genes), (n, layers, features), and which layers there are, (n, layers)."""
    layers: Any = getattr(space, "layers")(genotypes, images.shape, images.classes, images.width, images.cells)  # noqa: B009
    return layers.features(), layers.present


def images_of(table: Table, task: str) -> Images:
    """Images and sizes of a task's networks, from what the table says of its recipe. Images count as coloured."""
    recipe = json.loads(table.data.attrs.get("recipe", "{}"))
    side = int(recipe.get("resolution", 32))
    classes = int(table.data["classes"].values[table.tasks.index(task)]) if "classes" in table.data.coords else 10
    return Images((3, side, side), classes, int(recipe.get("width", 16)), int(recipe.get("cells", 1)))


def dcn_of(table: Table, task: str) -> float:
    """The task's DCN; WarmnasError where the table has none."""
    if "dcn" not in table.data:
        raise WarmnasError(f"{table.name} has no dcn of its tasks; make it with warmnas metadata export --describe")
    return float(table.data["dcn"].values[table.tasks.index(task)])


def experiments_of(table: Table, tasks: Sequence[str], split: Split = Split.VAL) -> Experiments:
    """All chains of these tasks with an accuracy of at least one prefix, means over seeds."""
    if table.prefixes is None:
        raise WarmnasError(f"{table.name} holds no chains that were trained layer by layer")
    found = []
    for number, task in enumerate(tasks):
        table.resolve(task, split)
        images = images_of(table, task)
        chance = 100 / images.classes
        values = _prefixes(table, task, split)
        above = 100 * (values - chance) / (100 - chance)
        measured = ~np.isnan(values).all(axis=1)
        features, present = features_of(table.space, table.genotypes[measured], images)
        many = len(features)
        found.append((features, present, above[measured], np.full(many, dcn_of(table, task)), np.full(many, number)))
    if not found:
        raise WarmnasError("no task to learn from is left; name a target whose family is not the only one")
    return Experiments(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _prefixes(table: Table, task: str, split: Split) -> FloatArray:
    """Accuracy of every prefix in percent, (architectures, layers), NaN behind the last layer or if not measured."""
    array = table.data[split.variable][table.tasks.index(task)].transpose("architecture", "epoch", ...)
    array = array.reindex(epoch=np.arange(1, len(table.space.genes) + 1))
    if "seed" in array.dims:
        array = array.mean("seed")  # of those that are there
    values: FloatArray = np.asarray(array.values, dtype=np.float64)
    return values


def pooled(table: Table, target: str) -> tuple[Experiments, float, Images]:
    """What TAP may know for a target: experiments of the tasks of other families, and the target's DCN and images."""
    if target not in table.tasks:
        raise UnknownName(f"task of {table.name}", target, table.tasks)
    others = [task for task in table.tasks if table.family(task) != table.family(target)]
    return experiments_of(table, others), dcn_of(table, target), images_of(table, target)


def far_weights(experiments: Experiments, dcn: float, prefilter: str, tau: float) -> FloatArray:
    """Weight of every row for a target of that DCN: (rows,).

    ``hard``: 1 where the DCN differs by ``tau`` at most, else 0; the NEAREST tasks are kept in any case. ``soft``:
    exp(-d^2 / (2 tau^2)) of the difference d, relative to that of the nearest task. ``none``: 1.
    """
    distance = np.abs(experiments.dcn - dcn)
    if prefilter == "none":
        return np.ones(len(experiments))
    if prefilter == "soft":
        nearest = distance.min(initial=np.inf)
        weights: FloatArray = np.exp((nearest**2 - distance**2) / (2 * tau**2))
        return weights
    by_task = {task: float(distance[experiments.task == task][0]) for task in np.unique(experiments.task).tolist()}
    near = sorted(by_task, key=lambda task: by_task[task])[:NEAREST]
    return ((distance <= tau) | np.isin(experiments.task, near)).astype(np.float64)
