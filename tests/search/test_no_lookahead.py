"""No decision looks ahead: noise in the place of everything that comes after it changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from warmnas.bench import IntArray, Table
from warmnas.search import Protocol, make_problem, optimizers, run_optimizer

Vary = Callable[..., Table]
SpecOf = Callable[[str], str]
everywhere = [name for name in optimizers if name != "tapas"]  # that one is for chains alone: test_opt_tapas.py
every_optimizer = pytest.mark.parametrize("name", everywhere)
BUDGET = 8
# Those whose trainings take too long for the last test; their own tests show that they listen.
TRAINED = {"bananas", "brp", "copula", "deep-kernel-gp", "nao", "xfernas"}


def proposals(table: Table, task: str, spec: str, protocol: Protocol) -> IntArray:
    problem = make_problem(table, task, protocol)
    return run_optimizer(table, task, spec, problem, protocol.observe).rows


@every_optimizer
@pytest.mark.parametrize("seen", [1, 6])
def test_unseen_values_do_not_matter(name: str, seen: int, few_graphs: Table, vary: Vary, spec_of: SpecOf) -> None:
    protocol = Protocol(("cora",), BUDGET, 1, seed=3, sources="citeseer,cs", source_rows=50)
    before = proposals(few_graphs, "cora", spec_of(name), protocol)
    rng = np.random.default_rng(0)
    noise = {v: few_graphs.data[v].values.copy() for v in ("val_accuracy", "test_accuracy", "latency")}
    task = few_graphs.tasks.index("cora")
    told = before[0, :seen]
    for variable, values in noise.items():
        values[task] = rng.uniform(0, 100, values[task].shape)
        if variable == "val_accuracy":
            values[task, told] = few_graphs.values("cora")[told]
    after = proposals(vary(few_graphs, **noise), "cora", spec_of(name), protocol)
    np.testing.assert_array_equal(after[:, : seen + 1], before[:, : seen + 1])


@every_optimizer
def test_unseen_seeds_and_training_times_do_not_matter(name: str, few_cells: Table, vary: Vary, spec_of: SpecOf) -> None:
    seen = 6
    protocol = Protocol(("cifar100",), BUDGET, 1, seed=4, observe="seed", source_rows=50)
    before = proposals(few_cells, "cifar100", spec_of(name), protocol)
    rng = np.random.default_rng(1)
    task = few_cells.tasks.index("cifar100")
    accuracy, seconds = (few_cells.data[v].values.copy() for v in ("val_accuracy", "train_seconds"))
    noise = np.where(np.isnan(accuracy[task]), np.nan, rng.uniform(0, 100, accuracy[task].shape))
    told = before[0, :seen]
    noise[told] = accuracy[task, told]
    accuracy[task], seconds[task] = noise, rng.uniform(1, 2, seconds[task].shape)
    varied = vary(few_cells, val_accuracy=accuracy, train_seconds=seconds)
    after = proposals(varied, "cifar100", spec_of(name), protocol)
    np.testing.assert_array_equal(after[:, : seen + 1], before[:, : seen + 1])


@every_optimizer
def test_test_values_change_no_decision(name: str, few_graphs: Table, vary: Vary, spec_of: SpecOf) -> None:
    protocol = Protocol(("photo",), BUDGET, 2, seed=5, sources="citeseer,cs", source_rows=50)
    values = few_graphs.data["test_accuracy"].values
    varied = vary(few_graphs, test_accuracy=np.random.default_rng(2).uniform(0, 100, values.shape))
    before, after = (proposals(table, "photo", spec_of(name), protocol) for table in (few_graphs, varied))
    np.testing.assert_array_equal(after, before)


def test_what_was_told_does_matter_to_those_that_learn(few_graphs: Table, vary: Vary, spec_of: SpecOf) -> None:
    """Otherwise the tests above would hold for optimizers that listen to nobody."""
    protocol = Protocol(("cora",), 40, 2, seed=3, sources="none")
    values = few_graphs.data["val_accuracy"].values
    varied = vary(few_graphs, val_accuracy=100.0 - values)
    blind = {
        name
        for name, spec in {name: spec_of(name) for name in everywhere}.items()
        if name not in TRAINED
        and (proposals(few_graphs, "cora", spec, protocol) == proposals(varied, "cora", spec, protocol)).all()
    }
    assert blind == {"random", "source-ranking", "live-params", "rapidnas"}
