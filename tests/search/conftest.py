"""What several tests of the search need: the embedded tables, small ones, and variants of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from warmnas.bench import FloatArray, IntArray, Table, open_benchmark
from warmnas.search import Problem, make_optimizer

sys.path.insert(0, str(Path(__file__).parent))  # spawned workers get this path too, and so find live_standins

Vary = Callable[..., Table]
Drive = Callable[..., IntArray]


@pytest.fixture(scope="session")
def cells() -> Table:
    return open_benchmark("nasbench201")


@pytest.fixture(scope="session")
def graphs() -> Table:
    return open_benchmark("nasbench-graph")


def vary(table: Table, *, rows: IntArray | None = None, direction: str = "maximize", **variables: FloatArray) -> Table:
    """The table with some of its rows only, other numbers in some variables, or a metric of another direction."""
    data = table.data if rows is None else table.data.isel(architecture=rows)
    data = data.assign({name: data[name].copy(data=values) for name, values in variables.items()})
    metrics = json.loads(data.attrs["metrics"])
    data.attrs["metrics"] = json.dumps({task: {**m, "direction": direction} for task, m in metrics.items()})
    data.attrs.pop("hash", None)
    return Table(data)


@pytest.fixture(scope="session", name="vary")
def vary_fixture() -> Vary:
    return vary


def embedded(table: Table) -> Table:
    """The table with a made-up embedding of each task's images."""
    numbers = np.random.default_rng(7).normal(size=(len(table.tasks), 4))
    return Table(table.data.assign(embedding=(("task", "feature"), numbers)))


@pytest.fixture(scope="session")
def few_cells(cells: Table) -> Table:
    """300 cells of NAS-Bench-201: several seeds, training times, few neighbours."""
    return embedded(vary(cells, rows=np.sort(np.random.default_rng(5).choice(15_625, 300, replace=False))))


@pytest.fixture(scope="session")
def few_graphs(graphs: Table) -> Table:
    """300 architectures of NAS-Bench-Graph that proteins has too: validation and test on nine tasks, no seeds."""
    candidates = graphs.candidates("proteins").table_rows
    return embedded(vary(graphs, rows=np.sort(np.random.default_rng(6).choice(candidates, 300, replace=False))))


def drive(spec: str, problem: Problem, values: FloatArray, n: int = 1) -> IntArray:
    """Ask for ``n`` at a time and tell ``values`` (candidates,) or (runs, candidates): rows (runs, budget)."""
    optimizer = make_optimizer(spec, problem)
    values = np.broadcast_to(values, (problem.runs, len(problem.candidates)))
    found = []
    for _ in range(problem.budget // n):
        asked = optimizer.ask(n)
        assert asked.shape == (problem.runs, n, problem.candidates.genotypes.shape[1])
        rows = problem.candidates.rows(asked)
        told = np.take_along_axis(values, rows, axis=1)
        optimizer.tell(asked, told)
        np.testing.assert_array_equal(told, np.take_along_axis(values, rows, axis=1), err_msg="told values changed")
        found.append(rows)
    return np.concatenate(found, axis=1)


@pytest.fixture(scope="session", name="drive")
def drive_fixture() -> Drive:
    return drive


@pytest.fixture(scope="session")
def spec_of() -> Callable[[str], str]:
    """How the tests run an optimizer of that name: as it is, but with short trainings."""
    short = {
        "bananas": "bananas[initial=4,batch=3,epochs=2,layers=2]",
        "brp": "brp[epochs=2,width=8,layers=1]",
        "copula": "copula[steps=3]",
        "deep-kernel-gp": "deep-kernel-gp[pretrain=3,steps=1,width=8]",
        "nao": "nao[initial=4,steps=2]",
        "rapidnas": "rapidnas[steps=2,generate=20]",
        "rgpe": "rgpe[rows=40,samples=32]",
        "xfernas": "xfernas[pretrain=3,steps=2]",
    }
    return lambda name: short.get(name, name)
