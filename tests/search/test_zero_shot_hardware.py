"""Search under bounds of the hardware, the additive model of latency, and Pareto fronts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmnas.bench import UnknownName, WarmnasError, space
from warmnas.search.zero_shot import (
    AdditiveLatency,
    Limit,
    measured_latency,
    network_cost,
    pareto,
    proxy_front,
    search_within,
)
from warmnas.surrogates.proxies import GaussianInputs, ProbeRecipe, draw_connected, score

NB201: Any = space("nasbench201")
INPUTS = GaussianInputs((3, 8, 8), 4)
RECIPE = ProbeRecipe(batch=4, width=2, cells=1)
TIMES = np.array([0.0, 0.2, 1.0, 2.5, 0.4])


def true_latency(cells):
    """What an additive device would measure: dead edges take no time."""
    return 3.0 + TIMES[NB201.live(cells)].sum(-1)


def live_params(cells):
    return NB201.params(NB201.live(cells), 4, width=2, cells=1)


# --- latency ---------------------------------------------------------------------------------------------------------
def test_an_additive_device_is_recovered():
    cells = draw_connected(NB201, 400, np.random.default_rng(0))
    model = AdditiveLatency.calibrate(NB201, cells[:15], true_latency(cells[:15]))
    np.testing.assert_allclose(model(cells), true_latency(cells), rtol=1e-6)
    noisy: Any = true_latency(cells[:20]) * np.random.default_rng(1).normal(1, 0.05, 20)
    model = AdditiveLatency.calibrate(NB201, cells[:20], noisy)
    assert model.base >= 0
    assert (model.times >= 0).all()
    error = np.abs(model(cells) / true_latency(cells) - 1)
    assert np.median(error) < 0.05


def test_genes_of_different_choices_have_their_own_times():
    other = space("chain")
    cells = other.sample(40, np.random.default_rng(0))
    latencies = (1.0 + other.depth(cells)).astype(np.float64)
    model = AdditiveLatency.calibrate(other, cells, latencies)
    np.testing.assert_allclose(model(cells), latencies, rtol=1e-6)


def test_bad_measurements():
    cells = draw_connected(NB201, 10, np.random.default_rng(0))
    for latencies in (np.ones(9), np.full(10, np.nan), np.zeros(10)):
        with pytest.raises(WarmnasError, match="latency"):
            AdditiveLatency.calibrate(NB201, cells, latencies)
    with pytest.raises(WarmnasError, match="3 measured"):
        AdditiveLatency.calibrate(NB201, cells[:2], np.ones(2))
    with pytest.raises(UnknownName, match="live-params"):
        network_cost(NB201, "live-param", INPUTS, RECIPE)


def test_latency_of_a_table(few_cells):
    bare = few_cells.data.drop_vars(["latency", "device"])
    bare.attrs.pop("hash", None)
    with pytest.raises(WarmnasError, match="no latencies"):
        measured_latency(type(few_cells)(bare), "phone")
    values = np.arange(600.0).reshape(300, 2)
    values[7, 1] = np.nan
    data = bare.assign(latency=(("architecture", "device"), values)).assign_coords(device=["gpu", "phone"])
    table = type(few_cells)(data)
    with pytest.raises(UnknownName, match="phone"):
        measured_latency(table, "phon")
    cost = measured_latency(table, "phone")
    found = cost(table.genotypes[[0, 7, 9]])
    np.testing.assert_array_equal(found, [1, np.inf, 19])
    outside = draw_connected(NB201, 100, np.random.default_rng(0))
    outside = outside[table.rows(outside) < 0]
    assert np.isinf(cost(outside)).all()


# --- search ----------------------------------------------------------------------------------------------------------
def test_search_stays_within_the_bound_and_finds_the_best():
    bound = 6.0
    found = search_within(NB201, "live-params", INPUTS, RECIPE, true_latency, bound, evaluations=80, population=16)
    assert (found.costs <= bound).all()
    np.testing.assert_allclose(found.costs, true_latency(found.genotypes))
    assert len(found.genotypes) == 80
    assert len(np.unique(NB201.class_keys(found.genotypes))) == 80
    assert (np.diff(found.scores) <= 0).all()
    every = NB201.all_genotypes()
    every = every[NB201.connected(every) & (true_latency(every) <= bound)]
    np.testing.assert_array_equal(found.scores, live_params(found.genotypes))
    assert found.scores[0] >= np.quantile(live_params(every), 0.99)
    # Drawing as many at random does not get there.
    drawn = every[np.random.default_rng(0).choice(len(every), 80, replace=False)]
    assert live_params(found.genotypes).mean() > live_params(drawn).mean()


def test_a_relative_proxy_ranks_the_searchs_own_pool():
    cost = network_cost(NB201, "live-params", INPUTS, RECIPE)
    found = search_within(NB201, "az-nas", INPUTS, RECIPE, cost, 1600.0, evaluations=12, population=6)
    again = score(NB201, found.genotypes, ["az-nas"], INPUTS, RECIPE).of("az-nas")
    np.testing.assert_allclose(found.scores, again)
    assert (found.costs <= 1600).all()
    same = search_within(NB201, "az-nas", INPUTS, RECIPE, cost, 1600.0, evaluations=12, population=6)
    np.testing.assert_array_equal(found.genotypes, same.genotypes)


def test_nothing_within_the_bound():
    with pytest.raises(WarmnasError, match="nothing within 1; the cheapest"):
        search_within(NB201, "live-params", INPUTS, RECIPE, true_latency, 1.0, 5, 4)
    with pytest.raises(WarmnasError, match="evaluations"):
        search_within(NB201, "live-params", INPUTS, RECIPE, true_latency, 9.0, 0)


def test_a_small_space_is_searched_to_its_end():
    # A skip alone: connected cells of this cost are few, and all of them are one function.
    found = search_within(NB201, "live-params", INPUTS, RECIPE, true_latency, 3.2, evaluations=50, population=4)
    assert len(found.genotypes) == 1


# --- fronts ----------------------------------------------------------------------------------------------------------
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_pareto_by_comparing_all_pairs(pairs):
    values, costs = (np.array(x, float) for x in zip(*pairs, strict=True))
    front = pareto(values, costs)
    expected = {(v, c) for v, c in pairs if not any((a >= v and b <= c) and (a > v or b < c) for a, b in pairs)}
    assert {(values[row], costs[row]) for row in front} == expected
    assert len(front) == len(expected)
    assert (np.diff(costs[front]) > 0).all()


def test_the_front_of_a_proxy():
    cells = draw_connected(NB201, 30, np.random.default_rng(4))
    scores = score(NB201, cells, ["live-params"], INPUTS, RECIPE)
    costs = true_latency(cells)
    costs[3] = np.inf
    rows = proxy_front(scores, "live-params", costs, bins=3)
    order = np.argsort(costs, kind="stable")[:29]
    for row, part in zip(rows, np.array_split(order, 3), strict=True):
        assert row in part
        assert scores.of("live-params")[row] == scores.of("live-params")[part].max()


def test_a_limit_as_text(few_cells, tmp_path):
    assert Limit.parse("live-flops=60e6") == Limit("live-flops", 60e6)
    for text in ("live-flops", "=5", "live-flops=", "live-flops=much", "live-flops=0", "live-flops=nan"):
        with pytest.raises(WarmnasError, match="COST=BOUND"):
            Limit.parse(text)
    with pytest.raises(UnknownName, match="live-flops"):
        Limit.parse("live-flop=1").cost(NB201, INPUTS, RECIPE)
    values = np.arange(1.0, 301.0)[:, None]
    data = few_cells.data.drop_vars(["latency", "device"]).assign(latency=(("architecture", "device"), values))
    data = data.assign_coords(device=["phone"])
    data.attrs.pop("hash", None)
    type(few_cells)(data).save(tmp_path / "hw.h5")
    cost = Limit.parse(f"{tmp_path / 'hw.h5'}:phone=5").cost(NB201, INPUTS, RECIPE)
    np.testing.assert_array_equal(cost(few_cells.genotypes[[0, 9]]), [1, 10])
    with pytest.raises(WarmnasError, match="not of chain"):
        Limit.parse(f"{tmp_path / 'hw.h5'}:phone=5").cost(space("chain"), INPUTS, RECIPE)
