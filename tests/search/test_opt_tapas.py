"""TAPAS as an optimizer of a study, on a part of the shipped chains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from warmnas.bench import IntArray, Table, WarmnasError, open_benchmark
from warmnas.search import Problem, Protocol, make_optimizer, make_problem, run_optimizer, study

Drive = Callable[..., IntArray]
TASK, QUICK = "mnist[eval=1000]", "tapas[members=1,epochs=3]"
TASKS = [0, 1, 4, 5]


@pytest.fixture(scope="module")
def chains() -> Table:
    """Four tasks of four families: digits, mnist, cifar10 and a part of cifar100."""
    data = open_benchmark("chains-v1").data.isel(task=TASKS).load()
    data.attrs.pop("hash")
    return Table(data)


def problem(table: Table, runs: int = 2, budget: int = 30, rows: int | None = 12, sources: str = "all") -> Problem:
    return make_problem(table, TASK, Protocol((TASK,), budget, runs, source_rows=rows, sources=sources))


def changed(table: Table, task: str, rows: Any, seed: int = 0) -> Table:
    """Validation and test values of some architectures of a task, every prefix of them, replaced by noise."""
    data, rng = table.data.copy(deep=True), np.random.default_rng(seed)
    place = table.tasks.index(task)
    for name in ("val_accuracy", "test_accuracy"):
        values = data[name].values
        noise = rng.uniform(0, 100, values[place][rows].shape)
        values[place, rows] = np.where(np.isnan(values[place, rows]), np.nan, noise)
    return Table(data)


def test_every_candidate_once_and_a_run_is_the_single_run(chains: Table, drive: Drive) -> None:
    usual, values = problem(chains), chains.values(TASK)[chains.candidates(TASK).table_rows]
    found = drive(QUICK, usual, values, 3)
    np.testing.assert_array_equal(np.sort(found, axis=1), [np.arange(30)] * 2)
    np.testing.assert_array_equal(found, drive(QUICK, usual, values))
    np.testing.assert_array_equal(found[1:], drive(QUICK, usual.single(1), values))
    assert not (found[0] == found[1]).all()


def test_no_value_of_the_target_matters(chains: Table) -> None:
    before, after = (
        run_optimizer(table, TASK, QUICK, problem(table), "mean").rows
        for table in (chains, changed(chains, TASK, slice(None)))
    )
    np.testing.assert_array_equal(before, after)


def test_only_the_chains_that_a_run_drew_of_its_sources_matter(chains: Table, drive: Drive) -> None:
    usual = problem(chains, runs=1)
    source = usual.sources[0]
    seen = chains.rows(source.genotypes[0])
    unseen = np.setdiff1d(chains.candidates(source.name).table_rows, seen)
    assert len(unseen) == 18
    values = chains.values(TASK)[chains.candidates(TASK).table_rows]
    before, same, other = (
        drive(QUICK, problem(table, runs=1), values)
        for table in (chains, changed(chains, source.name, unseen), changed(chains, source.name, seen))
    )
    np.testing.assert_array_equal(before, same)
    assert not (before == other).all()


def test_without_sources_the_order_is_random(chains: Table, drive: Drive) -> None:
    plain = problem(chains, sources="none")
    values = chains.values(TASK)[chains.candidates(TASK).table_rows]
    np.testing.assert_array_equal(drive(QUICK, plain, values), drive("random", plain, values))


def test_it_orders_by_mean_less_deviation(chains: Table) -> None:
    optimizer: Any = make_optimizer("tapas[members=2,epochs=3,kappa=2]", problem(chains, runs=1))
    model = optimizer._fitted(0)
    mean, deviation = model.predict(optimizer.problem.candidates.genotypes, return_std=True)
    order = optimizer._best(model, np.random.default_rng(0))
    assert (np.diff((mean - 2 * deviation)[order]) <= 0).all()
    assert (deviation > 0).any()


def test_many_candidates_are_found_by_evolution(chains: Table, drive: Drive) -> None:
    values = chains.values(TASK)[chains.candidates(TASK).table_rows]
    found = drive("tapas[members=1,epochs=3,predictions=20]", problem(chains, runs=1), values)
    np.testing.assert_array_equal(np.sort(found, axis=1), [np.arange(30)])


def test_it_finds_good_chains_on_families_it_has_not_seen(chains: Table) -> None:
    protocol = Protocol(chains.tasks, 4, 1, source_rows=None)
    ranks = []
    for outcome in study([chains], ["tapas[members=1,epochs=30]"], protocol).outcomes:
        values = chains.values(outcome.task)[chains.candidates(outcome.task).table_rows]
        first = chains.values(outcome.task)[outcome.rows[:, 3]]
        ranks += (values[:, None] > first).mean(axis=0).tolist()
    assert np.mean(ranks) < 0.25  # by chance .5


def test_the_landmark_trainings_are_charged(chains: Table) -> None:
    charged, free = (
        study([chains], [QUICK], Protocol((TASK,), 6, 2, source_rows=12, sources=sources)).outcomes[0]
        for sources in ("all", "none")
    )
    np.testing.assert_array_equal(charged.evaluations, [3, 3])
    np.testing.assert_array_equal(free.evaluations, [6, 6])
    assert (charged.rows[:, :3] == -1).all()
    assert np.isnan(charged.observed[:, :3]).all()
    # Nothing has a result yet: the run would return the candidate that a search without knowledge begins with.
    np.testing.assert_array_equal(charged.incumbents[:, :3], np.repeat(free.rows[:, :1], 3, axis=1))
    values = chains.values(TASK)
    np.testing.assert_array_equal(charged.validation[:, 5], values[charged.rows[:, 3:]].max(axis=1))
    row = charged.row()
    assert row["simulated_seconds"] is None  # no table has the landmarks' times
    assert row["budget"] == 6
    assert sorted(charged.trajectory()["evaluation"]) == [4, 4, 5, 5, 6, 6]


def test_a_budget_of_landmarks_alone_ends_without_a_result(chains: Table) -> None:
    outcome = study([chains], [QUICK], Protocol((TASK,), 2, 2, source_rows=12)).outcomes[0]
    np.testing.assert_array_equal(outcome.evaluations, [0, 0])
    assert np.isfinite(outcome.regret).all()


def test_their_time_is_not_known(chains: Table) -> None:
    with pytest.raises(WarmnasError, match="3 landmark networks on the target first, whose times no table has"):
        study([chains], [QUICK], Protocol((TASK,), 6, 2, source_rows=12, seconds=1e6))


def test_other_benchmarks_are_refused_in_one_line(few_cells: Table, chains: Table) -> None:
    with pytest.raises(WarmnasError, match=r"tapas needs chains of layers.*chains-v1") as refusal:
        study([few_cells], ["tapas"], Protocol(("cifar100",), 5, 1, source_rows=5))
    assert "\n" not in str(refusal.value)
    data = chains.data.drop_vars("dcn")
    with pytest.raises(WarmnasError, match="the DCN of every task"):
        make_optimizer("tapas", problem(Table(data)))
    with pytest.raises(WarmnasError, match="tapas"):
        make_optimizer("tapas[members=0]", problem(chains))


def test_all_optimizers_means_those_that_fit(few_cells: Table, chains: Table) -> None:
    """``--optimizer all`` must not end with the refusal of a method that a benchmark is not for."""
    from warmnas.commands.study import _fitting

    assert "tapas" in _fitting([(chains, TASK)])
    assert "tapas" not in _fitting([(chains, TASK)], None, 1e6)
    assert "bananas" not in _fitting([(chains, TASK)])
    of_cells = _fitting([(few_cells, "cifar100")])
    assert "tapas" not in of_cells
    assert {"bananas", "brp", "copula", "deep-kernel-gp", "rgpe", "tpe", "bohb"} <= set(of_cells)
