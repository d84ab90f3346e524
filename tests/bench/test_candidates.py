"""Candidates: what is listed and what is searched for give the same rows, in spaces of any size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmnas.bench import Candidates, Genotypes, IntArray, SearchSpace, WarmnasError, candidates, space
from warmnas.bench.spaces import base

CELLS = space("nasbench201")
GRAPHS = space("nasbench-graph")
both = pytest.mark.parametrize("s", [CELLS, GRAPHS], ids=lambda s: s.name)


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """No space is small enough to be listed."""
    monkeypatch.setattr(candidates, "ENUMERABLE", 0)


def some(s: SearchSpace, n: int, seed: int) -> Candidates:
    drawn = s.sample(n, np.random.default_rng(seed))
    first = np.sort(np.unique(s.index(drawn), return_index=True)[1])
    return Candidates(s, drawn[first], np.arange(len(first)))


def rows_one_by_one(c: Candidates, genotypes: Genotypes) -> IntArray:
    """The definition, with dictionaries: itself, else the first of its class, else -1."""
    own = {g.tobytes(): row for row, g in enumerate(c.genotypes)}
    classes: dict[bytes, int] = {}
    for row, g in enumerate(c.space.canonical(c.genotypes)):
        classes.setdefault(g.tobytes(), row)
    canonical = c.space.canonical(genotypes)
    valid = c.space.valid(genotypes)
    found = [own.get(g.tobytes(), classes.get(k.tobytes(), -1)) for g, k in zip(genotypes, canonical, strict=True)]
    return np.where(valid, found, -1)


@both
@pytest.mark.parametrize("n", [1, 40, 3000])
def test_listed_rows_are_those_of_the_definition(s: SearchSpace, n: int) -> None:
    asked = np.concatenate([s.sample(2000, np.random.default_rng(5)), s.from_index(np.arange(20) * 77)])
    c = some(s, n, 1)
    np.testing.assert_array_equal(c.rows(asked), rows_one_by_one(c, asked))
    np.testing.assert_array_equal(c.rows(c.genotypes), np.arange(len(c)))


@both
@pytest.mark.usefixtures("searched")
@pytest.mark.parametrize("n", [1, 40, 3000])
def test_searched_rows_are_those_of_the_definition(s: SearchSpace, n: int) -> None:
    asked = np.concatenate([s.sample(2000, np.random.default_rng(5)), s.from_index(np.arange(20) * 77)])
    c = some(s, n, 1)
    np.testing.assert_array_equal(c.rows(asked), rows_one_by_one(c, asked))
    np.testing.assert_array_equal(c.rows(asked[:6].reshape(2, 3, -1)), c.rows(asked[:6]).reshape(2, 3))
    assert c.rows(asked[0]).shape == ()


@pytest.mark.usefixtures("searched")
def test_an_empty_list_holds_nothing() -> None:
    c = Candidates(CELLS, np.empty((0, 6), np.int8), np.arange(0))
    np.testing.assert_array_equal(c.rows(CELLS.from_index(np.arange(5))), [-1] * 5)


@both
@given(seed=st.integers(0, 99), picks=st.lists(st.integers(0, 10**6), max_size=5))
def test_what_is_looked_around_for_some_is_what_it_is_for_all(s: SearchSpace, seed: int, picks: list[int]) -> None:
    whole = some(s, 60, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "ENUMERABLE", 0)
        part = some(s, 60, seed)
        rows = np.array([pick % len(part) for pick in picks], dtype=np.int64)
        np.testing.assert_array_equal(part.around(rows)[rows], whole.neighbours[rows])
        np.testing.assert_array_equal(part.around(rows[::-1])[rows], whole.around(rows)[rows])
        np.testing.assert_array_equal(part.neighbours, whole.neighbours)


def test_no_candidate_is_its_own_neighbour() -> None:
    c = some(CELLS, 15_000, 3)
    assert (c.neighbours != np.arange(len(c))[:, None]).all()
    assert c.neighbours.max() == len(c)


def test_a_space_too_large_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "ENUMERABLE", 1000)
    with pytest.raises(WarmnasError, match="too many to list"):
        CELLS.all_genotypes()
