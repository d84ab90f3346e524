from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from warmnas.bench import FloatArray, Genotypes, space
from warmnas.search import Streams
from warmnas.surrogates.nao import NAO
from warmnas.transfer.xfernas import XferNAS

CELLS = space("nasbench201")
RUNS = 2


def streams() -> Streams:
    return Streams([np.random.SeedSequence(5, spawn_key=(run,)) for run in range(RUNS)])


def sample(n: int, seed: int) -> Genotypes:
    return CELLS.sample(RUNS * n, np.random.default_rng(seed)).reshape(RUNS, n, -1)


def quality(genotypes: Genotypes, wanted: int = 3) -> FloatArray:
    """More of one operation is better; the position breaks ties."""
    total: FloatArray = ((genotypes == wanted) * (1 + 0.1 * np.arange(6))).sum(axis=-1)
    return total


@pytest.fixture(scope="module")
def fitted() -> XferNAS:
    sources = [(g := sample(80, seed), quality(g)) for seed in (1, 2)]
    return XferNAS(CELLS, RUNS, streams()).fit_sources(sources, steps=250)


def test_without_sources_it_is_nao() -> None:
    genotypes = sample(20, 3)
    values = quality(genotypes)
    alone = NAO(CELLS, RUNS, streams()).fit(genotypes, values, steps=10)
    xfernas = XferNAS(CELLS, RUNS, streams()).fit_sources([], steps=50).adapt(genotypes, values, steps=10)
    np.testing.assert_array_equal(xfernas.predict(genotypes), alone.predict(genotypes))
    np.testing.assert_array_equal(xfernas.improve(genotypes, (0.5,)), alone.improve(genotypes, (0.5,)))


def test_a_new_task_starts_at_the_universal_network(fitted: XferNAS) -> None:
    genotypes = sample(50, 4)
    with torch.no_grad():
        universal = fitted.network.predict(fitted.network.encode(torch.from_numpy(CELLS.tokens(genotypes))))
    np.testing.assert_array_equal(fitted.predict(genotypes), universal.numpy().astype(float))


def test_the_universal_network_knows_what_the_sources_share(fitted: XferNAS) -> None:
    genotypes = sample(200, 6)
    for run in range(RUNS):
        assert spearmanr(fitted.predict(genotypes)[run], quality(genotypes)[run]).statistic > 0.7


def test_evidence_moves_the_target_away_from_the_sources() -> None:
    """The target wants the opposite of the sources; after enough results the prediction follows the target."""
    sources = [(g := sample(60, seed), quality(g)) for seed in (1, 2)]
    model = XferNAS(CELLS, RUNS, streams()).fit_sources(sources, steps=150)
    seen, new = sample(60, 7), sample(200, 8)
    before = [spearmanr(model.predict(new)[run], -quality(new)[run]).statistic for run in range(RUNS)]
    model.adapt(seen, -quality(seen), steps=300)
    after = [spearmanr(model.predict(new)[run], -quality(new)[run]).statistic for run in range(RUNS)]
    assert max(before) < -0.5
    assert min(after) > 0.3


def test_results_enter_at_the_level_that_was_predicted(fitted: XferNAS) -> None:
    genotypes = sample(9, 9)
    tokens = fitted._tokens(genotypes)
    values = quality(genotypes) + 50
    scores = fitted._matched_scores(tokens, values).numpy()
    with torch.no_grad():
        believed = fitted.network.predict(fitted.network.encode(tokens)).numpy()
    np.testing.assert_allclose(scores.mean(axis=1), believed.mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(scores.std(axis=1), np.maximum(believed.std(axis=1), 8 / 28), atol=1e-5)
    one = fitted._matched_scores(tokens[:, :1], values[:, :1]).numpy()
    np.testing.assert_allclose(one, believed[:, :1], atol=1e-6)


def test_a_larger_beta_keeps_the_residuals_smaller() -> None:
    def residual(beta: float) -> float:
        first, second = sample(60, 1), sample(60, 2)
        sources = [(first, quality(first, 3)), (second, quality(second, 2))]
        model = XferNAS(CELLS, RUNS, streams(), beta=beta).fit_sources(sources, steps=120)
        with torch.no_grad():
            embedding = model.network.pool(model.network.encode(model._tokens(first)))
            return float(model.residuals[0](embedding).square().mean())

    assert residual(10.0) < residual(0.01) / 4
