"""The eleven families, their fits, the posterior and the two ways to a prediction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares as scipys
from scipy.stats import norm

from warmnas.surrogates.curves import Curves, curve_models
from warmnas.surrogates.curves import least_squares as ours
from warmnas.surrogates.curves.domhan import Posterior, allowed, fit_families, groups
from warmnas.surrogates.curves.domhan_fast import average, fitted_ends
from warmnas.surrogates.curves.families import FAMILIES, leading_plateau, recency_weights

X = np.arange(1.0, 21)
# Parameters of a plausible curve in each family, and its value at x = 3 by hand.
KNOWN = {
    "vap": ((-0.6, -0.5, 0.04), np.exp(-0.6 - 0.5 / 3 + 0.04 * np.log(3))),
    "ilog2": ((0.8, 0.4), 0.8 - 0.4 / np.log(4)),
    "weibull": ((0.8, 0.1, 0.2, 0.9), 0.8 - 0.7 * np.exp(-(0.6**0.9))),
    "pow3": ((0.9, 0.5, 0.6), 0.9 - 0.5 * 3**-0.6),
    "pow4": ((0.9, 2.0, 1.0, 0.8), 0.9 - 7**-0.8),
    "loglog-linear": ((0.3, 1.2), np.log(0.3 * np.log(3) + 1.2)),
    "mmf": ((0.8, 0.1, 0.3, 1.1), 0.8 - 0.7 / (1 + 0.9**1.1)),
    "janoschek": ((0.8, 0.1, 0.3, 0.9), 0.8 - 0.7 * np.exp(-0.3 * 3**0.9)),
    "hill3": ((0.8, 0.7, 2.0), 0.8 * 3**0.7 / (2**0.7 + 3**0.7)),
    "log-power": ((0.8, 1.0, -0.9), 0.8 / (1 + (3 / np.e) ** -0.9)),
    "exp4": ((0.8, 0.5, -0.3, 0.7), 0.8 - np.exp(-0.5 * 3**0.7 - 0.3)),
}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_the_formula_and_its_fit(family):
    parameters, at_three = KNOWN[family.name]
    curve = family(np.array([parameters]), X)
    assert curve[0, 2] == pytest.approx(at_three)
    weights = recency_weights(len(X))
    costs = []
    for start in family.starts:
        _, cost = ours.fit(lambda theta: family(theta, X), np.array(start), curve, weights)
        costs.append(cost[0])
    assert min(costs) < 2e-3  # half a point of accuracy


def test_the_fit_is_scipys():
    rng = np.random.default_rng(0)
    curves = 0.8 - np.array([[0.4], [0.6]]) * X**-0.7 + 0.01 * rng.standard_normal((2, 20))
    pow3, weights = FAMILIES[3], recency_weights(20)
    theta, cost = ours.fit(lambda t: pow3(t, X), np.array([0.8, 0.5, 0.5]), curves, weights)
    for curve, t, c in zip(curves, theta, cost, strict=True):
        best = scipys(lambda p, y=curve: np.sqrt(weights) * (p[0] - p[1] * X ** -p[2] - y), [0.8, 0.5, 0.5])
        np.testing.assert_allclose(t, best.x, rtol=1e-2)
        assert c == pytest.approx(2 * best.cost, rel=1e-4)


def test_a_function_that_is_not_defined_costs_infinity():
    theta, cost = ours.fit(lambda t: np.full((len(t), 3), np.nan), np.ones(2), np.ones((1, 3)), np.ones(3))
    assert np.isinf(cost[0])
    np.testing.assert_array_equal(theta, [[1, 1]])


def test_the_leading_plateau_is_cut():
    flat = np.array([10.0] * 6 + [30, 40, 50, 55, 60, 62, 64]) / 100
    assert leading_plateau(flat) == 6
    assert leading_plateau(flat[6:]) == 1  # the first epoch itself is not .05 above itself
    assert leading_plateau(np.full(9, 0.5)) == 0
    assert leading_plateau(np.array([0.1, 0.9])) == 0
    values = np.full((1, 20), np.nan)
    values[0, :13] = 100 * flat
    assert groups(Curves(values)) == {(7, 14): [0]}


def test_the_prior_wants_an_end_that_is_not_below_the_second_epoch():
    pow3 = FAMILIES[3]
    rising, falling, beyond = (0.8, 0.3, 0.5), (0.5, -0.3, 0.5), (200.0, 0.3, 0.5)
    assert allowed(pow3, np.array([rising, falling, beyond]), 50).tolist() == [True, False, False]


def test_the_posterior_is_the_weighted_normal_likelihood():
    rng = np.random.default_rng(1)
    target = 0.8 - 0.5 * np.arange(1, 11) ** -0.6 + 0.01 * rng.standard_normal(10)
    posterior = Posterior(fit_families(target[None], 40.0), 0)
    start = posterior.start()
    rows = np.stack([start, start, start])
    rows[1, posterior._sigma] *= 2
    rows[2, -1] = -1.0  # a negative weight
    mean = posterior.values(rows[:1], posterior.x)[0]
    expected = [(recency_weights(10) * norm.logpdf(target, mean, r[posterior._sigma])).sum() for r in rows[:2]]
    log_density = posterior.log_density(rows)
    assert log_density[1] - log_density[0] == pytest.approx(expected[1] - expected[0])
    assert log_density[2] == -np.inf


def clean(seen: int, total: int = 50) -> Curves:
    t = np.arange(1, seen + 1)
    noise = 0.3 * np.random.default_rng(4).standard_normal(seen)
    return Curves((85 - 50 * t**-0.8 + noise)[None], total=total)


def test_both_extrapolate_a_clean_curve():
    truth = 85 - 50 * 50**-0.8
    for name, options in (("domhan", {"steps": 300, "burn_in": 100}), ("domhan-fast", {})):
        final = curve_models[name](**options).final_values(clean(25))
        assert final.mean[0] == pytest.approx(truth, abs=2.5), name
        assert 0.1 < final.std[0] < 4, name
        assert final.p_better(60.0)[0] > 0.99, name
        assert final.p_better(95.0)[0] < 0.05, name


def test_what_is_seen_later_narrows_it():
    fast = curve_models["domhan-fast"]()
    stds = [fast.final_values(clean(seen)).std[0] for seen in (5, 15, 40)]
    assert stds == sorted(stds, reverse=True)


def test_the_average_is_over_the_families_that_the_prior_allows():
    fits = fit_families(clean(25).unit[:, :25], 50.0)
    there = np.isfinite(fits.cost[0])
    mean, spread, noise, freedom = average(fits)
    residuals = fits.cost[0, there] / recency_weights(25).sum()
    parameters = [len(KNOWN[family.name][0]) for family, allowed in zip(FAMILIES, there, strict=True) if allowed]
    assert freedom[0] == pytest.approx(25 - np.mean(parameters))
    assert noise[0] == pytest.approx(np.sqrt(residuals.mean() * 25 / freedom[0]))
    end = fitted_ends(fits)[0, there].mean()
    assert spread[0] == pytest.approx(np.hypot(0.109 * 2**1.41 * noise[0], 0.267 * (end - fits.targets[0, -1])))
    assert mean[0] == pytest.approx(end + 0.426 * spread[0])


def test_few_points_that_are_fitted_exactly_do_not_make_it_sure():
    # Five points of a family itself leave no residual; what lies 95 epochs ahead is open all the same.
    exact = Curves((60 - 40 * np.arange(1.0, 6) ** -0.5)[None], total=100)
    final = curve_models["domhan-fast"]().final_values(exact)
    assert 1 < final.std[0] < 20
    assert final.log_density(np.array([70.0]))[0] > -20
    late = curve_models["domhan-fast"]().final_values(Curves((60 - 40 * np.arange(1.0, 96) ** -0.5)[None], total=100))
    assert late.std[0] < 0.5


def test_a_constant_curve_may_still_move():
    for name in ("domhan-fast", "last"):
        constant = [Curves(np.full((1, seen), 10.0), total=100) for seen in (5, 90)]
        early, late = (curve_models[name]().final_values(curves).p_better(20.0)[0] for curves in constant)
        assert early > 0.1, name
        assert late < 0.01, name


def test_too_few_epochs_are_answered_by_the_last_value():
    final = curve_models["domhan"]().final_values(Curves(np.array([[30.0, 40, 50]]), total=20))
    assert final.mixture.locations[0, 0] == pytest.approx(0.5)
