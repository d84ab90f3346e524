"""Whether transfer did harm: an optimizer with sources against the better of a GP and itself without sources.

    python docs/no_harm.py nasbench201 runs/with runs/without

``with`` and ``without`` are folders of studies of the same tasks, seeds and runs: ``--optimizer warm gp``, and
``--optimizer warm --sources none``. For every task and budget: mean regrets, and the upper one-sided 95 % bound of the mean
paired difference to the rival with the smaller mean regret. A cell passes at LIMIT or below.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from warmnas.bench import FloatArray, Table, open_benchmark

BUDGETS = (5, 10, 20, 40, 60)
LIMIT = 0.2  # points
ONE_SIDED = 1.6449  # standard errors


def regrets(folder: Path, table: Table, task: str, optimizer: str) -> FloatArray:
    """Regret of the incumbent after every evaluation: (runs, evaluations)."""
    frame = pd.read_parquet(folder / "trajectories.parquet")
    frame = frame[(frame["task"] == task) & (frame["optimizer"] == optimizer)]
    values = frame.pivot(index="run", columns="evaluation", values="incumbent_validation").sort_index(axis=1)
    found: FloatArray = table.metrics[task].sign * (table.optimum(task) - values.to_numpy())
    return found


def main(benchmark: str, transfer: Path, alone: Path) -> None:
    """Print a line per task."""
    table, passed, cells = open_benchmark(benchmark), 0, 0
    tasks = pd.read_parquet(transfer / "trajectories.parquet", columns=["task"])["task"].unique()
    for task in tasks:
        warm, gp = (regrets(transfer, table, task, name) for name in ("warm", "gp"))
        none = regrets(alone, table, task, "warm")
        parts = []
        for budget in BUDGETS:
            own, *rivals = (values[:, budget - 1] for values in (warm, gp, none))
            difference = own - min(rivals, key=np.mean)
            upper = difference.mean() + ONE_SIDED * difference.std(ddof=1) / len(difference) ** 0.5
            passed, cells = passed + (upper <= LIMIT), cells + 1
            parts.append(f"{budget}: {own.mean():.2f} {rivals[0].mean():.2f} {rivals[1].mean():.2f} {upper:+.2f}")
        print(f"{task:16}{len(warm)} runs  " + "  ".join(parts))
    print(f"{passed} of {cells} cells at most {LIMIT}; each is warm, gp, warm without sources, upper bound")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
