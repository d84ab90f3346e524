"""A study: reproducible, paired, indifferent to what else is in it, and strict about its arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from warmnas.bench import Genotypes, SplitAbsent, Table, UnknownName, WarmnasError
from warmnas.search import (
    Outcome,
    Problem,
    Protocol,
    StudyResult,
    make_optimizer,
    make_problem,
    optimizers,
    per_run,
    run_optimizer,
    study,
)
from warmnas.search.optimizer import parse_spec

Vary = Callable[..., Table]
QUICK = ("random", "rea", "local", "source-ranking", "live-params")


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return Protocol(("cifar100", "ImageNet16-120"), budget=25, runs=4, seed=7, source_rows=60)


@pytest.fixture(scope="module")
def result(few_cells: Table, protocol: Protocol) -> StudyResult:
    return study([few_cells], QUICK, protocol)


def assert_same(one: Outcome, other: Outcome, runs: int | None = None) -> None:
    np.testing.assert_array_equal(one.rows[:runs], other.rows[:runs])
    np.testing.assert_array_equal(one.observed[:runs], other.observed[:runs])


def test_a_study_is_reproducible_bit_for_bit(few_cells: Table, protocol: Protocol, result: StudyResult) -> None:
    again = study([few_cells], QUICK, protocol)
    assert [(o.task, o.optimizer) for o in again.outcomes] == [(task, name) for task in protocol.tasks for name in QUICK]
    for one, other in zip(result.outcomes, again.outcomes, strict=True):
        assert_same(one, other)
    assert again.protocol_hash() == result.protocol_hash()
    other_seed = study([few_cells], ["random"], replace(protocol, seed=8))
    assert not (other_seed.outcomes[0].rows == result.outcomes[0].rows).all()


def test_what_else_is_in_a_study_changes_nothing(few_cells: Table, protocol: Protocol, result: StudyResult) -> None:
    for name in QUICK:
        [alone] = study([few_cells], [name], replace(protocol, tasks=("ImageNet16-120",))).outcomes
        [beside] = [o for o in result.of("ImageNet16-120") if o.optimizer == name]
        assert_same(alone, beside)


@pytest.mark.parametrize("observe", ["mean", "seed"])
def test_more_runs_are_more_of_the_same(few_cells: Table, protocol: Protocol, observe: Any) -> None:
    few = study([few_cells], QUICK, replace(protocol, observe=observe, runs=3))
    many = study([few_cells], QUICK, replace(protocol, observe=observe, runs=10))
    for one, other in zip(few.outcomes, many.outcomes, strict=True):
        assert_same(one, other, runs=3)


def test_every_setting_of_the_protocol_is_in_its_hash(few_cells: Table, vary: Vary, protocol: Protocol) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"tasks": ("cifar100",)},
        {"budget": 24},
        {"runs": 3},
        {"seed": 8},
        {"observe": "seed"},
        {"sources": "none"},
        {"source_rows": 61},
        {"source_rows": None},
        {"leave_out": "family"},
    ]
    hashes = [study([few_cells], ["random"], replace(protocol, **change)).protocol_hash() for change in changes]
    values = few_cells.data["val_accuracy"].values + 0.5
    hashes.append(study([vary(few_cells, val_accuracy=values)], ["random"], protocol).protocol_hash())
    assert len(set(hashes)) == len(hashes)
    assert study([few_cells], ["rea"], protocol).protocol_hash() == hashes[0]


def test_an_observed_seed_is_one_that_was_recorded(few_cells: Table) -> None:
    protocol = Protocol(("cifar100",), 300, 5, observe="seed", sources="none")
    [outcome] = study([few_cells], ["random"], protocol).outcomes
    recorded = few_cells.seed_values("cifar100")[outcome.rows]
    assert not np.isnan(outcome.observed).any()
    assert (recorded == outcome.observed[..., None]).any(axis=-1).all()
    assert len({tuple(v) for v in np.sort(outcome.observed, axis=1).tolist()}) == 5
    optimum = few_cells.optimum("cifar100")
    means = few_cells.values("cifar100")[outcome.incumbents]
    np.testing.assert_allclose(outcome.regret, optimum - means)
    assert (outcome.regret >= 0).all()


def test_seeds_cannot_be_observed_where_only_their_mean_is_known(few_graphs: Table) -> None:
    with pytest.raises(WarmnasError, match="only means over seeds"):
        study([few_graphs], ["random"], Protocol(("cora",), 5, 2, observe="seed", sources="none"))


def test_a_metric_to_minimize_is_searched_downwards(few_graphs: Table, vary: Vary) -> None:
    values = few_graphs.data["val_accuracy"].values
    error = vary(few_graphs, direction="minimize", val_accuracy=100.0 - values)
    protocol = Protocol(("cora",), 30, 4, source_rows=50)
    for up, down in zip(
        study([few_graphs], QUICK, protocol).outcomes, study([error], QUICK, protocol).outcomes, strict=True
    ):
        np.testing.assert_array_equal(up.rows, down.rows, err_msg=up.optimizer)
        np.testing.assert_allclose(up.regret, down.regret, atol=1e-9)
        np.testing.assert_allclose(up.observed, 100.0 - down.observed)


def test_the_simulated_clock_is_the_training_time_of_the_table(few_cells: Table, result: StudyResult) -> None:
    seconds = few_cells.column("train_seconds", "cifar100")
    assert seconds is not None
    outcome = result.of("cifar100")[0]
    assert outcome.row()["simulated_seconds"] == pytest.approx(seconds[outcome.rows].sum(axis=1).mean())


def test_a_table_without_times_has_no_clock_and_one_without_tests_no_test(
    few_cells: Table, few_graphs: Table, result: StudyResult
) -> None:
    [graph] = study([few_graphs], ["random"], Protocol(("cora",), 5, 2)).outcomes
    assert graph.row()["simulated_seconds"] is None
    assert graph.row()["test_accuracy"] is not None
    assert result.outcomes[0].row()["test_accuracy"] is None
    assert result.outcomes[0].row()["test_regret"] is None


def test_all_stands_for_every_task_of_every_table(few_cells: Table, few_graphs: Table) -> None:
    found = study([few_cells, few_graphs], ["random"], Protocol(("all",), 3, 2))
    assert found.tasks == [*few_cells.tasks, *few_graphs.tasks]
    assert set(found.statistics["across_tasks"]) == {"nasbench201", "nasbench-graph"}


def test_what_results_could_not_tell_apart_is_refused(few_cells: Table) -> None:
    twin = few_cells.data.copy()
    with pytest.raises(WarmnasError, match="two of the tables are called nasbench201; import one"):
        study([few_cells, Table(twin)], ["random"], Protocol(("all",), 3, 2))
    twin.attrs["name"] = "mine"
    with pytest.raises(WarmnasError, match="task 'cifar10-valid' is in two of the tables, nasbench201 and mine"):
        study([few_cells, Table(twin)], ["random"], Protocol(("all",), 3, 2))


@pytest.mark.parametrize(
    ("change", "specs", "message"),
    [
        ({"tasks": ("cifar10",)}, ["random"], "did you mean 'cifar100'|did you mean 'cifar10-valid'"),
        ({"budget": 0}, ["random"], "--budget 0"),
        ({"budget": 301}, ["random"], "--budget 301: cifar100 has 1 to 300"),
        ({"runs": 0}, ["random"], "--runs 0"),
        ({"sources": "cora"}, ["random"], "unknown source task"),
        ({"source_rows": 301}, ["random"], "--source-rows 301"),
        ({}, ["random", "reaa"], "did you mean 'rea'"),
        ({}, ["random", "rea[poplation=3]"], "did you mean 'population'"),
        ({}, ["random", "rea[population=x]"], "wrong value"),
        ({}, ["random", "rea[population]"], "option=value"),
        ({}, ["random", "rea[population=3"], "not of the form"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_runs(
    few_cells: Table, change: dict[str, Any], specs: list[str], message: str
) -> None:
    done: list[str] = []
    with pytest.raises(WarmnasError, match=message):
        study(
            [few_cells],
            specs,
            replace(Protocol(("cifar100",), 5, 2, source_rows=50), **change),
            progress=lambda task, optimizer, evaluations: done.append(optimizer),
        )
    assert done == []


def test_a_task_without_validation_values_cannot_be_searched(few_cells: Table, vary: Vary) -> None:
    data = few_cells.data.rename(val_accuracy="test_accuracy").copy()
    data.attrs["splits"] = data.attrs["splits"].replace('"val"', '"test"')
    with pytest.raises(SplitAbsent, match="no val values"):
        study([Table(data)], ["random"], Protocol(("cifar100",), 5, 2, sources="none"))


def test_options_of_a_spec_become_numbers() -> None:
    assert parse_spec("rea[population=50, sample=1e1,mode=x]") == (
        "rea",
        {"population": 50, "sample": 10.0, "mode": "x"},
    )
    assert parse_spec(" rea ") == ("rea", {})


class Walk:
    """A user's optimizer for one run: candidates in their order from a random start."""

    def __init__(self, problem: Problem, rng: np.random.Generator, step: int = 1) -> None:
        self.problem, self.step = problem, step
        self.place = int(rng.integers(len(problem.candidates)))
        self.told: list[float] = []

    def ask(self) -> npt.NDArray[np.int8]:
        self.place = (self.place + self.step) % len(self.problem.candidates)
        genotype: Genotypes = self.problem.candidates.genotypes[self.place]
        return genotype

    def tell(self, genotype: npt.NDArray[np.int8], value: float) -> None:
        assert (genotype == self.problem.candidates.genotypes[self.place]).all()
        self.told.append(value)


@pytest.fixture
def walk(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(optimizers._entries, "walk", per_run(Walk))
    return "walk"


def test_an_optimizer_written_for_one_run_is_looped(few_cells: Table, walk: str) -> None:
    protocol = Protocol(("cifar100",), 20, 5, sources="none")
    problem = make_problem(few_cells, "cifar100", protocol)
    [outcome] = study([few_cells], [walk], protocol).outcomes
    assert ((np.diff(outcome.rows, axis=1) % 300) == 1).all()
    assert len(set(outcome.rows[:, 0].tolist())) > 1
    single = run_optimizer(few_cells, "cifar100", walk, problem.single(3), "mean")
    np.testing.assert_array_equal(single.rows[0], outcome.rows[3])
    [wide] = study([few_cells], ["walk[step=7]"], protocol).outcomes
    assert ((np.diff(wide.rows, axis=1) % 300) == 7).all()
    with pytest.raises(UnknownName, match="option of walk"):
        make_optimizer("walk[stride=7]", problem)


def test_an_optimizer_that_repeats_itself_is_named(few_cells: Table, walk: str) -> None:
    with pytest.raises(WarmnasError, match=r"'walk\[step=150\]' proposed an architecture twice"):
        study([few_cells], ["walk[step=150]"], Protocol(("cifar100",), 5, 2, sources="none"))


@pytest.mark.parametrize("genotype", [[1, 1, 1, 1, 1, 1], [9, 0, 0, 0, 0, 0], [-1, 0, 0, 0, 0, 0], [0, 0, 0]])
def test_an_optimizer_that_leaves_the_candidates_is_refused(
    few_cells: Table, vary: Vary, monkeypatch: pytest.MonkeyPatch, genotype: list[int]
) -> None:
    class Stray(Walk):
        def ask(self) -> npt.NDArray[np.int8]:
            return np.array(genotype, dtype=np.int8)

    monkeypatch.setitem(optimizers._entries, "stray", per_run(Stray))
    connected = vary(few_cells, rows=np.flatnonzero(few_cells.genotypes[:, 3] != 1))
    with pytest.raises(WarmnasError, match=r"not a candidate|must be in|has 6 genes"):
        study([connected], ["stray"], Protocol(("cifar100",), 1, 2, sources="none"))
