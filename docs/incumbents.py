"""What a study's incumbents are worth: regret, normalised regret and test accuracy by optimizer, from the study's folder.

    warmnas study --benchmark nasbench201 --task all --optimizer warm gp --budget 20 --source-rows 200 --out runs/a
    python docs/incumbents.py nasbench201 runs/a --budget 5 20

Means over runs, then over tasks. Normalised regret is the regret as a share, in percent, of the distance from the median
candidate of the task to its best, so that tasks of different spread count alike; it is 100 for the median candidate.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from warmnas.bench import Table, open_benchmark


def figures(table: Table, trajectories: pd.DataFrame, budgets: list[int]) -> pd.DataFrame:
    """A row per optimizer and budget: means over runs and tasks of the three figures."""
    rows = []
    chosen = trajectories[trajectories["evaluation"].isin(budgets)]
    for task in map(str, chosen["task"].unique()):
        sign, best = table.metrics[task].sign, table.optimum(task)
        middle = float(np.nanmedian(table.values(task)))
        of_task = chosen[chosen["task"] == task].groupby(["optimizer", "evaluation"], observed=True)
        for (optimizer, budget), part in of_task:
            regret = float((sign * (best - part["incumbent_validation"])).mean())
            share = 100 * regret / (sign * (best - middle))
            rows.append((optimizer, budget, task, regret, share, float(part["incumbent_test"].mean())))
    columns = ["optimizer", "budget", "task", "regret", "normalised (%)", "test accuracy"]
    return pd.DataFrame(rows, columns=columns)


def main() -> None:
    """Print means over tasks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("benchmark")
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--budget", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--each", action="store_true", help="a row per task instead")
    options = parser.parse_args()
    table = open_benchmark(options.benchmark)
    read = [pd.read_parquet(folder / "trajectories.parquet") for folder in options.folder]
    found = pd.concat([figures(table, frame, options.budget) for frame in read])
    by = ["optimizer", "budget", *(["task"] if options.each else [])]
    print(found.groupby(by, observed=True).mean(numeric_only=True).round(2).to_string())


if __name__ == "__main__":
    main()
