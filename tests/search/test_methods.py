"""What the model-free optimizers do, step by step, and the figures that are known of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import rankdata

from warmnas.bench import FloatArray, IntArray, Table, WarmnasError
from warmnas.search import Protocol, make_optimizer, make_problem, run_optimizer, study

Vary = Callable[..., Table]
Drive = Callable[..., IntArray]


@pytest.mark.parametrize(("spec", "population"), [("rea", 10), ("rea[population=4,sample=2]", 4)])
def test_a_parent_is_no_older_than_the_population(cells: Table, drive: Drive, spec: str, population: int) -> None:
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 60, 5, sources="none"))
    rows = drive(spec, problem, cells.values("cifar100"))
    genotypes = problem.candidates.genotypes[rows]
    for step in range(population, 60):
        changed = (genotypes[:, step - population : step] != genotypes[:, step, None]).sum(axis=-1)
        assert (changed.min(axis=1) == 1).all(), step


def test_the_parent_is_the_best_of_its_sample(cells: Table, drive: Drive) -> None:
    """With a sample this large every member is in it."""
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 40, 5, sources="none"))
    values = cells.values("cifar100")
    rows = drive("rea[population=5,sample=200]", problem, values)
    for step in range(5, 40):
        recent = rows[:, step - 5 : step]
        best = recent[np.arange(5), values[recent].argmax(axis=1)]
        assert ((cells.genotypes[best] != cells.genotypes[rows[:, step]]).sum(axis=1) == 1).all(), step


def test_evolution_starts_as_random_search_does(cells: Table, drive: Drive) -> None:
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 15, 5, sources="none"))
    first = [drive(name, problem, cells.values("cifar100")) for name in ("rea", "random")]
    np.testing.assert_array_equal(first[0][:, :10], first[1][:, :10])
    assert not (first[0] == first[1]).all()


def test_local_search_moves_to_better_neighbours_and_restarts_where_none_is_left(few_cells: Table, drive: Drive) -> None:
    problem = make_problem(few_cells, "cifar100", Protocol(("cifar100",), 200, 4, sources="none"))
    values = few_cells.values("cifar100")
    restarts = 0
    for run in drive("local", problem, values):
        here, evaluated = run[0], {int(run[0])}
        for row in run[1:]:
            distance = (few_cells.genotypes != few_cells.genotypes[here]).sum(axis=1)
            around = set(np.flatnonzero(distance == 1).tolist())
            around |= {int(r) for r in few_cells.rows(few_cells.space.neighbours(few_cells.genotypes[here])) if r >= 0}
            left = around - evaluated - {int(here)}
            if left:
                assert row in left
                here = row if values[row] > values[here] else here
            else:
                restarts += 1
                here = row
            evaluated.add(int(row))
    assert restarts > 10


def test_random_search_is_uniform(few_cells: Table, drive: Drive) -> None:
    problem = make_problem(few_cells, "cifar100", Protocol(("cifar100",), 30, 400, sources="none"))
    counts = np.bincount(drive("random", problem, np.zeros(300)).ravel(), minlength=300)
    assert counts.min() > 15  # 40 expected of each, 6 their standard deviation
    assert counts.max() < 70


def mean_source_rank(table: Table, target: str) -> FloatArray:
    others = [task for task in table.tasks if task != target]
    return np.asarray(np.mean([rankdata(-table.values(task)) for task in others], axis=0))


@pytest.mark.parametrize(
    ("task", "after_5", "after_20"),
    [("cifar10-valid", 0.053, 0.053), ("cifar100", 0.0, 0.0), ("ImageNet16-120", 0.367, 0.0)],
)
def test_source_ranking_reaches_the_known_figures(cells: Table, task: str, after_5: float, after_20: float) -> None:
    protocol = Protocol((task,), 20, 3, source_rows=None)
    [outcome] = study([cells], ["source-ranking"], protocol).outcomes
    row = outcome.row()
    assert row["regret"]["5"] == pytest.approx(after_5, abs=1e-3)
    assert row["regret"]["20"] == pytest.approx(after_20, abs=1e-3)
    assert row["deterministic"] is True
    score = mean_source_rank(cells, task)
    np.testing.assert_allclose(score[outcome.rows[0]], np.sort(score)[:20])


def test_source_ranking_without_sources_is_a_random_order(cells: Table, drive: Drive) -> None:
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 20, 3, sources="none"))
    rows = drive("source-ranking", problem, cells.values("cifar100"))
    assert len(np.unique(rows)) > 50


def test_what_a_run_has_no_source_row_of_comes_last(cells: Table, drive: Drive) -> None:
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 40, 3, sources="cifar10-valid", source_rows=30))
    rows = drive("source-ranking", problem, cells.values("cifar100"))
    [source] = problem.sources
    for run in range(3):
        best_first = cells.rows(source.genotypes[run])[np.argsort(-source.values[run], kind="stable")]
        np.testing.assert_array_equal(rows[run, :30], best_first)


def test_live_params_goes_from_large_to_small(cells: Table, drive: Drive) -> None:
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 40, 2, sources="none"))
    rows = drive("live-params", problem, cells.values("cifar100"))
    live = cells.space.live_params(cells.genotypes, 100)
    assert live is not None
    np.testing.assert_array_equal(live[rows[0]], -np.sort(-live)[:40])
    assert cells.space.to_string(cells.genotypes[rows[0, 0]]).count("nor_conv_3x3") == 6


def test_learning_beats_chance(cells: Table) -> None:
    protocol = Protocol(("cifar100",), 150, 40, sources="none")
    problem = make_problem(cells, "cifar100", protocol)
    regret = {
        name: run_optimizer(cells, "cifar100", name, problem, "mean").regret[:, -1].mean()
        for name in ("random", "rea", "local")
    }
    assert regret["rea"] < regret["random"]
    assert regret["local"] < regret["random"]


@pytest.mark.parametrize(
    "spec", ["rea[population=0]", "rea[sample=0]", "rea[population=many]", "rea[population=2.5]", "local[steps=1]"]
)
def test_wrong_options_are_refused(cells: Table, spec: str) -> None:
    problem = make_problem(cells, "cifar100", Protocol(("cifar100",), 5, 2, sources="none"))
    with pytest.raises(WarmnasError, match=spec.split("[")[0]):
        make_optimizer(spec, problem)


def test_xfernas_without_sources_is_nao(few_cells: Table, drive: Drive) -> None:
    problem = make_problem(few_cells, "cifar100", Protocol(("cifar100",), budget=12, runs=2, sources="none"))
    values = few_cells.values("cifar100")
    options = "[initial=4,steps=3]"
    np.testing.assert_array_equal(drive("xfernas" + options, problem, values), drive("nao" + options, problem, values))


def test_nao_takes_nothing_from_the_sources(few_cells: Table, drive: Drive) -> None:
    values = few_cells.values("cifar100")
    with_sources, without = (
        make_problem(few_cells, "cifar100", Protocol(("cifar100",), 12, 2, sources=sources, source_rows=50))
        for sources in ("all", "none")
    )
    spec = "nao[initial=4,steps=3]"
    np.testing.assert_array_equal(drive(spec, with_sources, values), drive(spec, without, values))
