from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, Kernel, WhiteKernel

from warmnas.bench import FloatArray, Genotypes, space
from warmnas.surrogates.acquisition import expected_improvement, normal_scores
from warmnas.surrogates.gp import HammingGP, PoolGP

CELLS = space("nasbench201")


def observations(runs: int, n: int, seed: int = 0) -> tuple[Genotypes, FloatArray]:
    rng = np.random.default_rng(seed)
    pool = CELLS.all_genotypes()[::25]
    rows = np.stack([rng.choice(len(pool), n, replace=False) for _ in range(runs)])
    genotypes = pool[rows]
    values = (genotypes == 3).sum(axis=-1) - 0.5 * (genotypes == 0).sum(axis=-1) + 0.1 * rng.standard_normal((runs, n))
    return genotypes, values


def reference_kernel(theta: float) -> Kernel:
    """On one-hot vectors the squared distance is twice the Hamming distance, so theta^Hamming is an RBF kernel."""
    return RBF(length_scale=np.sqrt(-1 / np.log(theta)), length_scale_bounds="fixed")


@pytest.mark.parametrize("theta", [0.3, 0.75])
@pytest.mark.parametrize("noise", [1e-3, 1e-1])
def test_prediction_equals_scikit_learns(theta: float, noise: float) -> None:
    x, y = observations(1, 25)
    new = CELLS.all_genotypes()[7::500]
    ours = HammingGP((theta,), (noise,)).fit(x[0], y[0])
    mean, std = ours.predict(new, return_std=True)
    kernel = reference_kernel(theta) + WhiteKernel(noise, noise_level_bounds="fixed")
    theirs = GaussianProcessRegressor(kernel, optimizer=None, alpha=0.0).fit(CELLS.one_hot(x[0]), y[0] - y[0].mean())
    expected, their_std = theirs.predict(CELLS.one_hot(new), return_std=True)
    np.testing.assert_allclose(mean, expected + y[0].mean(), atol=1e-4)
    # Theirs is the deviation of a noisy observation of unit scale, ours of the function at the profiled scale.
    function_std = np.sqrt(np.maximum(their_std**2 - noise, 0)) * np.sqrt(ours.scale_[0])
    np.testing.assert_allclose(std, function_std, atol=2e-3)


def test_the_most_likely_pair_is_taken() -> None:
    x, y = observations(1, 40)
    likelihood = {}
    grid = HammingGP()
    for theta in grid.thetas:
        for noise in grid.noises:
            one = HammingGP((theta,), (noise,)).fit(x[0], y[0])
            kernel = one.scale_[0] * (reference_kernel(theta)(CELLS.one_hot(x[0])) + noise * np.eye(40))
            residual = y[0] - y[0].mean()
            _, logdet = np.linalg.slogdet(kernel)
            likelihood[theta, noise] = -0.5 * (residual @ np.linalg.solve(kernel, residual) + logdet)
    grid.fit(x[0], y[0])
    assert (grid.theta_[0], grid.noise_[0]) == max(likelihood, key=lambda pair: likelihood[pair])


def test_runs_do_not_mix() -> None:
    x, y = observations(3, 12)
    new = CELLS.all_genotypes()[::700]
    together = HammingGP().fit(x, y).predict(new)
    for run in range(3):
        np.testing.assert_allclose(together[run], HammingGP().fit(x[run], y[run]).predict(new), atol=1e-5)


def test_growing_posterior_equals_a_fresh_one() -> None:
    pool = CELLS.all_genotypes()[::25]
    rng = np.random.default_rng(3)
    rows = np.stack([rng.choice(len(pool), 30, replace=False) for _ in range(2)])
    values = rng.standard_normal((2, 30))
    growing = PoolGP(pool, 2, 30)
    for n in range(5, 31):
        growing.fit(rows[:, :n], values[:, :n])
        mean, std = growing.predict()
        for run in range(2):
            pair = ((growing.gp.theta_[run],), (growing.gp.noise_[run],))
            fresh = HammingGP(*pair).fit(pool[rows[run, :n]], values[run, :n])
            expected, expected_std = fresh.predict(pool, return_std=True)
            np.testing.assert_allclose(mean[run], expected, atol=2e-4)
            np.testing.assert_allclose(std[run], expected_std, atol=2e-3)


def test_constant_values_give_a_constant_prediction() -> None:
    x, _ = observations(1, 8)
    mean = HammingGP().fit(x, np.full((1, 8), 3.0)).predict(CELLS.all_genotypes()[::900])
    np.testing.assert_allclose(mean, 3.0)


@settings(deadline=None, max_examples=30)
@given(st.floats(-2, 2), st.floats(0.05, 2), st.floats(-2, 2))
def test_expected_improvement_is_the_mean_improvement(mean: float, std: float, best: float) -> None:
    draws = norm(mean, std).ppf((np.arange(20_000) + 0.5) / 20_000)
    ours = expected_improvement(np.array([mean]), np.array([std]), np.array([best]))
    np.testing.assert_allclose(ours, np.maximum(draws - best, 0).mean(), atol=2e-3)


def test_normal_scores_keep_the_order_and_share_ties() -> None:
    scores = normal_scores(np.array([[3.0, 1.0, 2.0, 2.0]]))[0]
    assert scores[0] > scores[2] == scores[3] > scores[1]
    np.testing.assert_allclose(scores.sum(), 0, atol=1e-12)


def test_it_has_the_manners_of_scikit_learn() -> None:
    from sklearn.base import clone

    assert set(HammingGP().get_params()) == {"thetas", "noises"}
    assert clone(HammingGP(thetas=(0.5,))).thetas == (0.5,)
