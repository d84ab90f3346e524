"""warm as a user meets it: searches with good, bad and no sources."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from warmnas.bench import Candidates, FloatArray, Genotypes, IntArray, SearchSpace, WarmnasError, open_benchmark, space
from warmnas.search import Problem, SourceTask, make_optimizer
from warmnas.search.live.problem import candidates, table_sources
from warmnas.search.live.problem import problem as live_problem
from warmnas.search.live.run import TABLES
from warmnas.search.optimizers.warm import spread

CELLS = space("nasbench201")
EVERY = CELLS.all_genotypes()
CELLS_HERE = EVERY[np.sort(np.random.default_rng(1).choice(len(EVERY), 300, replace=False))]


def quality(genotypes: Genotypes, noise: int = 0) -> FloatArray:
    total: FloatArray = np.array((0, 1, 2, 3, 0.5))[genotypes] @ (1 + 0.1 * np.arange(6))
    total += 0.5 * np.random.default_rng(noise).normal(size=len(genotypes))
    return total


TRUTH = quality(CELLS_HERE)


def problem(*values: FloatArray, runs: int = 1, budget: int = 12, names: str = "abc") -> Problem:
    candidates = Candidates(CELLS, CELLS_HERE, np.arange(len(CELLS_HERE)))
    sources = tuple(
        SourceTask(name, np.broadcast_to(CELLS_HERE, (runs, *CELLS_HERE.shape)), np.broadcast_to(v, (runs, len(v))))
        for name, v in zip(names, values, strict=False)
    )
    seeds = tuple(np.random.SeedSequence(3, spawn_key=(run,)) for run in range(runs))
    return Problem(candidates, seeds, budget, sources)


def search(of: Problem, values: FloatArray = TRUTH, spec: str = "warm") -> IntArray:
    """Candidates evaluated, (runs, budget)."""
    optimizer, found = make_optimizer(spec, of), []
    for _ in range(of.budget):
        asked = optimizer.ask()
        found.append(of.candidates.rows(asked))
        optimizer.tell(asked, values[found[-1]])
    return np.concatenate(found, axis=1)


def places(rows: IntArray) -> IntArray:
    """Place of the best of each run among all candidates, 0 the best."""
    return np.array([(TRUTH[run].max() < TRUTH).sum() for run in rows])


def test_a_good_source_saves_most_of_the_search() -> None:
    with_source, without = search(problem(quality(CELLS_HERE, 1), budget=5)), search(problem(runs=20, budget=5))
    assert places(with_source)[0] <= 3
    assert np.median(places(without)) > 10


@pytest.mark.parametrize("kind", ["flipped", "permuted", "noise"])
def test_sources_that_mislead_cost_little(kind: str) -> None:
    rng = np.random.default_rng(7)
    values = {"flipped": -TRUTH, "permuted": rng.permutation(TRUTH), "noise": rng.normal(size=len(TRUTH))}[kind]
    assert places(search(problem(values, budget=25)))[0] <= 3


def test_sources_that_are_noise_cost_nothing() -> None:
    noise = np.random.default_rng(1).permutation(TRUTH)
    with pytest.warns(UserWarning, match="goes without transfer"):
        rows = search(problem(noise, budget=9))
    np.testing.assert_array_equal(rows, search(problem(budget=9)))


def test_whole_tables_are_followed_first() -> None:
    other = quality(CELLS_HERE, 2)
    rows = search(problem(other, budget=3))
    np.testing.assert_array_equal(rows[0], np.argsort(-other, kind="stable")[:3])


def differing(rows: IntArray) -> int:
    """Fewest genes in which two of the evaluated differ."""
    cells = CELLS_HERE[rows]
    return int((cells[:, None] != cells).sum(axis=-1)[np.triu_indices(len(rows), 1)].min())


def test_the_less_the_sources_agree_the_more_the_first_evaluations_differ() -> None:
    one, like = quality(CELLS_HERE, 1), quality(CELLS_HERE, 2)
    other = np.array((0, 1, 2, 3, 0.5))[CELLS_HERE] @ np.array([1, -1, 1, -1, 1, -1.0])
    followed = np.argsort(rankdata(one) + rankdata(like))[::-1][:5]
    assert set(search(problem(one, like, budget=5))[0]) == set(followed)
    assert differing(followed) < 2 <= differing(search(problem(one, other, budget=5))[0])


@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(1, 9))
def test_spreading_an_order_keeps_its_best_and_all_of_it(seed: int, apart: float, n: int) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(40)[:20]
    genotypes = rng.integers(0, 3, size=(20, 5), dtype=np.int8)
    spread_out = spread(order, genotypes, n, apart)
    assert sorted(spread_out) == sorted(order)
    assert spread_out[0] == order[0]
    places = np.flatnonzero(np.isin(order, spread_out[:n]))
    for place in range(places.max()):  # what was passed over is too like one in front of it
        if place not in places:
            before = places[places < place]
            assert (genotypes[before] != genotypes[place]).sum(axis=1).min() < apart * 5


def test_a_constant_source_is_left_out_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="source a has the same value everywhere"):
        beside = search(problem(np.full(len(TRUTH), 50.0), quality(CELLS_HERE, 1), budget=8))
    np.testing.assert_array_equal(beside, search(problem(quality(CELLS_HERE, 1), budget=8)))


def test_without_a_usable_source_the_search_goes_on_and_says_so() -> None:
    with pytest.warns(UserWarning, match="goes without transfer"), pytest.warns(UserWarning, match="values of 0"):
        rows = search(problem(np.full(len(TRUTH), np.nan), runs=2, budget=9))
    np.testing.assert_array_equal(rows, search(problem(runs=2, budget=9)))


def test_rows_that_were_not_measured_are_left_out() -> None:
    holes = quality(CELLS_HERE, 1)
    holes[::3] = np.nan
    kept = np.flatnonzero(np.isfinite(holes))
    whole = problem(holes, budget=8)
    few = SourceTask("a", whole.sources[0].genotypes[:, kept], whole.sources[0].values[:, kept])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = search(whole)
    np.testing.assert_array_equal(rows, search(Problem(whole.candidates, whole.seeds, 8, (few,))))


def test_a_source_of_another_space_is_refused_by_name() -> None:
    whole = problem(TRUTH)
    foreign = SourceTask("graphs", np.zeros((1, 9, 5), dtype=np.int8), np.arange(9.0)[None])
    with pytest.raises(WarmnasError, match="source graphs is not of the space nasbench201"):
        make_optimizer("warm", Problem(whole.candidates, whole.seeds, 5, (foreign,)))


@pytest.mark.parametrize(("unit", "origin"), [(1.0, -500.0), (100.0, 0.0)])
def test_values_outside_percent_change_nothing(unit: float, origin: float) -> None:
    of = problem(quality(CELLS_HERE, 1), budget=10)
    np.testing.assert_array_equal(search(of), search(of, unit * TRUTH + origin))


def test_the_initial_evaluations_can_be_chosen() -> None:
    of = problem(quality(CELLS_HERE, 1), budget=8)
    longer = search(of, spec="warm[initial=8]")[0]
    np.testing.assert_array_equal(longer, np.argsort(-of.sources[0].values[0], kind="stable")[:8])


def pool(of: SearchSpace, n: int) -> Genotypes:
    return np.unique(of.canonical(of.sample(n, np.random.default_rng(4))), axis=0)


def test_a_space_too_large_to_list_is_searched_in_a_sample() -> None:
    darts = space("darts")
    drawn = pool(darts, 160)
    truth = (drawn == 3).sum(axis=1) + 0.1 * np.random.default_rng(0).normal(size=len(drawn))
    known, here = drawn[::2], drawn[1::2]
    source = SourceTask("a", known[None], truth[::2][None])
    candidates = Candidates(darts, here, np.arange(len(here)))
    of = Problem(candidates, (np.random.SeedSequence(1),), 9, (source,))
    rows = search(of, truth[1::2])[0]
    assert len(np.unique(rows)) == 9
    assert truth[1::2][rows].max() >= np.sort(truth[1::2])[-4]


def test_the_shipped_tables_are_the_prior_of_a_new_task() -> None:
    """No file of weights is needed: what ships is enough to begin at once, with what was good on other tasks."""
    tables = [open_benchmark(name) for name in TABLES]
    listed = candidates(CELLS)
    sources = table_sources(tables, CELLS, "a new family", "no such images")
    assert len(sources) >= 13
    optimizer = make_optimizer("warm", live_problem(listed, sources, "new", 5, 0, 10))
    first = CELLS.index(CELLS.canonical(optimizer.ask(5)[0]))
    of_source = next(one for one in sources if one.name == "nasbench201:cifar100")
    keys = CELLS.index(CELLS.canonical(of_source.genotypes[0]))
    places = [(of_source.values[0] > of_source.values[0][keys == key].mean()).mean() for key in first]
    assert max(places) < 0.1  # each first proposal is among the best cells of a task that has them all
