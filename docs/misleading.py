"""What sources that mislead cost `warm`: its searches with permuted, sign-flipped and random source values, and with none.

    python docs/misleading.py nasbench201 --runs 200 --budget 60
    python docs/misleading.py nasbench-graph --task cora pubmed --runs 30 --kind permuted

Runs are paired: same seeds, same rows of the same sources, whose values are exchanged among the rows (permuted), multiplied
by -1 (flipped) or drawn from a normal distribution (random). Per task, kind and budget: mean regret with these sources and
without any, their mean difference, and its upper one-sided 95 % bound. The limit is .2 points at 20 and 60.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from warmnas.bench import FloatArray, Table, open_benchmark
from warmnas.search import Problem, Protocol, make_problem
from warmnas.search.run import run_optimizer

BUDGETS = (5, 10, 20, 40, 60)
ONE_SIDED = 1.6449  # standard errors
Change = Callable[[FloatArray, np.random.Generator], FloatArray]
KINDS: dict[str, Change] = {
    "true": lambda values, rng: values,
    "permuted": lambda values, rng: rng.permuted(values, axis=1),
    "flipped": lambda values, rng: -values,
    "random": lambda values, rng: rng.normal(size=values.shape),
}


def regrets(table: Table, task: str, problem: Problem, optimizer: str) -> FloatArray:
    """Regret of the incumbent after every evaluation: (runs, budget)."""
    values = table.metrics[task].sign * table.values(task)
    rows = run_optimizer(table, task, optimizer, problem, "mean").rows
    found: FloatArray = np.nanmax(values) - np.maximum.accumulate(values[rows], axis=1)
    return found


def changed(problem: Problem, kind: str) -> Problem:
    """The problem with other values of its sources."""
    rng = np.random.default_rng(0)
    return replace(problem, sources=tuple(replace(s, values=KINDS[kind](s.values, rng)) for s in problem.sources))


def paired(own: FloatArray, alone: FloatArray) -> str:
    """Both means, the mean difference and its upper bound."""
    difference = own - alone
    upper = difference.mean() + ONE_SIDED * difference.std(ddof=1) / len(difference) ** 0.5
    return f"{own.mean():.2f} {alone.mean():.2f} {difference.mean():+.2f} {upper:+.2f}"


def main() -> None:
    """Print a line per task and kind."""
    parser = argparse.ArgumentParser()
    parser.add_argument("benchmark")
    parser.add_argument("--task", nargs="*")
    parser.add_argument("--kind", nargs="*", default=["permuted", "flipped", "random"], choices=list(KINDS))
    parser.add_argument("--optimizer", default="warm")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--budget", type=int, default=60)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1000)
    options = parser.parse_args()
    table = open_benchmark(options.benchmark)
    shown = [n for n in BUDGETS if n <= options.budget]
    for task in options.task or table.tasks:
        protocol = Protocol((task,), options.budget, options.runs, seed=options.seed, source_rows=options.rows)
        problem = make_problem(table, task, protocol)
        alone = regrets(table, task, replace(problem, sources=()), options.optimizer)
        for kind in options.kind:
            own = regrets(table, task, changed(problem, kind), options.optimizer)
            parts = [f"{n}: {paired(own[:, n - 1], alone[:, n - 1])}" for n in shown]
            print(f"{task:16}{kind:10}{len(own)} runs  " + "  ".join(parts), flush=True)


if __name__ == "__main__":
    main()
