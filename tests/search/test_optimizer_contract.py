"""The contract of an optimizer, run over every one that is registered."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from warmnas.bench import FloatArray, IntArray, Table, WarmnasError
from warmnas.search import Problem, Protocol, make_optimizer, make_problem, optimizers

Make = Callable[..., Problem]
Drive = Callable[..., IntArray]
SpecOf = Callable[[str], str]
Vary = Callable[..., Table]
RUNS = 3
# Those whose proposals come from sums of floating-point numbers, which depend in the last bit on how many runs there are.
WITH_A_MODEL = {
    "bananas",
    "brp",
    "copula",
    "deep-kernel-gp",
    "ehvi",
    "gp",
    "nao",
    "rapidnas",
    "reinforce",
    "rgpe",
    "warm",
    "xfernas",
}

TRAINED = {
    "bananas",
    "brp",
    "copula",
    "deep-kernel-gp",
    "nao",
    "rapidnas",
    "reinforce",
    "xfernas",
}  # the slow ones among them

# tapas is for chains alone and stands in test_opt_tapas.py.
every_optimizer = pytest.mark.parametrize("name", [name for name in optimizers if name != "tapas"])
some_sources = pytest.mark.parametrize("sources", ["none", "sampled", "all rows"])


def budget_of(name: str) -> int:
    return 9 if name in TRAINED else 24


@pytest.fixture(scope="module")
def make(few_graphs: Table) -> Make:
    """A search on proteins, which has another metric than its sources."""

    def problem(name: str, sources: str, runs: int = RUNS, budget: int | None = None) -> Problem:
        protocol = Protocol(
            ("proteins",),
            budget or budget_of(name),
            runs,
            sources="none" if sources == "none" else "cora,cs",
            source_rows=40 if sources == "sampled" else None,
        )
        return make_problem(few_graphs, "proteins", protocol)

    return problem


@pytest.fixture(scope="module")
def values(few_graphs: Table) -> FloatArray:
    return few_graphs.values("proteins")


@every_optimizer
@some_sources
@pytest.mark.parametrize("n", [1, 3, "whole budget"])
def test_candidates_are_proposed_and_none_of_them_twice(
    name: str, sources: str, n: int | str, make: Make, values: FloatArray, drive: Drive, spec_of: SpecOf
) -> None:
    at_once = budget_of(name) if isinstance(n, str) else n
    rows = drive(spec_of(name), make(name, sources), values, at_once)
    assert rows.shape == (RUNS, budget_of(name))
    assert (rows >= 0).all()
    assert all(len(np.unique(run)) == len(run) for run in rows)


@every_optimizer
@some_sources
def test_a_run_in_lock_step_is_the_single_run(
    name: str, sources: str, make: Make, values: FloatArray, drive: Drive, spec_of: SpecOf
) -> None:
    problem = make(name, sources)
    together = drive(spec_of(name), problem, values)
    alone = np.concatenate([drive(spec_of(name), problem.single(run), values) for run in range(RUNS)])
    exact = 4 if name in WITH_A_MODEL else budget_of(name)
    np.testing.assert_array_equal(alone[:, :exact], together[:, :exact])
    assert (alone == together).mean() > 0.7


@every_optimizer
def test_the_same_seeds_give_the_same_proposals(
    name: str, make: Make, values: FloatArray, drive: Drive, spec_of: SpecOf
) -> None:
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002
    first, second = (drive(spec_of(name), make(name, "sampled"), values) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert pickle.dumps(np.random.get_state()) == before, "global random state was used"  # noqa: NPY002


@every_optimizer
@pytest.mark.parametrize("shape", ["constant", "negative", "tiny", "huge", "two levels"])
def test_values_of_any_size_are_digested(
    name: str, shape: str, make: Make, values: FloatArray, drive: Drive, spec_of: SpecOf
) -> None:
    told = {
        "constant": np.full_like(values, 10.0),
        "negative": values - 100.0,
        "tiny": values * 1e-9,
        "huge": values * 1e9,
        "two levels": np.where(values > np.median(values), 90.0, 10.0),
    }[shape]
    with np.errstate(all="raise", under="ignore"):
        rows = drive(spec_of(name), make(name, "sampled", runs=2), told)
    assert all(len(np.unique(run)) == len(run) for run in rows)


@every_optimizer
def test_all_candidates_can_be_searched(name: str, few_graphs: Table, vary: Vary, drive: Drive, spec_of: SpecOf) -> None:
    table = vary(few_graphs, rows=np.arange(12))
    problem = make_problem(table, "cora", Protocol(("cora",), 12, 2, sources="cs", source_rows=5))
    rows = drive(spec_of(name), problem, table.values("cora"))
    np.testing.assert_array_equal(np.sort(rows, axis=1), [np.arange(12)] * 2)


@every_optimizer
def test_results_may_come_as_copies_of_what_was_asked(
    name: str, make: Make, values: FloatArray, drive: Drive, spec_of: SpecOf
) -> None:
    problem = make(name, "sampled", runs=2)
    optimizer = make_optimizer(spec_of(name), problem)
    found = []
    for _ in range(problem.budget):
        asked = optimizer.ask()
        found.append(problem.candidates.rows(asked))
        optimizer.tell(asked.copy(), values[found[-1]])
    np.testing.assert_array_equal(np.concatenate(found, axis=1), drive(spec_of(name), problem, values))


@every_optimizer
def test_a_budget_of_one_is_enough(name: str, make: Make, values: FloatArray, drive: Drive, spec_of: SpecOf) -> None:
    for sources in ("none", "sampled"):
        assert drive(spec_of(name), make(name, sources, budget=1), values).shape == (RUNS, 1)


def test_live_params_says_that_it_needs_parameter_counts(make: Make) -> None:
    with pytest.raises(WarmnasError, match="no parameter counts"):
        make_optimizer("live-params", replace(make("live-params", "none"), live_params=None))
