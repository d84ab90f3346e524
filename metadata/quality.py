"""What a table of trainings is worth: spread of the architectures, noise of the seeds, tasks that are saturated or noise.

The noise of a task is the deviation of one training from the mean over seeds, pooled over the architectures that were
trained with several; it holds the luck of the seed, and none of the luck of which images were validated on. The *ceiling*
is the rank correlation that a perfect predictor of an architecture's expected accuracy would reach against one training
of each: sqrt(rho), where rho is Spearman's correlation between two seeds (Spearman 1904, "attenuation"; exact for
Pearson's under independent errors).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bench import FloatArray, Split, Table

SATURATED = 2.0  # points: less than this between the median and the best, and good architectures cannot be told apart
NOISY = 0.5  # rank correlation between two seeds below which a task is mostly noise
ENOUGH = 20  # architectures, below which a task is not judged
FEWEST = 8  # architectures with several seeds, below which nothing is said of noise
Order = npt.NDArray[Any]


@dataclass(frozen=True)
class TaskQuality:
    """One task of a table, on validation at the end of training, in percent; NaN where there is too little to say.

    Attributes:
        task: its name.
        architectures: how many were measured; ``repeated``: with two seeds or more.
        lowest, median, highest: over architectures (mean over seeds).
        spread: standard deviation between architectures; ``upper_spread``: between those of the better half.
        noise: standard deviation of one training around its architecture's expectation.
        seeds: Spearman between two seeds, over the repeated ones, mean over pairs of seeds.
    """

    task: str
    architectures: int
    repeated: int
    lowest: float
    median: float
    highest: float
    spread: float
    upper_spread: float
    noise: float
    seeds: float

    @property
    def ceiling(self) -> float:
        """Rank correlation of a perfect predictor with one training of each architecture."""
        return float(np.sqrt(max(self.seeds, 0.0)))

    @property
    def verdict(self) -> str:
        """``saturated``, ``noise``, both, or nothing; ``too few`` where too little was measured to say."""
        if self.architectures < ENOUGH:
            return "too few"
        words = ["saturated"] if self.highest - self.median < SATURATED else []
        return " and ".join([*words, "noise"] if self.seeds < NOISY else words)


def quality(table: Table, split: Split | str = Split.VAL) -> list[TaskQuality]:
    """Every task of the table that has the split."""
    return [_task(task, table.seed_values(task, split)) for task in table.tasks if table.has(task, split)]


def _task(task: str, values: FloatArray) -> TaskQuality:
    values = values[~np.isnan(values).all(axis=1)]
    counts = (~np.isnan(values)).sum(axis=1)
    means = np.nanmean(values, axis=1)
    repeated = values[counts > 1]
    noise = seeds = np.nan
    if len(repeated) >= FEWEST:
        within = np.nanvar(repeated, axis=1) * counts[counts > 1]
        noise = float(np.sqrt(within.sum() / (counts[counts > 1] - 1).sum()))
        pairs = [(repeated[:, i], repeated[:, j]) for i, j in combinations(range(values.shape[1]), 2)]
        found = [spearman(a, b) for a, b in pairs if (~np.isnan(a + b)).sum() >= FEWEST]
        seeds = float(np.mean(found)) if found else np.nan
    upper = means[means >= np.median(means)]
    numbers = (means.min(), np.median(means), means.max(), means.std(), upper.std(), noise, seeds)
    return TaskQuality(task, len(means), len(repeated), *map(float, numbers))


def spearman(a: Order, b: Order) -> float:
    """Spearman's rank correlation over the places where both are there; NaN below three, or where one is constant."""
    from scipy.stats import rankdata

    both = ~np.isnan(np.asarray(a, dtype=float) + np.asarray(b, dtype=float))
    if both.sum() < 3:
        return float("nan")
    x, y = (rankdata(values[both]) - (both.sum() + 1) / 2 for values in (np.asarray(a), np.asarray(b)))
    size = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / size) if size else float("nan")


def between_tasks(table: Table, split: Split | str = Split.VAL) -> FloatArray:
    """Spearman between the tasks' means over seeds, over the architectures measured on both: (task, task)."""
    values = [table.values(task, None, split) for task in table.tasks]
    return np.array([[spearman(a, b) for b in values] for a in values])


def with_another(table: Table, other: Table, task: str, target: str, split: Split | str = Split.VAL) -> tuple[float, int]:
    """Spearman of a task with a task of another table of the same space, and over how many architectures."""
    rows = other.rows(table.genotypes)
    known = np.where(rows >= 0, other.values(target, None, split)[np.maximum(rows, 0)], np.nan)
    mine = table.values(task, None, split)
    return spearman(mine, known), int((~np.isnan(mine + known)).sum())


def by_epoch(table: Table, task: str, split: Split | str = Split.VAL) -> FloatArray:
    """Spearman between the accuracy after each epoch and at the end of the same trainings, shape (epochs,)."""
    array = table.data[Split(split).variable][table.tasks.index(task)].transpose("architecture", "seed", "epoch").values
    runs = array.reshape(-1, array.shape[-1])
    return np.array([spearman(runs[:, epoch], runs[:, -1]) for epoch in range(runs.shape[1])])
