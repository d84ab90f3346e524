"""The contract of a search space, run over every space that is registered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmnas.bench import SPACES, Genotypes, SearchSpace, UnknownName, WarmnasError, space

every_space = pytest.mark.parametrize("s", SPACES.values(), ids=SPACES.keys())
ENCODINGS = ("one-hot", "tokens", "adjacency")


def genotypes_of(s: SearchSpace, data: st.DataObject, rows: int = 6) -> Genotypes:
    genes = st.tuples(*(st.integers(0, int(c) - 1) for c in s.cardinalities))
    valid = genes.filter(lambda g: bool(s.valid(np.array(g))))
    return np.array(data.draw(st.lists(valid, min_size=1, max_size=rows)), dtype=np.int8)


@every_space
@given(data=st.data())
def test_every_encoding_is_decoded_to_the_same_genotype(s: SearchSpace, data: st.DataObject) -> None:
    genotypes = genotypes_of(s, data)
    for kind in ENCODINGS:
        encoded = s.encode(genotypes, kind)
        np.testing.assert_array_equal(s.decode(encoded, kind), genotypes, err_msg=kind)
        np.testing.assert_array_equal(s.encode(genotypes[0], kind), encoded[0], err_msg=kind)
    assert s.encode(genotypes, "one-hot").sum() == genotypes.size
    assert s.tokens(genotypes).min() >= 1
    assert s.tokens(genotypes).max() < s.vocabulary


@every_space
@given(data=st.data())
def test_strings_and_indices_round_trip(s: SearchSpace, data: st.DataObject) -> None:
    genotypes = genotypes_of(s, data)
    np.testing.assert_array_equal([s.from_string(s.to_string(g)) for g in genotypes], genotypes)
    np.testing.assert_array_equal([s.from_string(f" {s.to_string(g)}\n") for g in genotypes], genotypes)
    np.testing.assert_array_equal(s.from_index(s.index(genotypes)), genotypes)
    assert ((s.index(genotypes) >= 0) & (s.index(genotypes) < s.size)).all()


@every_space
def test_indices_enumerate_all_genotypes_once(s: SearchSpace) -> None:
    everything = s.all_genotypes()
    assert everything.shape == (s.size, len(s.genes))
    assert everything.dtype == np.int8
    np.testing.assert_array_equal(s.index(everything), np.arange(s.size))


@every_space
@given(data=st.data(), shape=st.sampled_from([(), (2,), (2, 3)]))
def test_arrays_of_any_shape_are_taken(s: SearchSpace, data: st.DataObject, shape: tuple[int, ...]) -> None:
    one = genotypes_of(s, data, rows=1)[0]
    many = np.broadcast_to(one, (*shape, len(s.genes)))
    assert s.index(many).shape == shape
    assert s.canonical(many).shape == many.shape
    for kind in ENCODINGS:
        np.testing.assert_array_equal(s.decode(s.encode(many, kind), kind), many, err_msg=kind)


@every_space
def test_sample_is_uniform_over_valid_genotypes(s: SearchSpace) -> None:
    drawn = s.sample(6000, np.random.default_rng(1))
    assert s.valid(drawn).all()
    np.testing.assert_array_equal(s.check(drawn), drawn)
    valid = s.all_genotypes()[s.valid(s.all_genotypes())]
    for gene, choices in enumerate(s.cardinalities):
        expected = np.bincount(valid[:, gene], minlength=choices) / len(valid) * len(drawn)
        chi_square = ((np.bincount(drawn[:, gene], minlength=choices) - expected) ** 2 / expected).sum()
        assert chi_square < 40, s.genes[gene].name  # at most 8 degrees of freedom: p < 1e-5


@every_space
@given(seed=st.integers(0, 2**32 - 1))
def test_a_mutation_changes_exactly_one_gene_and_stays_valid(s: SearchSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parents = s.sample(50, rng)
    before = parents.copy()
    children = s.mutate(parents, rng)
    assert ((children != parents).sum(axis=1) == 1).all()
    assert s.valid(s.check(children)).all()
    np.testing.assert_array_equal(parents, before)


@every_space
def test_mutations_reach_every_neighbour(s: SearchSpace) -> None:
    rng = np.random.default_rng(2)
    parent = s.sample(1, rng)[0]
    around = s.neighbours(parent)
    allowed = set(s.index(around[s.valid(around)]).tolist())
    children = s.mutate(np.broadcast_to(parent, (4000, len(parent))), rng)
    assert set(s.index(children).tolist()) == allowed


@every_space
@given(data=st.data())
def test_neighbours_are_all_changes_of_one_gene(s: SearchSpace, data: st.DataObject) -> None:
    genotypes = genotypes_of(s, data)
    around = s.neighbours(genotypes)
    assert around.shape == (len(genotypes), int((s.cardinalities - 1).sum()), len(s.genes))
    assert ((around != genotypes[:, None]).sum(axis=-1) == 1).all()
    assert all(len(np.unique(row)) == len(row) for row in s.index(around))
    s.check(around)


@every_space
def test_canonical_is_idempotent_and_the_first_of_its_class(s: SearchSpace) -> None:
    everything = s.all_genotypes()
    first = s.canonical(everything)
    np.testing.assert_array_equal(s.canonical(first), first)
    assert (s.index(first) <= np.arange(s.size)).all()
    with pytest.raises(WarmnasError, match="function"):
        s.canonical(everything[:1], "no such level")


@every_space
@given(data=st.data())
def test_the_cell_graph_runs_from_left_to_right(s: SearchSpace, data: st.DataObject) -> None:
    graph = s.graph(genotypes_of(s, data, rows=1)[0])
    assert all(0 <= source < target < len(graph.nodes) for source, target, _ in graph.edges)


@every_space
def test_bad_genotypes_are_refused_by_name(s: SearchSpace) -> None:
    good = s.sample(3, np.random.default_rng(0))
    for bad in (-1, int(s.cardinalities[0])):
        wrong = good.copy()
        wrong[1, 0] = bad
        with pytest.raises(WarmnasError, match=s.genes[0].name):
            s.check(wrong)
    with pytest.raises(WarmnasError, match="genes"):
        s.check(good[:, :-1])
    with pytest.raises(WarmnasError, match="integers"):
        s.check(good + 0.5)  # type: ignore[arg-type]


@every_space
@given(text=st.text(max_size=60))
def test_no_text_breaks_the_parser(s: SearchSpace, text: str) -> None:
    try:
        genotype = s.from_string(text)
    except WarmnasError:
        return
    assert s.valid(s.check(genotype))


@every_space
def test_unknown_encodings_are_refused_with_the_choices(s: SearchSpace) -> None:
    genotypes = s.sample(1, np.random.default_rng(0))
    with pytest.raises(WarmnasError, match="one-hot, tokens, adjacency"):
        s.encode(genotypes, "paths")
    with pytest.raises(WarmnasError, match="one-hot, tokens, adjacency"):
        s.decode(genotypes, "paths")


def test_an_unknown_space_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="did you mean 'nasbench201'"):
        space("nasbench202")


def test_equal_choices_share_their_tokens() -> None:
    assert space("nasbench201").vocabulary == 6
    assert space("nasbench-graph").vocabulary == 1 + 9 + 9
