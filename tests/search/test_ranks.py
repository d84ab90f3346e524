"""Ranks over tasks against Demsar's published example, scipy and enumeration."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import friedmanchisquare

from warmnas.bench import FloatArray, Table
from warmnas.search import Protocol, study
from warmnas.search.ranks import cliques, critical_difference, friedman, pairs, smallest_p
from warmnas.search.report.critical import critical_svg
from warmnas.search.report.ranks import Judged, _friedman, rank_curves
from warmnas.search.statistics import ranks_of

# Demsar (JMLR 7, 2006), table 6: AUC of C4.5, C4.5+m, C4.5+cf, C4.5+m+cf on 14 data sets. The ranks printed there split the
# tie of the last but one by digits that are not printed.
AUC = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
).T
small = arrays(np.float64, st.tuples(st.integers(3, 5), st.integers(2, 7)), elements=st.integers(0, 4).map(float))


def test_the_published_example() -> None:
    ranks = ranks_of(-AUC)
    average = ranks.mean(axis=1)
    np.testing.assert_allclose(average, [3.143, 2.000, 2.893, 1.964], atol=5e-4)
    found = friedman(ranks)
    assert found is not None
    # The paper does not correct for ties: one of four, three of two, which take 60 + 3 * 6 from 14 * 4 * 15.
    assert found["chi2"] * (1 - (60 + 3 * 6) / (14 * 4 * 15)) == pytest.approx(9.28, abs=5e-3)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=5e-3)
    assert critical_difference(4, 14, 0.10) == pytest.approx(1.12, abs=5e-3)
    assert cliques(average, critical_difference(4, 14, 0.10)) == [[3, 1, 2], [2, 0]]
    assert cliques(average, critical_difference(4, 14)) == [[3, 1, 2, 0]]


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (8, 3.031), (10, 3.164)])
def test_the_critical_values_are_those_of_the_papers_table_5(k: int, q: float) -> None:
    assert critical_difference(k, 1) / np.sqrt(k * (k + 1) / 6) == pytest.approx(q, abs=1.1e-3)


@given(regret=small)
def test_friedman_is_scipys(regret: FloatArray) -> None:
    found = friedman(ranks_of(regret))
    if all(len(set(task)) == 1 for task in regret.T):
        assert found is None
        return
    theirs = friedmanchisquare(*regret)
    assert found is not None
    assert found["chi2"] == pytest.approx(theirs.statistic, abs=1e-9)
    assert found["p"] == pytest.approx(theirs.pvalue, abs=1e-9)
    assert 0 <= found["f_p"] <= 1


def test_tasks_that_all_agree_leave_no_doubt() -> None:
    found = friedman(ranks_of(np.arange(3.0)[:, None] + np.zeros((1, 5))))
    assert found is not None
    assert (found["f"], found["f_p"]) == (np.inf, 0.0)
    assert friedman(np.ones((1, 4))) is None
    assert friedman(np.array([[1.0], [2.0]])) is None


@pytest.mark.parametrize(
    ("tasks", "ranks", "p", "verdict"),
    [
        (2, (1.0, 2.0, 3.0), "0.17", "cannot be told from chance"),  # one order of six
        (2, (1.5, 1.5, 3.0), "0.33", "cannot be told from chance"),
        (4, (1.0, 2.0, 3.0), "0.0046", "differ beyond chance"),
    ],
)
def test_tasks_that_all_agree_are_judged_by_what_chance_does(tasks, ranks, p, verdict) -> None:
    found = {"chi2": 4.0, "p": 0.14, "f": None, "f_p": 0.0}
    said = _friedman({"friedman": found, "rank": dict(zip("abc", ranks, strict=True)), "tasks": tasks, "alpha": 0.05})
    assert f"which chance does with p = {p}. As a whole, the optimizers {verdict}." in said


@given(
    average=st.lists(st.integers(4, 40).map(lambda quarter: quarter / 4), min_size=2, max_size=8),
    difference=st.integers(0, 30).map(lambda quarter: quarter / 4),
)
def test_cliques_are_the_largest_groups_within_the_difference(average: list[float], difference: float) -> None:
    every = range(len(average))
    within = [
        set(group)
        for size in range(2, len(average) + 1)
        for group in combinations(every, size)
        if max(average[i] for i in group) - min(average[i] for i in group) <= difference
    ]
    largest = [group for group in within if not any(group < other for other in within)]
    found = [set(group) for group in cliques(np.array(average), difference)]
    assert len(found) == len(largest)
    assert all(group in largest for group in found)


def signed_rank_p(difference: FloatArray) -> float:
    """The exact two-sided p by trying all signs."""
    size = np.abs(difference).argsort().argsort() + 1
    sums = [sum(r for r, sign in zip(size, signs, strict=True) if sign) for signs in product((0, 1), repeat=len(size))]
    seen = int(size[difference > 0].sum())
    seen = min(seen, int(size.sum()) - seen)
    return min(1.0, 2 * float(np.mean([total <= seen for total in sums])))


def test_every_pair_by_enumerating_all_signs() -> None:
    rng = np.random.default_rng(4)
    regret = rng.normal(1, 0.5, (4, 8)) + np.array([0.0, 0.4, 0.8, 0.9])[:, None]
    rows = pairs(["a", "b", "c", "d"], regret)
    assert len(rows) == 6
    average = dict(zip("abcd", ranks_of(regret).mean(axis=1), strict=True))
    p = []
    for row in rows:
        one, other = (regret["abcd".index(row[key])] for key in ("one", "other"))
        p.append(signed_rank_p(one - other))
        assert row["p"] == pytest.approx(p[-1])
        assert (row["wins"], row["losses"]) == ((one < other).sum(), (one > other).sum())
        assert row["difference"] == pytest.approx((one - other).mean())
        assert average[row["one"]] <= average[row["other"]]
    step = {value: value * (6 - i) for i, value in enumerate(sorted(p))}
    for row, value in zip(rows, p, strict=True):
        assert row["p_holm"] == pytest.approx(min(1.0, max(step[v] for v in step if v <= value)))


@pytest.mark.parametrize("tasks", [1, 3, 5, 8])
def test_the_smallest_p_is_that_of_a_clean_sweep(tasks: int) -> None:
    assert smallest_p(tasks) == pytest.approx(signed_rank_p(np.arange(1.0, tasks + 1)))


def test_a_study_says_ranks_over_its_tasks(few_graphs: Table, few_cells: Table) -> None:
    protocol = Protocol(("cora", "cs", "photo", "cifar100", "ImageNet16-120"), 6, 3, source_rows=20)
    result = study([few_graphs, few_cells], ["random", "source-ranking", "rea"], protocol)
    graphs, cells, both = result.statistics["ranks"]
    assert [entry["benchmark"] for entry in (graphs, cells, both)] == [few_graphs.name, few_cells.name, None]
    assert [entry["tasks"] for entry in (graphs, cells, both)] == [3, 2, 5]
    for name, rank in both["rank"].items():
        assert rank == pytest.approx((3 * graphs["rank"][name] + 2 * cells["rank"][name]) / 5)
        assert sum(both["rank"].values()) == pytest.approx(6)
        final = [row["rank"] for row in result.statistics["across_tasks"][few_graphs.name] if row["optimizer"] == name][-1]
        assert graphs["rank"][name] == pytest.approx(final)
    own = [o for o in result.outcomes if o.table is few_graphs]
    curves = rank_curves([Judged.by_regret(o) for o in own], list(graphs["rank"]), np.arange(1, 7))
    np.testing.assert_allclose(curves[:, -1], list(graphs["rank"].values()))
    np.testing.assert_allclose(curves.sum(axis=0), 6)


def test_one_task_has_no_ranks(few_graphs: Table) -> None:
    assert study([few_graphs], ["random", "rea"], Protocol(("cora",), 4, 2)).statistics["ranks"] == []
    assert study([few_graphs], ["random"], Protocol(("cora", "cs"), 4, 2)).statistics["ranks"] == []


def test_the_picture_ties_by_bars_and_escapes_names() -> None:
    rank = {"good": 1.2, "<b>bad": 2.9, "middling": 1.9}
    drawing = critical_svg(rank, 1.1, [["good", "middling"], ["middling", "<b>bad"]], "ranks")
    assert drawing.count("var(--accent)") == 2
    assert "<b>" not in drawing
    assert "good  1.20" in drawing
    assert "critical difference 1.10" in drawing
    wide = critical_svg(rank, 2.5, [list(rank)], "ranks")
    assert "more than any two average ranks can differ" in wide
