"""The figures of docs/reproduction.md on RapidNAS: the first training, the choice on validation, the best test.

``python docs/reproduction_rapidnas.py TABLE STUDY...``: TABLE has test values, each STUDY is a folder of ``warmnas study``
over it. The last column chooses by test accuracy, as the published figures do; nobody could.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from warmnas.bench import FloatArray, Split, Table


def figures(study: Path, table: Table) -> list[tuple[str, str, FloatArray]]:
    """(task, optimizer, test accuracy (runs, 3)): after one training, as chosen on validation, the best of all."""
    frame = pd.read_parquet(study / "trajectories.parquet").sort_values(["run", "evaluation"])
    found = []
    for (task, optimizer), part in frame.groupby(["task", "optimizer"], observed=True, sort=False):
        rows = []
        for _, run in part.groupby("run"):
            trained = np.array([table.row(name) for name in run["architecture"]])
            test = table.values(str(task), trained, Split.TEST)
            rows.append([test[0], test[int(run["observed"].to_numpy().argmax())], np.nanmax(test)])
        found.append((str(task), str(optimizer), np.array(rows)))
    return found


def main(table: Path, studies: list[Path]) -> None:
    """Print a line per task and optimizer: means ± standard deviations over runs."""
    opened = Table.open(table)
    print("| task | optimizer | first training | chosen on validation | best test among them |\n|---|---|---|---|---|")
    for study in studies:
        for task, optimizer, test in figures(study, opened):
            sd = test.std(axis=0, ddof=1)
            cells = [f"{mean:.2f} ± {spread:.2f}" for mean, spread in zip(test.mean(axis=0), sd, strict=True)]
            print(f"| {task} | `{optimizer}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
