"""Quantile transfer as a search."""

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
    return make_problem(table, TASK, Protocol((TASK,), budget, runs, sources=sources, source_rows=60))


@pytest.mark.parametrize("method", ["gcp", "cts"])
def test_sources_help_at_once(few_cells: Table, method: str) -> None:
    found = {
        spec: run_optimizer(few_cells, TASK, spec, problem(few_cells, runs=6), "mean").regret.mean(axis=0)
        for spec in (f"copula[method={method},steps=30]", "random")
    }
    ours, chance = found.values()
    assert (ours[[0, 4, 11]] < 0.5 * chance[[0, 4, 11]]).all()


def test_only_gcp_listens_to_the_target(few_cells: Table, drive: Drive) -> None:
    values = few_cells.values(TASK)
    for method, blind in (("cts", True), ("gcp", False)):
        spec = f"copula[method={method},steps=5]"
        one, other = (drive(spec, problem(few_cells), told) for told in (values, -values))
        np.testing.assert_array_equal(one[:, :5], other[:, :5])
        assert (one == other).all() == blind


def test_thompson_samples_follow_the_prior(few_cells: Table) -> None:
    """Without sources every candidate is as likely as another; a prior that is sure of one proposes it."""
    plain = make_optimizer("copula", problem(few_cells, "none", runs=40))
    assert len(np.unique(plain.problem.candidates.rows(plain.ask()))) > 30
    sure = make_optimizer("copula", problem(few_cells, "none", runs=5))
    mean, sigma = np.zeros((5, 300), dtype=np.float32), np.full((5, 300), 0.1, dtype=np.float32)
    mean[:, 77] = 5.0
    vars(sure)["prior"] = mean, sigma
    assert (sure.problem.candidates.rows(sure.ask()) == 77).all()


def test_a_source_turned_upside_down_is_forgotten_in_the_end(few_cells: Table) -> None:
    usual = problem(few_cells, runs=4, budget=40)
    turned = replace(usual, sources=tuple(replace(s, values=-s.values) for s in usual.sources))
    regret = run_optimizer(few_cells, TASK, "copula[steps=30]", turned, "mean").regret.mean(axis=0)
    assert regret[0] > 10
    assert regret[-1] < 4


def test_bad_sources(few_cells: Table) -> None:
    usual = problem(few_cells)
    spoilt = replace(usual.sources[0], values=np.full_like(usual.sources[0].values, np.nan))
    one = make_optimizer("copula[steps=3]", replace(usual, sources=(spoilt, *usual.sources[1:])))
    other = make_optimizer("copula[steps=3]", replace(usual, sources=usual.sources[1:]))
    np.testing.assert_array_equal(one.ask(), other.ask())
    short = tuple(replace(s, genotypes=s.genotypes[..., :4]) for s in usual.sources)
    with pytest.raises(WarmnasError, match="4 genes"):
        make_optimizer("copula", replace(usual, sources=short)).ask()


def test_wrong_options_are_refused(few_cells: Table) -> None:
    with pytest.raises(UnknownName, match="cts"):
        make_optimizer("copula[method=best]", problem(few_cells))
    with pytest.raises(WarmnasError, match="copula"):
        make_optimizer("copula[steps=0]", problem(few_cells))
