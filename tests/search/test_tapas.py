"""The TAPAS search: evolution on a predictor, and the whole of it on images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from warmnas.bench import WarmnasError, space
from warmnas.search.tapas import evolve

CHAINS: Any = space("chain")


class Deep:
    """A made-up predictor: deep chains of wide layers are good; deviations where asked for."""

    space = CHAINS

    def __init__(self, doubt: float = 0.0) -> None:
        self.doubt, self.asked = doubt, 0

    def predict(self, genotypes, return_std=False):
        self.asked += len(genotypes)
        layers = CHAINS.layers(genotypes, (3, 16, 16), 10)
        mean = layers.width.sum(axis=1).astype(float)
        return (mean, self.doubt * (layers.kind == 0).sum(axis=1)) if return_std else mean


def search(model, seed=0, **options):
    return evolve(model, np.random.default_rng(seed), **{"candidates": 3000, "population": 100, **options})


def test_it_finds_the_best_and_counts_what_it_asks():
    model = Deep()
    found = search(model)
    assert found.candidates == model.asked == 3000
    assert found.fitness[0] == 8 * 4  # eight layers of the largest width
    assert (np.diff(found.fitness) <= 0).all()
    assert CHAINS.valid(found.genotypes).all()
    assert len(np.unique(CHAINS.index(found.genotypes))) == len(found.genotypes) == 20
    np.testing.assert_array_equal(found.mean, model.predict(found.genotypes))


def test_it_beats_as_many_random_candidates():
    model = Deep()
    random = model.predict(CHAINS.sample(2000, np.random.default_rng(1))).max()
    assert search(model, candidates=2000).mean[0] > random


def test_a_doubtful_candidate_is_worth_less():
    found = search(Deep(doubt=10.0), kappa=1.0)
    np.testing.assert_allclose(found.fitness, found.mean - found.std)
    assert found.std[0] == 0  # no convolution, which this predictor is unsure of
    assert search(Deep(doubt=10.0), kappa=0.0).mean[0] == 32


def test_smaller_is_better_where_the_sign_says_so():
    found = search(Deep(), sign=-1, candidates=2000)
    assert found.mean[0] == 0


def test_equal_seeds_find_the_same():
    ours, theirs = search(Deep(), 4, candidates=1000), search(Deep(), 4, candidates=1000)
    np.testing.assert_array_equal(ours.genotypes, theirs.genotypes)
    told = []
    search(Deep(), candidates=130, progress=lambda done, total: told.append((done, total)))
    assert told == [(130, 130)]


@pytest.mark.parametrize("options", [{"population": 7}, {"population": 0}, {"candidates": 50}, {"keep": 0}])
def test_numbers_that_make_no_evolution_are_refused(options):
    with pytest.raises(WarmnasError, match="population"):
        search(Deep(), **options)
