"""Mixtures of truncated normals, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm, truncnorm

from warmnas.bench import ACCURACY, Metric, WarmnasError
from warmnas.surrogates.curves import FinalValues, NormalMixture

NOT_KNOWN = np.array([np.nan])


def final(weights, locations, stds, metric=ACCURACY) -> FinalValues:
    return FinalValues(metric, NormalMixture(*(np.array([a], dtype=float) for a in (weights, locations, stds))), NOT_KNOWN)


@given(st.floats(0, 1), st.floats(0.01, 1))
@settings(max_examples=40, deadline=None)
def test_one_normal_is_scipys(location, std):
    ours = NormalMixture(np.ones((1, 1)), np.array([[location]]), np.array([[std]]))
    theirs = truncnorm(-location / std, (1 - location) / std, location, std)
    mean, spread = ours.moments()
    assert mean[0] == pytest.approx(theirs.mean(), abs=1e-6)
    assert spread[0] == pytest.approx(theirs.std(), abs=1e-5)
    u = np.linspace(0, 1, 7)
    np.testing.assert_allclose(ours.cdf(u[None])[0], theirs.cdf(u), atol=1e-9)
    inner = u[1:-1]
    np.testing.assert_allclose([ours.log_density(np.array([v]))[0] for v in inner], theirs.logpdf(inner), atol=1e-6)


def test_a_mixture_adds_up():
    f = final([1, 3], [0.2, 0.7], [0.05, 0.1])
    density = quad(lambda y: np.exp(f.log_density(np.array([y]))[0]), 0, 100, points=[20, 70])[0]
    mean = quad(lambda y: y * np.exp(f.log_density(np.array([y]))[0]), 0, 100, points=[20, 70])[0]
    assert density == pytest.approx(1, abs=1e-6)
    assert f.mean[0] == pytest.approx(mean, abs=1e-4)
    assert f.p_better(45.0)[0] == pytest.approx(0.75, abs=0.01)
    assert f.level(f.quantiles([0.4])[:, 0])[0] == pytest.approx(0.4, abs=1e-6)


@pytest.mark.parametrize("value", [10.0, 55.0, 61.5, 99.0])
def test_crps_is_the_closed_form_of_a_normal(value):
    """Gneiting & Raftery 2007, equation 21."""
    mu, sigma = 60.0, 3.0
    z = (value - mu) / sigma
    closed = sigma * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert final([1], [mu / 100], [sigma / 100]).crps(np.array([value]))[0] == pytest.approx(closed, rel=0.01, abs=0.01)


def test_a_metric_to_be_minimized_is_mirrored():
    error = Metric("error", "percent", "minimize", (0.0, 50.0))
    f = final([1], [0.8], [0.05], error)  # .8 of the way from worst to best
    assert f.mean[0] == pytest.approx(10.0, abs=0.01)
    assert f.p_better(20.0)[0] > 0.99
    assert f.quantiles([0.1, 0.9])[0].tolist() == sorted(f.quantiles([0.1, 0.9])[0])
    assert f.level(np.array([20.0]))[0] > 0.99


def test_known_final_values():
    both = NormalMixture(np.ones((2, 1)), np.array([[0.5], [0.5]]), np.array([[0.1], [0.1]]))
    f = FinalValues(ACCURACY, both, np.array([0.7, np.nan]))
    assert f.mean.tolist() == pytest.approx([70, 50])
    assert f.std[0] == 0
    assert f.p_better(69.0).tolist() == pytest.approx([1, 1 - norm.cdf(1.9)], abs=1e-4)
    assert f.log_density(np.array([70.0, 50.0]))[0] == np.inf
    assert f.log_density(np.array([60.0, 50.0]))[0] == -np.inf
    assert f.crps(np.array([71.0, 50.0]))[0] == pytest.approx(1.0)


def test_what_is_not_finite_is_never_passed_on():
    for bad in (np.nan, np.inf):
        with pytest.raises(WarmnasError, match="curve 1"):
            NormalMixture(np.ones((2, 1)), np.array([[0.5], [bad]]), np.full((2, 1), 0.1))
    with pytest.raises(WarmnasError, match="NaN"):
        final([1], [0.5], [0.1]).p_better(np.nan)
    with pytest.raises(WarmnasError, match="between 0 and 1"):
        final([1], [0.5], [0.1]).quantiles([1.5])
