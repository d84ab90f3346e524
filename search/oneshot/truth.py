"""The truth that a supernet is set against: stand-alone trainings of a table, on the same images, of the same size."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...bench import FloatArray, Genotypes, IntArray, SearchSpace, Split, Table, UnknownName, WarmnasError, open_benchmark
from ...metadata.tasks import open_task
from ...metadata.training import Recipe
from ...transfer.source_ranking import mean_source_rank
from ..sources import source_tasks
from .state import Settings

if TYPE_CHECKING:
    from ...metadata.tasks.task import ImageTask

SEEDS = 3  # trainings of a found cell that the table does not have
MOST = 256  # function classes that a supernet is asked about


@dataclass(frozen=True)
class Truth:
    """One task of a table.

    Attributes:
        table: with the accuracies.
        name: the table's task.
        task: the images, opened as the table's trainings saw them where it has a recipe.
        recipe: of those trainings; None where the table does not say.
        same_images: whether the images' hash is that of the table; None where it does not say.
    """

    table: Table
    name: str
    task: ImageTask
    recipe: Recipe | None
    same_images: bool | None

    @cached_property
    def _classes(self) -> tuple[Genotypes, FloatArray]:
        rows = self.table.candidates(self.name).table_rows
        genotypes, values = self.table.genotypes[rows], self.table.values(self.name, rows)
        _, first, place = np.unique(self.table.space.class_keys(genotypes), return_index=True, return_inverse=True)
        means = np.bincount(place.reshape(-1), weights=values) / np.bincount(place.reshape(-1))
        return genotypes[first], means * self.table.metrics[self.name].sign

    def sample(self, rng: np.random.Generator, most: int = MOST) -> tuple[Genotypes, FloatArray]:
        """Function classes of the table, at most so many, drawn uniformly: one genotype of each, and mean values."""
        genotypes, values = self._classes
        some = np.sort(rng.permutation(len(values))[:most])
        return genotypes[some], values[some]

    def source_scores(self, genotypes: Genotypes) -> FloatArray | None:
        """Minus the mean rank on tasks of other families; None where there are none, NaN where none measured it."""
        names = source_tasks(self.table, self.name, "all", "family")
        rows = self.table.rows(genotypes)
        place = np.full(len(self.table.names), -1)
        place[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
        known = []
        for name in names:
            measured: IntArray = self.table.candidates(name).table_rows
            values = self.table.values(name, measured) * self.table.metrics[name].sign
            known.append((place[measured][None], np.ascontiguousarray(values)[None]))
        return -mean_source_rank(known, (1, len(genotypes)))[0] if known else None

    def seconds(self) -> float | None:
        """Mean time of one stand-alone training on this task; None where the table has no times."""
        if "train_seconds" not in self.table.data:
            return None
        times = self.table.data["train_seconds"].isel(task=self.table.tasks.index(self.name))
        if "epoch" in times.dims:
            times = times.sum("epoch", skipna=True, min_count=1)
        mean = float(np.nanmean(times.values))
        return mean if np.isfinite(mean) and mean > 0 else None

    def value(self, genotype: Genotypes) -> float | None:
        """Accuracy of a cell, trained here with the table's recipe where the table has it not; None without a recipe."""
        row = int(self.table.rows(genotype[None])[0])
        if row >= 0 and np.isfinite(known := float(self.table.values(self.name)[row])):
            return known * self.table.metrics[self.name].sign
        if self.recipe is None:
            return None
        from ...metadata.training import train

        found: list[float] = []
        for seed in range(SEEDS):
            epochs: list[Any] = []
            train(self.table.space, genotype, self.task, self.recipe, seed, report=epochs.append)
            found.append(epochs[-1].val_accuracy)
        return float(np.mean(found))


def truth_of(
    name: str, data: str, space: SearchSpace, settings: Settings, resolution: int, task: str | None = None
) -> tuple[Truth, Settings]:
    """The truth of a table, and the settings with the size of its networks.

    Args:
        name: of a benchmark, or a table file.
        data: the images; a task of the table is opened as the table says.
        space: of the search.
        settings: of the search.
        resolution: side of the images where the table has no recipe.
        task: of the table; None: the one called ``data``.

    Raises:
        WarmnasError: where the table is of another space or has no such task.
    """
    table = Table.open(name) if Path(name).is_file() else open_benchmark(name)
    if table.space.name != space.name:
        raise WarmnasError(f"--table {name}: it is of {table.space.name}, and the search is in {space.name}; name another")
    chosen = task or data
    if chosen not in table.tasks:
        raise UnknownName(f"task of {table.name} to validate on", chosen, table.tasks)
    table.resolve(chosen, Split.VAL)
    known = json.loads(table.data.attrs.get("recipe", "null"))
    if known is None:
        return Truth(table, chosen, open_task(data, resolution=resolution), None, None), settings
    recipe = Recipe(**known)
    size = json.loads(table.data.attrs.get("sizes", "{}")).get(chosen, {}).get("train")
    opened = open_task(data, resolution=recipe.resolution, train_size=size)
    same = table.resolve(chosen, Split.VAL).startswith(opened.hash[:12])
    return Truth(table, chosen, opened, recipe, same), replace(settings, width=recipe.width, cells=recipe.cells)
