"""How good the very first proposal on a new task is, before anything is trained on it: its percentile among the candidates.

    python docs/first_proposal.py images-v1
    python docs/first_proposal.py images-v1 --also nasbench201
    python docs/first_proposal.py images-v1 --optimizer warm "rapidnas[loss=rank]" --task flowers17

The target's family is left out of the sources, whose rows are all known; ``--also`` adds tables whose tasks of other
families are sources too, as they are in a search on somebody's images. Percentile: share of the task's other candidates
that end below the proposal, half of the equal ones included; 50 is chance. `noise ceiling`: the percentile of the
candidate that looks best in one more training of all of them on the target, with the spread between seeds in the table.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from warmnas.bench import FloatArray, Split, Table, WarmnasError, open_benchmark
from warmnas.search import Protocol, SourceTask, make_optimizer, make_problem
from warmnas.search.live.problem import table_sources

DRAWS = 4000  # of noise, for the ceiling
RESAMPLES = 2000


def percentiles(values: FloatArray) -> FloatArray:
    """Percentile of each of some values among the others: (n,)."""
    below = (values[:, None] > values).sum(axis=1) + 0.5 * ((values[:, None] == values).sum(axis=1) - 1)
    return np.asarray(100 * below / (len(values) - 1))


def noise(table: Table, task: str) -> float:
    """Standard deviation between seeds of an architecture on a task, pooled; NaN where none has two."""
    cells = table.data["val_accuracy"][table.tasks.index(task)]
    last = cells.isel(epoch=-1) if "epoch" in cells.dims else cells
    block = last.transpose("architecture", "seed").values.astype(float)
    several = np.isfinite(block).sum(axis=1) > 1
    degrees = np.isfinite(block[several]).sum() - several.sum()
    return float(np.sqrt(np.nansum(np.nanvar(block[several], axis=1) * np.isfinite(block[several]).sum(axis=1)) / degrees))


def ceiling(values: FloatArray, spread: float) -> float:
    """Mean percentile of the candidate that is best by values with noise."""
    rng = np.random.default_rng(0)
    seen = values + rng.normal(scale=spread, size=(DRAWS, len(values)))
    return float(percentiles(values)[seen.argmax(axis=1)].mean())


def first(table: Table, task: str, name: str, runs: int, also: Sequence[Table] = ()) -> float:
    """Mean percentile of the first proposal over runs; NaN, and a line that says why, where the method does not fit."""
    protocol = Protocol((task,), 1, runs, seed=1000, source_rows=None, leave_out="family")
    try:
        problem = make_problem(table, task, protocol)
        if also:
            more = table_sources([table, *also], table.space, table.family(task), "-" * 32)
            problem = replace(problem, sources=tuple(broadcast(one, runs) for one in more), described=())
        proposed = make_optimizer(name, problem).ask(1)[:, 0]
    except WarmnasError as error:
        print(f"{task}, {name}: {error}")
        return float("nan")
    values = table.metrics[task].sign * table.values(task, problem.candidates.table_rows)
    return float(percentiles(values)[problem.candidates.rows(proposed)].mean())


def broadcast(source: SourceTask, runs: int) -> SourceTask:
    """A source of one run for several."""
    genotypes = np.broadcast_to(source.genotypes, (runs, *source.genotypes.shape[1:]))
    return replace(source, genotypes=genotypes, values=np.broadcast_to(source.values, (runs, *source.values.shape[1:])))


def interval(values: FloatArray) -> str:
    """Mean and 95 % interval of a bootstrap over tasks."""
    there = values[~np.isnan(values)]
    if not len(there):
        return "-"
    draws = there[np.random.default_rng(0).integers(len(there), size=(RESAMPLES, len(there)))].mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{there.mean():.1f} ({low:.1f} to {high:.1f})"


def main() -> None:
    """Print a row per method and a column per task."""
    parser = argparse.ArgumentParser()
    parser.add_argument("benchmark")
    parser.add_argument("--task", nargs="*")
    parser.add_argument("--optimizer", nargs="*", default=["warm", "source-ranking", "live-params", "random"])
    parser.add_argument("--also", nargs="*", default=[], help="benchmarks of the same space as more sources")
    parser.add_argument("--runs", type=int, default=30)
    options = parser.parse_args()
    table = open_benchmark(options.benchmark)
    also = [open_benchmark(name) for name in options.also]
    tasks = [task for task in options.task or table.tasks if table.has(task, Split.VAL)]
    rows = {name: np.array([first(table, task, name, options.runs, also) for task in tasks]) for name in options.optimizer}
    truth = {task: table.values(task, table.candidates(task).table_rows) for task in tasks}
    rows["noise ceiling"] = np.array([ceiling(truth[task], noise(table, task)) for task in tasks])
    print(f"{table.name}, {table.hash}: candidates {', '.join(f'{task} {len(v)}' for task, v in truth.items())}")
    for name, found in rows.items():
        print(f"{name:24}{interval(found):24}" + " ".join(f"{value:5.0f}" for value in found))


if __name__ == "__main__":
    main()
