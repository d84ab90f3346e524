from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from warmnas.bench import FloatArray, Genotypes, space
from warmnas.search.streams import Streams
from warmnas.transfer.copula import CopulaPrior, winsorised_scores

CELLS = space("nasbench201")


def quality(genotypes: Genotypes, wanted: int = 3) -> FloatArray:
    return np.asarray((genotypes == wanted).sum(axis=-1) + 0.1 * genotypes[..., 0])


def prior(runs: int = 2, **options: Any) -> CopulaPrior:
    return CopulaPrior(CELLS, runs, Streams(np.random.SeedSequence(7).spawn(runs)), **{"steps": 20, **options})


def source(runs: int, wanted: int = 3, rows: int = 120, seed: int = 0) -> tuple[Genotypes, FloatArray]:
    rng = np.random.default_rng(seed)
    genotypes = np.stack([CELLS.sample(rows, rng) for _ in range(runs)])
    return genotypes, quality(genotypes, wanted)


def test_scores_are_the_papers_quantiles() -> None:
    values = np.array([[3.0, 1.0, 2.0, 2.0, 9.0]])
    delta = 1 / (4 * 5**0.25 * math.sqrt(math.pi * math.log(5)))
    expected = [norm.ppf(min(max(q, delta), 1 - delta)) for q in (0.6, 0.0, 0.2, 0.2, 0.8)]
    np.testing.assert_allclose(winsorised_scores(values), [expected])
    np.testing.assert_array_equal(winsorised_scores(np.array([[5.0]])), [[0.0]])
    np.testing.assert_allclose(winsorised_scores(1e6 * values - 3), winsorised_scores(values))


def test_the_prior_knows_what_the_sources_share_and_how_surely() -> None:
    """Two sources agree where the second gene is 0 and are opposed elsewhere: sigma must tell the two parts."""
    (one, y1), (other, y2) = source(2, rows=300), source(2, rows=300, seed=1)
    agreed = (one[..., 1] == 0, other[..., 1] == 0)
    sources = [(one, np.where(agreed[0], 20 + y1, y1)), (other, np.where(agreed[1], 20 + y2, -y2))]
    model = prior(steps=70).fit(sources)
    new = CELLS.sample(300, np.random.default_rng(9))
    mean, sigma = model.predict(new)
    assert mean.shape == sigma.shape == (2, 300)
    sure = new[:, 1] == 0
    assert mean[:, sure].mean() > mean[:, ~sure].mean() + 0.5
    assert sigma[:, sure].mean() < 0.7 * sigma[:, ~sure].mean()


def test_without_sources_nothing_is_known() -> None:
    mean, sigma = prior().fit([]).predict(CELLS.sample(5, np.random.default_rng(0)))
    np.testing.assert_array_equal(mean, np.zeros((2, 5)))
    np.testing.assert_array_equal(sigma, np.ones((2, 5)))


def test_a_run_learns_what_it_would_learn_alone() -> None:
    genotypes, values = source(2)
    new = CELLS.sample(20, np.random.default_rng(2))
    together = prior(2).fit([(genotypes, values)]).predict(new)[0]
    streams = Streams(np.random.SeedSequence(7).spawn(2)[1:])
    alone = CopulaPrior(CELLS, 1, streams, steps=20).fit([(genotypes[1:], values[1:])]).predict(new)[0]
    np.testing.assert_allclose(together[1], alone[0], atol=1e-2)


def test_rows_that_all_runs_share_are_pooled_once() -> None:
    x = CELLS.sample(100, np.random.default_rng(3))
    shared = np.broadcast_to(x, (2, *x.shape)), np.broadcast_to(quality(x), (2, 100))
    copied = np.tile(x, (2, 1, 1)), np.tile(quality(x), (2, 1))
    new = CELLS.sample(10, np.random.default_rng(4))
    (m1, s1), (m2, s2) = (prior(steps=5).fit([part]).predict(new) for part in (shared, copied))
    np.testing.assert_allclose(m1, m2, atol=1e-5)
    np.testing.assert_allclose(s1, s2, atol=1e-5)


@pytest.mark.parametrize("trouble", ["constant", "nan"])
def test_bad_sources_leave_finite_numbers(trouble: str) -> None:
    genotypes, values = source(2)
    values = np.full_like(values, 5.0) if trouble == "constant" else np.where(values > 2, np.nan, values)
    mean, sigma = prior(steps=20).fit([(genotypes, values)]).predict(genotypes[0])
    assert np.isfinite(mean).all()
    assert (sigma > 0).all()
