from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.gaussian_process.kernels import Matern

from warmnas.bench import FloatArray, Genotypes, WarmnasError, space
from warmnas.search.streams import Streams
from warmnas.surrogates.acquisition import normal_scores
from warmnas.transfer.deep_kernel import TRUST, DeepKernelGP, matern
from warmnas.transfer.pooling import Source

CELLS = space("nasbench201")
POOL = CELLS.sample(120, np.random.default_rng(1))


def quality(genotypes: Genotypes) -> FloatArray:
    """Only two of the six genes matter, which a Hamming distance does not know."""
    return np.asarray((genotypes[..., 0] == 3) + 0.6 * (genotypes[..., 4] <= 1), dtype=float)


def source(runs: int, seed: int = 0, rows: int = 80) -> Source:
    rng = np.random.default_rng(seed)
    genotypes = np.stack([CELLS.sample(rows, rng) for _ in range(runs)])
    return genotypes, quality(genotypes)


def model(runs: int = 2, **options: Any) -> DeepKernelGP:
    streams = Streams(np.random.SeedSequence(3).spawn(runs))
    return DeepKernelGP(CELLS, POOL, runs, streams, **{"width": 8, "layers": 2, **options})


def drawn(runs: int, n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.stack([np.random.default_rng(r).choice(len(POOL), n, replace=False) for r in range(runs)])


def test_the_kernel_is_matern() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 4, 3))
    found = matern(torch.from_numpy(one), torch.from_numpy(other)).numpy()
    for run in range(2):
        np.testing.assert_allclose(found[run], Matern(nu=2.5)(one[run], other[run]), atol=1e-5)


def test_the_loss_is_the_marginal_likelihood_whatever_the_scale() -> None:
    gp = model(1)
    x, y = source(1, rows=15)
    encoded, told = gp._encoded(x), torch.from_numpy(normal_scores(y))
    with torch.no_grad():
        loss = float(gp.kernel.loss(encoded, told))
        scaled = float(gp.kernel.loss(encoded, 7 * told + 3))
        z = gp.kernel.features(encoded)[0].double().numpy()
    values = told[0].numpy() - told[0].numpy().mean()
    covariance = Matern(nu=2.5)(z) + 0.05 * np.eye(15)
    scale = values @ np.linalg.solve(covariance, values) / 15
    expected = -multivariate_normal.logpdf(values, cov=scale * covariance) / 15
    assert loss + 0.5 * (1 + np.log(2 * np.pi)) == pytest.approx(expected, abs=1e-4)
    assert scaled - loss == pytest.approx(np.log(7), abs=1e-4)


def test_the_posterior_is_that_of_a_gp() -> None:
    gp, rows = model(2), drawn(2, 9)
    y = quality(POOL[rows]) + 0.01 * rows
    mean, deviation = gp.adapt(rows, y, 0).predict()
    z = gp._features[1].double().numpy()
    scores = normal_scores(y)[1]
    kernel = Matern(nu=2.5)
    inverse = np.linalg.inv(kernel(z[rows[1]]) + 0.05 * np.eye(9))
    across, values = kernel(z[rows[1]], z), scores - scores.mean()
    np.testing.assert_allclose(mean[1], scores.mean() + values @ inverse @ across, atol=1e-3)
    scale = (values @ inverse @ values + TRUST) / (9 + TRUST)
    variance = scale * (1 - np.einsum("nm,nk,km->m", across, inverse, across))
    np.testing.assert_allclose(deviation[1], np.sqrt(np.maximum(variance, 1e-6 * scale)), atol=2e-3)


def test_results_may_come_one_by_one() -> None:
    """The covariances are kept between refits, and what comes out is as if all results had come at once."""
    rows, gp = drawn(2, 9), model(2)
    y = quality(POOL[rows]) + 0.01 * rows
    gp.adapt(rows[:, :5], y[:, :5], 0)
    for n in (6, 7, 9):
        gp.observe(rows[:, :n], y[:, :n])
    step, whole = gp.predict(), model(2).adapt(rows, y, 0).predict()
    np.testing.assert_allclose(step, whole, atol=1e-4)


def test_what_sources_share_makes_a_kernel_that_knows_the_target() -> None:
    rows = drawn(4, 12)
    y = quality(POOL[rows])
    fits = {}
    for steps in (0, 150):
        gp = model(4, width=16, rate=2e-2).fit_sources([source(4), source(4, seed=5)], steps)
        mean = gp.adapt(rows, y, 0).predict()[0]
        fits[steps] = np.mean([np.corrcoef(mean[run], quality(POOL))[0, 1] for run in range(4)])
    assert fits[150] > fits[0] + 0.2


def test_fine_tuning_starts_from_what_was_learned_each_time() -> None:
    rows = drawn(2, 8)
    y = quality(POOL[rows])
    gp = model(2).fit_sources([source(2)], 10)
    first = gp.adapt(rows, y, 5).predict()[0].copy()
    np.testing.assert_allclose(gp.adapt(rows, y, 5).predict()[0], first, atol=1e-6)
    assert not np.allclose(gp.adapt(rows, y, 0).predict()[0], first, atol=1e-4)


def test_sources_predict_their_own_task() -> None:
    one, (x, y) = source(2), source(2, seed=3)
    gp = model(2).fit_sources([one, (x, -y)], 60)
    new = np.stack([POOL[:40]] * 2)
    means = gp.predict_sources(new)
    assert means.shape == (2, 2, 40)
    assert np.corrcoef(means[0, 0], quality(POOL[:40]))[0, 1] > 0.3
    assert np.corrcoef(means[0, 1], quality(POOL[:40]))[0, 1] < -0.3


@pytest.mark.parametrize("name", ["nasbench101", "nasbench-graph", "nats-size", "chain", "darts"])
def test_any_space_with_an_encoding_will_do(name: str) -> None:
    other = space(name)
    pool = other.sample(20, np.random.default_rng(0))
    streams = Streams(np.random.SeedSequence(0).spawn(1))
    for kind in other.encodings:
        gp = DeepKernelGP(other, pool, 1, streams, kind, width=4, layers=2)
        gp.fit_sources([(pool[None], np.arange(20.0)[None])], 2)
        mean, deviation = gp.adapt(np.arange(5)[None], np.arange(5.0)[None], 1).predict()
        assert np.isfinite(mean).all()
        assert (deviation > 0).all()


@pytest.mark.parametrize("values", ["constant", "nan"])
def test_bad_sources(values: str) -> None:
    x, y = source(2)
    y = np.full_like(y, 3.0) if values == "constant" else np.where(y > 0.8, np.nan, y)
    mean = model().fit_sources([(x, y)], 5).adapt(drawn(2, 3), np.full((2, 3), 5.0), 3).predict()[0]
    assert np.isfinite(mean).all()
    with pytest.raises(WarmnasError, match="5 genes"):
        model().fit_sources([(x[..., :5], y)], 1)
