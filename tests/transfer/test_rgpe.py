from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from warmnas.bench import FloatArray, Genotypes, UnknownName, space
from warmnas.search.streams import Streams
from warmnas.surrogates.acquisition import normal_scores
from warmnas.surrogates.gp import HammingGP, PoolGP
from warmnas.transfer.pooling import Source
from warmnas.transfer.rgpe import RGPE, ranking_losses, shares

CELLS = space("nasbench201")
POOL = CELLS.sample(150, np.random.default_rng(1))


def quality(genotypes: Genotypes, wanted: int = 3) -> FloatArray:
    """Better with more operations of one kind, and a little with the first genes."""
    weights = np.linspace(1.2, 1.0, 6)
    return np.asarray(((genotypes == wanted) * weights).sum(axis=-1))


def source(runs: int, wanted: int, rows: int = 60, seed: int = 0) -> Source:
    rng = np.random.default_rng(seed)
    genotypes = np.stack([CELLS.sample(rows, rng) for _ in range(runs)])
    return genotypes, quality(genotypes, wanted)


def ensemble(runs: int = 2, **options: Any) -> RGPE:
    streams = Streams(np.random.SeedSequence(3).spawn(runs))
    return RGPE(CELLS, POOL, runs, 40, streams, **options)


def drawn(runs: int, n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.stack([np.random.default_rng(r).choice(len(POOL), n, replace=False) for r in range(runs)])


def test_losses_count_misranked_pairs() -> None:
    rng = np.random.default_rng(5)
    base, own, y = rng.normal(size=(1, 2, 7)), rng.normal(size=(1, 7)), rng.integers(0, 4, (1, 7)).astype(float)
    sample = rng.integers(0, 7, 7)
    counts = np.bincount(sample, minlength=7)[None, None].astype(float)
    expected = [0, 0, 0]
    for j in sample:
        for k in sample:
            for model in (0, 1):
                expected[model] += (base[0, model, j] < base[0, model, k]) != (y[0, j] < y[0, k])
            expected[2] += (own[0, j] < y[0, k]) != (y[0, j] < y[0, k])
    np.testing.assert_array_equal(ranking_losses(base, own, y, counts)[0, :, 0], expected)


def test_shares_divide_ties() -> None:
    loss = np.array([[[1.0, 2.0, 3.0, 0.0], [1.0, 5.0, 1.0, 0.0], [4.0, 3.0, 1.0, 0.0]]])
    np.testing.assert_allclose(shares(loss), [[(0.5 + 1 + 1 / 3) / 4, (0.5 + 0.5 + 1 / 3) / 4, (0.5 + 1 / 3) / 4]])


def test_leave_one_out_is_a_gp_without_that_point() -> None:
    rows = drawn(1, 12)
    scores = normal_scores(quality(POOL[rows]) + 0.1 * np.random.default_rng(0).normal(size=rows.shape))
    pool = PoolGP(POOL, 1, 40)
    pool.fit(rows, scores)
    found = pool.leave_one_out(scores)[0]
    theta, noise = pool.gp.theta_.item(), pool.gp.noise_.item()
    x, y = POOL[rows[0]], scores[0] - scores[0].mean()
    kernel = theta ** (x[:, None] != x[None]).sum(axis=-1)
    for i in range(12):
        others = np.arange(12) != i
        weights = np.linalg.solve(kernel[np.ix_(others, others)] + noise * np.eye(11), y[others])
        assert found[i] == pytest.approx(scores[0].mean() + kernel[i, others] @ weights)


def test_without_results_the_sources_speak() -> None:
    one, other = source(2, 3), source(2, 3, seed=9)
    model = ensemble().fit_sources([one, other])
    np.testing.assert_allclose(model.weights_, [[0.5, 0.5, 0.0]] * 2)
    mean, deviation = model.predict()
    assert np.corrcoef(mean[0], quality(POOL))[0, 1] > 0.8
    gps = [HammingGP().fit(x, normal_scores(y)).predict(POOL, return_std=True) for x, y in (one, other)]
    np.testing.assert_allclose(mean, 0.5 * (gps[0][0] + gps[1][0]), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(deviation, np.sqrt(0.25 * (gps[0][1] ** 2 + gps[1][1] ** 2)), rtol=1e-4)


@pytest.mark.parametrize("dilution", ["probabilistic", "percentile", "none"])
def test_a_source_that_agrees_outweighs_one_that_does_not(dilution: str) -> None:
    good, (genotypes, values) = source(8, 3), source(8, 3, seed=4)
    model = ensemble(8, dilution=dilution).fit_sources([good, (genotypes, -values)])
    rows = drawn(8, 6)
    model.adapt(rows, quality(POOL[rows]))
    assert model.weights_[:, 0].mean() > 0.5  # at chance a source that could help is left out too
    assert (model.weights_[:, 1] < 0.05).all()
    np.testing.assert_allclose(model.weights_.sum(axis=1), 1.0)


def test_dilution_takes_the_weight_of_many_useless_sources() -> None:
    noise = [(source(2, 3, seed=s)[0], np.random.default_rng(s).normal(size=(2, 60))) for s in range(10)]
    rows = drawn(2, 12)
    left = {}
    for dilution in ("none", "probabilistic", "percentile"):
        model = ensemble(dilution=dilution).fit_sources(noise)
        model.adapt(rows, quality(POOL[rows]))
        left[dilution] = model.weights_[:, :-1].sum()
    assert left["probabilistic"] < left["none"]
    assert left["percentile"] <= left["none"]


def test_sources_fade_towards_the_end_of_the_budget() -> None:
    rows = drawn(2, 40)
    model = ensemble().fit_sources([source(2, 3)])
    model.adapt(rows, quality(POOL[rows]))
    np.testing.assert_allclose(model.weights_, [[0.0, 1.0]] * 2)  # 1 - n / budget is 0


def test_before_three_results_all_models_weigh_the_same() -> None:
    rows = drawn(2, 2)
    model = ensemble().fit_sources([source(2, 3)])
    model.adapt(rows, quality(POOL[rows]))
    np.testing.assert_allclose(model.weights_, [[0.5, 0.5]] * 2)


def test_many_rows_are_thinned_and_shared_sources_are_fitted_once() -> None:
    rng = np.random.default_rng(8)
    x = CELLS.sample(400, rng)
    shared = np.broadcast_to(x, (2, *x.shape)), np.broadcast_to(quality(x), (2, 400))
    model = ensemble(rows=300).fit_sources([shared])
    assert model.means[0].shape == (1, len(POOL))
    rows = drawn(2, 6)
    mean = model.adapt(rows, quality(POOL[rows])).predict()[0]
    assert mean.shape == (2, len(POOL))
    assert np.corrcoef(mean[1], quality(POOL))[0, 1] > 0.8


def test_an_unknown_dilution_is_refused() -> None:
    with pytest.raises(UnknownName, match="percentile"):
        ensemble(dilution="water")
