"""The parts of warm against independent references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from warmnas.bench import FloatArray, Genotypes, IntArray, space
from warmnas.surrogates.acquisition import normal_scores
from warmnas.transfer.source_ranking import mean_source_rank
from warmnas.transfer.warm import Source, WarmSurrogate
from warmnas.transfer.warm.features import Features, features_of, pairs
from warmnas.transfer.warm.mixture import LEVEL, OF_SOURCES, PARTS, REACH, THETA, Hypotheses, fit, standardised
from warmnas.transfer.warm.model import MOST, WarmGP
from warmnas.transfer.warm.prior import agreement, make_prior
from warmnas.transfer.warm.reading import STRONG, read_sources
from warmnas.transfer.warm.smoothing import PENALTIES, Ridge

CELLS = space("nasbench201")
SIZE = 250


@pytest.fixture(scope="module")
def cells() -> Genotypes:
    every = CELLS.all_genotypes()
    return every[np.sort(np.random.default_rng(1).choice(len(every), SIZE, replace=False))]


@pytest.fixture(scope="module")
def features(cells: Genotypes) -> Features:
    return features_of(CELLS, cells)


def quality(genotypes: Genotypes, weights: tuple[float, ...] = (0, 1, 2, 3, 0.5)) -> FloatArray:
    total: FloatArray = np.array(weights)[genotypes] @ (1 + 0.1 * np.arange(6))
    return total


def source(cells: Genotypes, values: FloatArray, rows: IntArray | None = None, runs: int = 1) -> Source:
    at = np.arange(len(cells)) if rows is None else rows
    return Source(
        "a",
        np.broadcast_to(cells[at], (runs, len(at), 6)),
        np.broadcast_to(values[at], (runs, len(at))),
        np.broadcast_to(at, (runs, len(at))),
    )


def test_pairs_say_which_two_choices_stand_together(cells: Genotypes) -> None:
    together = pairs(CELLS, cells)
    assert (together.sum(axis=1) == 15).all()
    same = (cells[:, None] == cells[None]).sum(axis=-1)
    np.testing.assert_array_equal(together @ together.T, same * (same - 1) / 2)


def test_features_of_the_candidates_are_those_of_any_genotypes(cells: Genotypes, features: Features) -> None:
    np.testing.assert_allclose(features.of(cells[5:9]), features.all[5:9], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(features.all[:, features.graph.shape[1] :].std(axis=0), 1, atol=1e-3)


@pytest.mark.parametrize("n", [30, 240])
def test_ridge_is_the_ridge_of_the_textbook_with_the_best_evidence(features: Features, n: int) -> None:
    f = features.all[:n, :100].astype(float)
    z = f @ np.random.default_rng(0).normal(size=100) * 0.1 + np.random.default_rng(1).normal(size=n)
    weights, factor = Ridge(f.astype(np.float32)).weights(z[:, None])

    def log_evidence(penalty: float) -> float:
        covariance = np.eye(n) + f @ f.T / penalty
        scale = z @ np.linalg.solve(covariance, z) / n
        return float(-0.5 * n * np.log(scale) - 0.5 * np.linalg.slogdet(covariance)[1])

    best = max(PENALTIES, key=log_evidence)
    np.testing.assert_allclose(weights[:, 0], np.linalg.solve(f.T @ f + best * np.eye(100), f.T @ z), rtol=0.02, atol=1e-3)
    assert factor[0] == pytest.approx(log_evidence(best) - log_evidence(1e13), rel=0.01, abs=0.05)


@pytest.mark.parametrize("n", [40, 240])
def test_what_follows_the_features_is_told_from_noise(cells: Genotypes, features: Features, n: int) -> None:
    some = np.random.default_rng(3).permutation(SIZE)[:n]
    rng, ridge, true = np.random.default_rng(4), Ridge(features.all[some]), normal_scores(quality(cells[some])[None])[0]
    noise = ridge.weights(np.stack([rng.permutation(true) for _ in range(200)], axis=1))[1]
    assert (noise < STRONG).mean() > 0.95
    assert ridge.weights(true[:, None])[1] > STRONG


def test_a_source_that_may_be_noise_is_left_out(cells: Genotypes, features: Features) -> None:
    noise = source(cells, np.random.default_rng(3).normal(size=SIZE))
    good = source(cells, quality(cells))
    assert read_sources(features, [noise], 1) == [()]
    alone, beside = (make_prior(features, cells, read_sources(features, some, 1)[0]) for some in ([good], [noise, good]))
    assert alone is not None
    assert beside is not None
    np.testing.assert_array_equal(alone.order, beside.order)


def test_the_order_of_whole_tables_is_source_ranking(cells: Genotypes, features: Features) -> None:
    rng = np.random.default_rng(0)
    values = [quality(cells) + rng.normal(size=SIZE), quality(cells, (0, 2, 1, 1, 1)) + rng.normal(size=SIZE)]
    known = read_sources(features, [source(cells, v) for v in values], 1)[0]
    prior = make_prior(features, cells, known)
    assert prior is not None
    ranks = mean_source_rank([(np.arange(SIZE)[None], v[None]) for v in values], (1, SIZE))[0]
    np.testing.assert_allclose(1 - prior.order, ranks, atol=1e-12)


def test_a_sample_of_a_source_orders_what_it_has_not_seen(cells: Genotypes, features: Features) -> None:
    seen = np.arange(0, SIZE, 4)
    prior = make_prior(features, cells, read_sources(features, [source(cells, quality(cells), seen)], 1)[0])
    assert prior is not None
    unseen = np.setdiff1d(np.arange(SIZE), seen)
    assert np.corrcoef(prior.order[unseen], quality(cells)[unseen])[0, 1] > 0.8


def test_a_source_says_nothing_of_choices_that_it_never_tried(cells: Genotypes, features: Features) -> None:
    tame = np.flatnonzero((cells != 3).all(axis=1))
    other = quality(cells, (0, 3, 2, 1, 1))
    both = [source(cells, quality(cells), tame), source(cells, other)]
    prior = make_prior(features, cells, read_sources(features, both, 1)[0])
    alone = make_prior(features, cells, read_sources(features, both[1:], 1)[0])
    assert prior is not None
    assert alone is not None
    wild = np.flatnonzero((cells == 3).any(axis=1))
    assert (prior.scores[wild, 0] == 0).all()
    np.testing.assert_array_equal(prior.order[wild], alone.order[wild])


def test_agreement_is_the_mean_correlation_of_what_both_speak_of() -> None:
    scores = np.random.default_rng(0).normal(size=(60, 3))
    speaks = np.ones((60, 3), dtype=bool)
    speaks[:20, 0] = speaks[:, 2] = False
    assert agreement(scores, speaks) == pytest.approx(np.atleast_2d(np.corrcoef(scores[20:, :2].T))[0, 1])
    assert agreement(scores, ~speaks | speaks) == pytest.approx(
        np.atleast_2d(np.corrcoef(scores.T))[np.triu_indices(3, 1)].mean()
    )
    assert agreement(scores[:, :1], speaks[:, :1]) == 1
    assert agreement(scores, np.zeros_like(speaks)) == 1


def explicit(model: WarmGP, features: Features, cells: Genotypes) -> FloatArray:
    """Kernels of all parts between all candidates, from the formula in the module's head."""
    prior, graph = model.prior, features.graph.astype(float)
    scores = prior.scores.astype(float) if prior else np.zeros((len(cells), 1))
    size = np.square(scores).sum(axis=1).mean() or 1.0
    apart = np.square(scores[:, None] - scores[None]).sum(axis=-1)
    relevant = graph * (prior.relevance if prior else 0.0)
    mean = prior.mean[:, 0].astype(float) if prior else np.zeros(len(cells))
    parts = {
        "source": scores @ scores.T / size,
        "mean": np.outer(mean, mean),
        "near": np.exp(-apart / (2 * REACH**2)),
        "relevant": relevant @ relevant.T,
        "plain": graph @ graph.T / graph.shape[1],
        "hamming": THETA ** (cells[:, None] != cells[None]).sum(axis=-1),
    }
    return np.stack([parts[name] for name in PARTS])


@pytest.mark.parametrize("with_sources", [True, False])
def test_expected_improvement_is_that_of_the_formula(cells: Genotypes, features: Features, with_sources: bool) -> None:
    sources = [source(cells, quality(cells)), source(cells, quality(cells, (0, 2, 1, 1, 1)))] if with_sources else []
    surrogate = WarmSurrogate(CELLS, cells, sources, 1)
    model = surrogate.models[0]
    held = np.arange(3, 60, 7)
    values = quality(cells, (0, 1, 1, 3, 2))[held]
    for row, value in zip(held, values, strict=True):
        surrogate.add(np.array([row]), np.array([value]))
    surrogate.fit()
    free = ~np.isin(np.arange(SIZE), held)
    rows, gains = model.gains(free)
    np.testing.assert_array_equal(rows, np.flatnonzero(free))

    kernels, z, n = explicit(model, features, cells), standardised(values), len(held)
    evidence, improvement = [], []
    for weights, noise in zip(model.hypotheses.weights, model.hypotheses.noise, strict=True):
        joint = np.tensordot(weights, kernels, axes=1) + LEVEL
        k = joint[np.ix_(held, held)] + noise * np.eye(n)
        scale = (z @ np.linalg.solve(k, z) + 1) / (n + 2)
        evidence.append(-0.5 * (n + 2) * np.log(scale) - 0.5 * np.linalg.slogdet(k)[1])
        mean = joint[:, held] @ np.linalg.solve(k, z)
        explained = np.einsum("ij,ji->i", joint[:, held], np.linalg.solve(k, joint[held]))
        std = np.sqrt(np.maximum(np.diagonal(joint) - explained, 1e-6) * scale)
        u = (mean - z.max()) / std
        improvement.append(std * (u * norm.cdf(u) + norm.pdf(u)))
    top = np.argsort(evidence)[::-1][:3]
    share = np.exp(np.array(evidence)[top] - max(evidence))
    wanted = (share / share.sum()) @ np.array(improvement)[top]
    np.testing.assert_allclose(gains, wanted[free], rtol=0.02, atol=2e-4)
    assert model.best(free) == np.flatnonzero(free)[gains.argmax()]


def test_the_guard_knows_no_source() -> None:
    grid, guard = Hypotheses.grid(True), Hypotheses.grid(False)
    without = grid.some(np.flatnonzero(grid.share_of_sources == 0))
    np.testing.assert_array_equal(without.weights, guard.weights)
    assert not guard.weights[:, :OF_SOURCES].any()
    np.testing.assert_allclose(grid.weights.sum(axis=1), 1)


def test_a_singular_kernel_is_fitted() -> None:
    found = fit(Hypotheses.grid(True), np.ones((len(PARTS), 4, 4)), np.array([1.0, -1.0, 1.0, -1.0]))
    assert np.isfinite(found.evidence).all()


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.integers(-1000, 1000), min_size=2, max_size=12),
    st.floats(0.01, 100),
    st.floats(-1e3, 1e3),
)
def test_unit_and_origin_of_the_values_do_not_matter(values: list[int], unit: float, origin: float) -> None:
    y = np.array(values, dtype=float)
    np.testing.assert_allclose(standardised(y * unit + origin), standardised(y), atol=1e-6)
    assert np.abs(standardised(y)).max() <= np.sqrt(len(y))


def influence_after(cells: Genotypes, told: FloatArray, of_source: FloatArray, n: int) -> float:
    surrogate = WarmSurrogate(CELLS, cells, [source(cells, of_source)], 1)
    for row in np.random.default_rng(5).choice(SIZE, n, replace=False):
        surrogate.add(np.array([row]), told[[row]])
    surrogate.fit()
    return float(surrogate.influence[0])


def test_evidence_shrinks_the_influence_of_a_source_that_misleads(cells: Genotypes) -> None:
    truth = quality(cells) + 0.3 * np.random.default_rng(2).normal(size=SIZE)
    shuffled = np.random.default_rng(3).permutation(truth)
    assert influence_after(cells, truth, quality(cells), 30) > 0.6
    assert influence_after(cells, truth, shuffled, 30) < 0.3


def test_a_source_upside_down_is_as_good_as_one_the_right_way_up(cells: Genotypes) -> None:
    truth = quality(cells)
    assert influence_after(cells, truth, -truth, 30) == pytest.approx(influence_after(cells, truth, truth, 30), abs=0.05)


def test_runs_that_saw_the_same_have_one_model_and_part_when_they_differ(cells: Genotypes) -> None:
    sources = [source(cells, quality(cells), runs=3)]
    together = WarmSurrogate(CELLS, cells, sources, 3)
    alone = [WarmSurrogate(CELLS, cells, [source(cells, quality(cells))], 1) for _ in range(3)]
    steps = [([1, 1, 1], [5.0, 5.0, 5.0]), ([2, 2, 2], [6.0, 1.0, 6.0]), ([3, 4, 3], [2.0, 2.0, 2.0])]
    free = np.ones((3, SIZE), dtype=bool)
    for (rows, values), models in zip(steps, (1, 2, 2), strict=True):
        together.add(np.array(rows), np.array(values))
        together.fit()
        for run, one in enumerate(alone):
            one.add(np.array(rows)[[run]], np.array(values)[[run]])
            one.fit()
            free[run, rows[run]] = False
        assert len(together.models) == models
        wanted = [one.best(free[[run]])[0] for run, one in enumerate(alone)]
        np.testing.assert_array_equal(together.best(free), wanted)


def test_beyond_the_limit_the_worst_result_makes_room(cells: Genotypes) -> None:
    surrogate = WarmSurrogate(CELLS, cells, [], 1)
    values = quality(cells)
    for row in range(MOST + 20):
        surrogate.add(np.array([row]), values[[row]])
    model = surrogate.models[0]
    assert len(model._values) == MOST
    assert values[: MOST + 20].max() in model._values
    surrogate.fit()
    free = np.arange(SIZE) >= MOST + 20
    assert free[surrogate.best(free[None])[0]]
    assert surrogate.best(np.zeros((1, SIZE), dtype=bool))[0] == -1
