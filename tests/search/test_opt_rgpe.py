"""RGPE as a search, and what the transfer searches do with bad sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from warmnas.bench import IntArray, Table, UnknownName, WarmnasError
from warmnas.search import Problem, Protocol, make_optimizer, make_problem, run_optimizer

Drive = Callable[..., IntArray]
TASK = "ImageNet16-120"


def problem(table: Table, sources: str = "all", runs: int = 3, budget: int = 12) -> Problem:
    protocol = Protocol((TASK,), budget, runs, sources=sources, source_rows=60)
    return make_problem(table, TASK, protocol)


def test_without_sources_it_is_the_gp(few_cells: Table, drive: Drive) -> None:
    plain = problem(few_cells, "none")
    values = few_cells.values(TASK)
    np.testing.assert_array_equal(drive("rgpe", plain, values), drive("gp", plain, values))


def test_sources_help_at_once_and_later(few_cells: Table) -> None:
    found = {
        spec: run_optimizer(few_cells, TASK, spec, problem(few_cells, runs=8, budget=15), "mean").regret.mean(axis=0)
        for spec in ("rgpe", "gp")
    }
    assert found["rgpe"][0] < 0.5 * found["gp"][0]
    assert found["rgpe"][-1] < found["gp"][-1]


def test_a_source_turned_upside_down_is_left_in_the_end(few_cells: Table) -> None:
    """The first evaluations are lost to it, then the target's own results take over."""
    usual = problem(few_cells, runs=4, budget=30)
    turned = replace(usual, sources=tuple(replace(s, values=-s.values) for s in usual.sources))
    regret = run_optimizer(few_cells, TASK, "rgpe", turned, "mean").regret.mean(axis=0)
    assert regret[0] > 10
    assert regret[-1] < 2


@pytest.mark.parametrize("trouble", ["constant", "one NaN row", "nothing measured"])
def test_bad_sources_are_survived(few_cells: Table, drive: Drive, trouble: str) -> None:
    usual = problem(few_cells)
    first, *others = usual.sources
    values = first.values.copy()
    if trouble == "constant":
        values[:] = 10.0
    elif trouble == "one NaN row":
        values[1, 5] = np.nan
    else:
        values[1] = np.nan
    spoilt = replace(usual, sources=(replace(first, values=values), *others))
    rows = drive("rgpe", spoilt, few_cells.values(TASK))
    assert all(len(np.unique(run)) == 12 for run in rows)
    if trouble == "nothing measured":
        np.testing.assert_array_equal(rows, drive("rgpe", replace(usual, sources=tuple(others)), few_cells.values(TASK)))


def test_sources_of_another_space_are_refused(few_cells: Table) -> None:
    usual = problem(few_cells)
    other = tuple(replace(s, genotypes=s.genotypes[..., :4]) for s in usual.sources)
    with pytest.raises(WarmnasError, match="4 genes"):
        make_optimizer("rgpe", replace(usual, sources=other)).ask()


@pytest.mark.parametrize("spec", ["rgpe[samples=0]", "rgpe[rows=0]", "rgpe[rows=many]"])
def test_wrong_options_are_refused(few_cells: Table, spec: str) -> None:
    with pytest.raises(WarmnasError, match="rgpe"):
        make_optimizer(spec, problem(few_cells))
    with pytest.raises(UnknownName, match="percentile"):
        make_optimizer("rgpe[dilution=water]", problem(few_cells))
