"""The figures of docs/reproduction.md: what searches by a 12-epoch signal found, judged at 200 epochs on every task.

``python docs/reproduction.py TABLE STUDY...``: TABLE is the imported table, each STUDY a folder of ``warmnas study``.
Prints mean and standard deviation over runs, and beside them a plain loop with the settings of the reference run
(AutoDL-Projects, ``exps/NAS-Bench-201-algos/R_EA.py``), which shares no code with warmnas but the table.
"""

from __future__ import annotations

import random
import sys
from collections import deque
from pathlib import Path

import numpy as np
import pandas as pd

from warmnas.bench import FloatArray, IntArray, Split, Table

TASKS = ("cifar10-valid", "cifar100", "ImageNet16-120")
SECONDS, POPULATION, SAMPLE, RUNS = 12_000, 10, 3, 500
NODES = ((0,), (1, 2), (3, 4, 5))  # edges into each node: the reference draws a node first, then one of its edges


def last_incumbents(study: Path, table: Table) -> dict[tuple[str, str], IntArray]:
    """Table row that each run of each (task, optimizer) of a study ended with: the best observed, the earlier in a tie."""
    frame = pd.read_parquet(study / "trajectories.parquet")
    found = {}
    for (task, optimizer), part in frame.groupby(["task", "optimizer"], observed=True, sort=False):
        best = part.sort_values("evaluation").loc[lambda p: p.groupby("run")["observed"].idxmax()]
        found[str(task), str(optimizer)] = np.array([table.row(name) for name in best["architecture"]])
    return found


def reference_run(signal: FloatArray, seconds: FloatArray, rng: random.Random) -> tuple[int, int]:
    """The reference loop, repeats included: the row with the best signal, and how many trainings it made.

    Its first population is drawn with repetition and is not checked against the time, as in the reference.
    """

    def place(cell: list[int]) -> int:
        return int("".join(map(str, cell)), 5)

    population: deque[tuple[float, list[int]]] = deque()
    history, spent = [], 0.0
    for _ in range(POPULATION):
        cell = [rng.randrange(5) for _ in range(6)]
        population.append((float(signal[place(cell)]), cell))
        history.append(population[-1])
        spent += seconds[place(cell)]
    while spent < SECONDS:
        parent = max((rng.choice(population) for _ in range(SAMPLE)), key=lambda member: member[0])[1]
        child, edge = list(parent), rng.choice(rng.choice(NODES))
        child[edge] = rng.choice([op for op in range(5) if op != parent[edge]])
        if spent + seconds[place(child)] > SECONDS:
            break
        spent += seconds[place(child)]
        population.append((float(signal[place(child)]), child))
        population.popleft()
        history.append(population[-1])
    return place(max(history, key=lambda member: member[0])[1]), len(history)


def reference(table: Table, task: str) -> tuple[IntArray, float]:
    """Rows that the plain loop ends with over RUNS runs, and its mean number of trainings."""
    by_index = np.argsort(table.space.index(table.genotypes))  # table row of the cell with that index
    times = table.training_seconds(task, 12)
    assert times is not None
    signal, seconds = table.schedule_values(task, 12)[by_index], times[by_index]
    ends = [reference_run(signal, seconds, random.Random(run)) for run in range(RUNS)]
    return by_index[[row for row, _ in ends]], float(np.mean([made for _, made in ends]))


def line(table: Table, name: str, rows: IntArray) -> str:
    """A row of the document: test at 200 epochs of the same architectures on every task, mean ± sd over runs."""
    tests = [table.values(task, rows, Split.TEST) for task in TASKS]
    return f"| {name} | {len(rows)} | " + " | ".join(f"{t.mean():.2f} ± {t.std(ddof=1):.2f}" for t in tests) + " |"


def main() -> None:
    """Print the rows."""
    table = Table.open(sys.argv[1])
    print("| search | runs | " + " | ".join(TASKS) + " |\n|---|---|---|---|---|")
    for study in map(Path, sys.argv[2:]):
        for (task, optimizer), rows in last_incumbents(study, table).items():
            print(line(table, f"{optimizer} on {task}", rows))
    for task in TASKS[:2]:
        rows, made = reference(table, task)
        print(line(table, f"plain reference loop on {task}, {made:.1f} trainings", rows))


if __name__ == "__main__":
    main()
