"""A stranger's CSV as a benchmark, with warm start between its tasks, in two steps. ``python examples/own_csv.py``

On the command line: ``warmnas bench import results.csv --format csv --out results.h5`` and
``warmnas study --benchmark results.h5 --task all --optimizer random source-ranking gp --budget 20 --runs 20 --out study``.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from warmnas.bench.readers import import_file
from warmnas.search import Protocol, study

rng = np.random.default_rng(0)
rows = []
for architecture in (f"kernel={k};depth={d};width={w}" for k in (3, 5, 7) for d in (2, 4, 8) for w in (16, 32, 64)):
    kernel, depth, width = (int(part.split("=")[1]) for part in architecture.split(";"))
    for task, slope in (("leaves", 1.0), ("birds", 0.8), ("stones", 0.2)):
        value = 60 + slope * (2 * np.log2(width) + depth) + kernel % 5 + rng.normal(0, 0.5)
        rows.append({"architecture": architecture, "task": task, "val_accuracy": value})

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "results.csv"
    pd.DataFrame(rows).to_csv(file, index=False)
    table = import_file(file, "csv").table
protocol = Protocol(table.tasks, budget=20, runs=20, source_rows=None)  # every run sees all rows of the other tasks
for outcome in study([table], ["random", "source-ranking", "gp"], protocol).outcomes:
    row = outcome.row()
    early, late = row["regret"]["5"], row["regret"]["20"]
    print(f"{row['task']:8} {row['optimizer']:15} regret after 5: {early:.2f}, after 20: {late:.2f}")
