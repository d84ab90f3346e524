"""Correlations, choices and the scoring of many architectures, against brute force on small lists."""

from __future__ import annotations

import json
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, rankdata, spearmanr

from warmnas.bench import space
from warmnas.search.zero_shot import choose, compared, known_table, score_in_parallel
from warmnas.search.zero_shot.choice import outcome
from warmnas.search.zero_shot.correlations import best, ceiling, correlations, partial, spearman
from warmnas.surrogates.proxies import GaussianInputs, Memory, ProbeRecipe, draw_connected, score

NB201 = space("nasbench201")
INPUTS = GaussianInputs((3, 8, 8), 4)
RECIPE = ProbeRecipe(batch=4, width=2, cells=1)


@pytest.fixture(scope="module")
def scores():
    cells = draw_connected(NB201, 60, np.random.default_rng(0))
    return score(NB201, cells, ["params", "live-params", "az-nas", "synflow"], INPUTS, RECIPE)


# --- correlations --------------------------------------------------------------------------------------------------
def test_spearman_and_the_partial_one():
    rng = np.random.default_rng(0)
    size = rng.integers(0, 9, 50).astype(float)  # with ties
    a, b = size + rng.normal(size=50), size + rng.normal(size=50)
    assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)
    r = [rankdata(x) for x in (a, b, size)]
    left = [x - np.polyval(np.polyfit(r[2], x, 1), r[2]) for x in r[:2]]
    assert partial(a, b, size) == pytest.approx(pearsonr(*left).statistic)
    assert np.isnan(partial(size, b, 2 * size + 1))
    assert np.isnan(spearman(np.ones(9), np.arange(9.0)))
    assert np.isnan(spearman(a[:3], b[:3]))


def test_what_cannot_be_measured_is_a_last_place():
    a, b = np.arange(10.0), np.arange(10.0)
    assert spearman(np.where(a < 1, -np.inf, a), b) == 1


def test_tops_classes_and_missing_accuracies():
    accuracies = np.array([10.0, 20, 30, 40, 50, 60, 70, 80, 90, 91, np.nan, 92])
    scores = np.array([1.0, 2, 3, 4, 5, 10, 9, 8, 7, 6, 99, 5.5])
    classes = np.array([0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    found = correlations(scores, accuracies, classes, None)
    assert found.architectures == 11
    there = ~np.isnan(accuracies)
    assert found.spearman == pytest.approx(spearmanr(scores[there], accuracies[there]).statistic)
    assert found.low <= found.spearman <= found.high
    assert found.top_half == pytest.approx(-1)
    assert np.isnan(found.top_tenth)
    assert np.isnan(found.partial)
    one_each = np.array([0, 3, 4, 5, 6, 7, 8, 9, 11])
    ranked = rankdata(scores[there])
    s, a = np.append(ranked, 0)[[1, 3, 4, 5, 6, 7, 8, 9, 10]], accuracies[one_each]
    a[0] = 20
    assert found.classes == pytest.approx(spearmanr(s, a).statistic)


def test_ceiling_of_known_noise():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=4000)
    seeds = truth[:, None] + rng.normal(size=(4000, 3))
    reached = spearmanr(truth, seeds.mean(1)).statistic
    assert ceiling(seeds) == pytest.approx(reached, abs=0.02)
    seeds[::2, 2] = np.nan
    assert ceiling(seeds) < reached
    assert np.isnan(ceiling(seeds[:, :1]))
    assert best(np.arange(10.0), 0.25).tolist() == [9, 8, 7]


# --- choice --------------------------------------------------------------------------------------------------------
@given(st.lists(st.integers(0, 2), min_size=1, max_size=6), st.integers(1, 4), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_choices_are_means_over_all_orders_of_ties(levels, n, seed):
    rng = np.random.default_rng(seed)
    scores, size = np.array(levels, float), len(levels)
    seen, told = rng.permutation(size).astype(float), rng.normal(size=size)
    firsts, tens, bests = [], [], []
    for order in permutations(range(size)):
        chosen = sorted(order, key=lambda row: -scores[row])[:n]
        firsts.append(told[chosen[0]])
        tens.append(told[chosen].mean())
        bests.append(told[max(chosen, key=lambda row: seen[row])])
    expected = [np.mean(x) for x in (firsts, tens, bests)]
    np.testing.assert_allclose(outcome(scores, seen, told, n), expected)


def test_random_choice_is_the_mean_over_all_draws():
    told = np.random.default_rng(0).normal(size=8)
    first, _, best_of = outcome(np.zeros(8), told, told, 3)
    assert first == pytest.approx(told.mean())
    assert best_of == pytest.approx(np.mean([max(draw) for draw in combinations(told, 3)]))


def test_choose_under_three_bounds(cells, scores):
    found = choose(cells, "cifar100", scores, 100)
    bounds = sorted({choice.bound for choice in found})
    assert len(bounds) == 3
    assert {choice.method for choice in found} == {"params", "live-params", "az-nas", "synflow", "random"}
    size = NB201.live_params(scores.genotypes, 100)
    assert size is not None
    values = cells.values("cifar100", cells.rows(scores.genotypes))
    for choice in found:
        within = np.flatnonzero(size <= choice.bound)
        assert choice.candidates == len(within)
        assert choice.optimum == pytest.approx(values[within].max())
        assert choice.first <= choice.optimum
        if choice.method == "az-nas":  # relative to the candidates within the bound, not to all
            assert choice.first == pytest.approx(values[within[np.argmax(scores.of("az-nas", within))]])
        if choice.method == "live-params":
            largest = within[size[within] == size[within].max()]
            assert choice.first == pytest.approx(values[largest].mean())


# --- many architectures --------------------------------------------------------------------------------------------
def test_processes_change_nothing(tmp_path):
    cells = draw_connected(NB201, 20, np.random.default_rng(2))
    alone = score(NB201, cells, ["synflow", "naswot"], INPUTS, RECIPE)
    done: list[int] = []
    many = score_in_parallel(
        NB201, cells, ["synflow", "naswot"], INPUTS, RECIPE, 2, done.append, lambda: Memory(tmp_path / "memory.db")
    )
    assert sum(done) == 20
    for name in ("synflow", "naswot"):
        np.testing.assert_array_equal(alone.parts[name], many.parts[name])
    again = score(NB201, cells, ["synflow"], INPUTS, RECIPE, Memory(tmp_path / "memory.db"))
    assert again.seconds["synflow"] == many.seconds["synflow"]


def test_draws_are_connected_different_and_uniform():
    cells = draw_connected(NB201, 3000, np.random.default_rng(3))
    assert NB201.connected(cells).all()
    assert len(np.unique(NB201.index(cells))) == 3000
    whole = NB201.all_genotypes()
    share = (whole[NB201.connected(whole)] == 3).mean(0)
    np.testing.assert_allclose((cells == 3).mean(0), share, atol=0.03)


def test_rows_of_the_comparison(cells, scores):
    assert known_table(NB201, scores.genotypes) is not None
    content = json.loads(json.dumps(compared(scores, cells)))
    assert [row["proxy"] for row in content["rows"]] == ["params", "live-params", "az-nas", "synflow"]
    values = cells.values("cifar100", cells.rows(scores.genotypes))
    for row in content["rows"]:
        assert row["architectures"] == 60
        assert row["spearman"]["cifar100"] == pytest.approx(spearmanr(scores.of(row["proxy"]), values).statistic)
        low, high = row["interval"]["cifar100"]
        assert low < row["spearman"]["cifar100"] < high
    assert 0.9 < content["ceilings"]["cifar100"]["all"] <= 1
    nothing = compared(scores, None)
    assert nothing["choice"] == []
    assert nothing["rows"][0]["spearman"] == {}
