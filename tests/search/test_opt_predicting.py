"""BANANAS and BRP-NAS: which architectures they judge and choose, with small networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from warmnas.bench import CategoricalSpace, IntArray, Table, WarmnasError
from warmnas.bench.candidates import Candidates
from warmnas.search import Problem, Protocol, make_optimizer, make_problem, run_optimizer

Drive = Callable[..., IntArray]
TASK = "cifar100"
BANANAS, BRP = "bananas[initial=8,batch=6,epochs=8,layers=2]", "brp[epochs=15,width=16,layers=2]"


def problem(table: Table, budget: int, runs: int = 3) -> Problem:
    return make_problem(table, TASK, Protocol((TASK,), budget, runs, sources="none"))


def told(table: Table, spec: str, evaluations: int, budget: int) -> Any:
    optimizer: Any = make_optimizer(spec, problem(table, budget))
    for _ in range(evaluations):
        asked = optimizer.ask()
        optimizer.tell(asked, table.values(TASK)[optimizer.problem.candidates.rows(asked)])
    return optimizer


@pytest.mark.parametrize("spec", [BANANAS, BRP])
def test_the_first_batch_is_random_and_the_next_is_not(few_cells: Table, drive: Drive, spec: str) -> None:
    values, task = few_cells.values(TASK), problem(few_cells, 20)
    one, other, chance = drive(spec, task, values), drive(spec, task, -values), drive("random", task, values)
    first = 8 if spec == BANANAS else 3
    np.testing.assert_array_equal(one[:, :first], chance[:, :first])
    np.testing.assert_array_equal(other[:, :first], chance[:, :first])
    assert not (one == other).all()


def test_bananas_judges_mutants_of_the_best(cells: Table) -> None:
    optimizer = told(cells, BANANAS, 8, 40)
    genotypes = cells.genotypes
    for run in range(3):
        mutants = optimizer._mutate(run)
        mutants = mutants[mutants >= 0]
        assert len(np.unique(mutants)) == len(mutants)
        assert optimizer.free[run, mutants].all()
        order = np.argsort(-optimizer.values[run], kind="stable")
        parents = genotypes[optimizer.rows[run, order[:5]]]
        distance = (genotypes[mutants][:, None] != parents).sum(axis=-1).min(axis=1)
        near_best = (genotypes[mutants] != parents[0]).sum(axis=-1) <= 1
        assert (distance <= 1).mean() > 0.9  # a mutant may be a table's other cell of the same function
        assert near_best[:10].mean() > 0.7


def test_bananas_takes_the_largest_draws(few_cells: Table) -> None:
    """With deviations of 0 the draws are the means; a candidate of overwhelming deviation comes first or last."""
    optimizer = told(few_cells, BANANAS, 7, 40)
    rows = np.stack([optimizer._mutate(run) for run in range(3)])
    optimizer._mutate = lambda run: rows[run]
    optimizer._predict = lambda rows: (np.arange(rows.size, dtype=float).reshape(rows.shape), np.zeros(rows.shape))
    filled = (rows >= 0).sum(axis=1)
    expected = [rows[run, : filled[run]][::-1][:6] for run in range(3)]
    np.testing.assert_array_equal(optimizer.following(), expected)


def test_brp_takes_half_the_best_and_half_of_many_good_ones(few_cells: Table) -> None:
    optimizer = told(few_cells, "brp[epochs=1,width=4,layers=1,iterations=3]", 11, 54)  # 36 trainings, batches of 12
    known = np.random.default_rng(0).normal(size=(3, 300))
    optimizer._scores = lambda: known
    optimizer.free[:, 11] = True
    batch = optimizer.following()
    for run in range(3):
        ranking = [row for row in np.argsort(-known[run], kind="stable") if optimizer.free[run, row]]
        np.testing.assert_array_equal(batch[run, :6], ranking[:6])
        assert set(batch[run, 6:].tolist()) <= set(ranking[6:150])
        assert len(set(batch[run].tolist())) == 12


def test_brp_goes_down_its_ranking_in_the_end(few_cells: Table) -> None:
    optimizer = told(few_cells, "brp[epochs=1,width=4,layers=1,iterations=3]", 17, 27)  # 18 trainings, then 9
    known = np.random.default_rng(0).normal(size=(3, 300))
    optimizer._scores = lambda: known
    asked = optimizer.ask()
    optimizer.tell(asked, few_cells.values(TASK)[optimizer.problem.candidates.rows(asked)])
    ranking = np.argsort(-np.where(optimizer.free, known, -np.inf), axis=1, kind="stable")[:, :9]
    found = []
    for _ in range(9):
        asked = optimizer.ask()
        found.append(optimizer.problem.candidates.rows(asked))
        optimizer.tell(asked, few_cells.values(TASK)[found[-1]])
    np.testing.assert_array_equal(np.concatenate(found, axis=1), ranking)


def test_architectures_of_one_function_have_one_score(cells: Table) -> None:
    optimizer = told(cells, "brp[epochs=1,width=4,layers=1]", 3, 6)
    first, of = optimizer._classes
    assert len(first) == cells.function_classes
    np.testing.assert_array_equal(
        cells.space.class_keys(cells.genotypes[first[of]]), cells.space.class_keys(cells.genotypes)
    )


@pytest.mark.parametrize("spec", ["bananas[epochs=40,layers=3]", BRP])
def test_they_beat_random_search(cells: Table, spec: str) -> None:
    task = problem(cells, 40, runs=6)
    regret = {name: run_optimizer(cells, TASK, name, task, "mean").regret[:, -1].mean() for name in (spec, "random")}
    assert regret[spec] < regret["random"]


def test_a_space_without_paths_is_refused_in_one_line() -> None:
    space = CategoricalSpace([("width", ["8", "16", "32"]), ("depth", ["1", "2"])])
    candidates = Candidates(space, space.all_genotypes(), np.arange(6))
    with pytest.raises(WarmnasError, match="bananas needs the encoding 'path'"):
        make_optimizer("bananas", Problem(candidates, (np.random.SeedSequence(0),), 4))


@pytest.mark.parametrize("spec", ["bananas[batch=0]", "brp[iterations=0]", "brp[alpha=2]"])
def test_wrong_options_are_refused(few_cells: Table, spec: str) -> None:
    with pytest.raises(WarmnasError, match=spec.split("[")[0]):
        make_optimizer(spec, problem(few_cells, 5))
