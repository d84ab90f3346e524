"""The deep-kernel search: its warm start, with and without sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from warmnas.bench import IntArray, Table, WarmnasError
from warmnas.search import Problem, Protocol, make_optimizer, make_problem, run_optimizer

Drive = Callable[..., IntArray]
TASK, QUICK = "ImageNet16-120", "deep-kernel-gp[pretrain=60,steps=3]"


def problem(table: Table, sources: str = "all", runs: int = 3, budget: int = 12) -> Problem:
    return make_problem(table, TASK, Protocol((TASK,), budget, runs, sources=sources, source_rows=60))


def test_without_sources_it_starts_as_random_search_and_learns(few_cells: Table, drive: Drive) -> None:
    plain, values = problem(few_cells, "none"), few_cells.values(TASK)
    one, other, chance = (
        drive(spec, plain, told) for spec, told in ((QUICK, values), (QUICK, -values), ("random", values))
    )
    np.testing.assert_array_equal(one[:, :5], chance[:, :5])
    np.testing.assert_array_equal(other[:, :5], chance[:, :5])
    assert not (one == other).all()


def test_the_warm_start_is_of_the_best_of_the_sources(few_cells: Table) -> None:
    usual = problem(few_cells)
    optimizer = make_optimizer(QUICK, usual)
    rows = usual.candidates.rows(np.concatenate([optimizer.ask() for _ in range(5)], axis=1))
    for run in range(3):
        best = set()
        for source in usual.sources:
            top = np.argsort(-source.values[run], kind="stable")[:10]
            best |= set(usual.candidates.rows(source.genotypes[run, top]).tolist())
        assert set(rows[run].tolist()) <= best


def test_sources_help_at_once(few_cells: Table) -> None:
    found = {
        spec: run_optimizer(few_cells, TASK, spec, problem(few_cells, runs=6), "mean").regret.mean(axis=0)
        for spec in (QUICK, "gp")
    }
    assert (found[QUICK][[0, 4, 11]] < 0.7 * found["gp"][[0, 4, 11]]).all()


def test_bad_sources(few_cells: Table, drive: Drive) -> None:
    usual = problem(few_cells)
    spoilt = replace(usual.sources[0], values=np.full_like(usual.sources[0].values, np.nan))
    quick = "deep-kernel-gp[pretrain=3,steps=1]"
    one = drive(quick, replace(usual, sources=(spoilt, usual.sources[1])), few_cells.values(TASK))
    other = drive(quick, replace(usual, sources=usual.sources[1:]), few_cells.values(TASK))
    np.testing.assert_array_equal(one, other)
    short = tuple(replace(s, genotypes=s.genotypes[..., :4]) for s in usual.sources)
    with pytest.raises(WarmnasError, match="4 genes"):
        make_optimizer(quick, replace(usual, sources=short)).ask()


@pytest.mark.parametrize("option", ["encoding=layers", "encoding=best", "width=0", "steps=-1"])
def test_wrong_options_are_refused(few_cells: Table, option: str) -> None:
    with pytest.raises(WarmnasError, match=r"encoding|deep-kernel-gp"):
        make_optimizer(f"deep-kernel-gp[{option}]", problem(few_cells))
