"""The contract of a search space, run over every space that is registered and over two that tables bring along."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmnas.bench import SPACES, CategoricalSpace, Genotypes, IntArray, SearchSpace, UnknownName, WarmnasError, space
from warmnas.bench.spaces.base import ENUMERABLE
from warmnas.bench.spaces.encodings import ENCODINGS, INVERTIBLE

COLUMNS = [("kernel", ["3x3", "5x5"]), ("depth", list("123")), ("width; and = more%", [f"w{i}" for i in range(200)])]
EXAMPLES = {
    "categorical": CategoricalSpace(COLUMNS),
    "categorical-strings": CategoricalSpace([("architecture", [f"net {i}" for i in range(300)])]),
}


def over(spaces: dict[str, SearchSpace]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("s", spaces.values(), ids=spaces.keys())


ALL: dict[str, SearchSpace] = {**SPACES, **EXAMPLES}
every_space = over(ALL)
small_spaces = over({name: s for name, s in ALL.items() if s.size <= ENUMERABLE})
# A space may have its own idea of a fair draw or of a mutation, and tests of its own for it.
plain_sample = over({name: s for name, s in ALL.items() if type(s).sample is SearchSpace.sample})
plain_mutate = over({name: s for name, s in ALL.items() if type(s).mutate is SearchSpace.mutate})
large_spaces = over({name: s for name, s in ALL.items() if s.size > ENUMERABLE})
few = settings(max_examples=12, deadline=None)


def genotypes_of(s: SearchSpace, data: st.DataObject, rows: int = 6) -> Genotypes:
    """Valid genotypes: drawn by the space, and first one drawn gene by gene if that happens to be valid."""
    drawn = s.sample(data.draw(st.integers(1, rows)), np.random.default_rng(data.draw(st.integers(0, 2**32 - 1))))
    own = np.array(data.draw(st.tuples(*(st.integers(0, int(c) - 1) for c in s.cardinalities))), dtype=np.int8)
    if s.valid(own):
        drawn[0] = own
    return drawn


def indices_of(s: SearchSpace, n: int, seed: int) -> IntArray:
    return np.random.default_rng(seed).integers(0, s.size, size=n, dtype=np.int64)


@every_space
@few
@given(data=st.data())
def test_every_encoding_is_decoded_to_the_same_genotype(s: SearchSpace, data: st.DataObject) -> None:
    genotypes = genotypes_of(s, data)
    for kind in set(INVERTIBLE) & set(s.encodings):
        encoded = s.encode(genotypes, kind)
        np.testing.assert_array_equal(s.decode(encoded, kind), genotypes, err_msg=kind)
        np.testing.assert_array_equal(s.encode(genotypes[0], kind), encoded[0], err_msg=kind)
    assert s.encode(genotypes, "one-hot").sum() == genotypes.size
    assert s.tokens(genotypes).min() >= 1
    assert s.tokens(genotypes).max() < s.vocabulary


@every_space
@few
@given(data=st.data())
def test_strings_and_indices_round_trip(s: SearchSpace, data: st.DataObject) -> None:
    genotypes = genotypes_of(s, data)
    np.testing.assert_array_equal([s.from_string(s.to_string(g)) for g in genotypes], genotypes)
    np.testing.assert_array_equal([s.from_string(f" {s.to_string(g)}\n") for g in genotypes], genotypes)
    np.testing.assert_array_equal(s.from_index(s.index(genotypes)), genotypes)
    assert ((s.index(genotypes) >= 0) & (s.index(genotypes) < s.size)).all()
    assert s.index(genotypes).dtype == np.int64


@small_spaces
def test_indices_enumerate_all_genotypes_once(s: SearchSpace) -> None:
    everything = s.all_genotypes()
    assert everything.shape == (s.size, len(s.genes))
    assert everything.dtype == np.int8
    np.testing.assert_array_equal(s.index(everything), np.arange(s.size))


@every_space
def test_every_index_is_that_of_one_genotype(s: SearchSpace) -> None:
    assert s.size < 2**63
    indices = np.concatenate([[0, s.size - 1], indices_of(s, 2000, 3)])
    np.testing.assert_array_equal(s.index(s.check(s.from_index(indices))), indices)


@large_spaces
def test_a_large_space_is_not_listed(s: SearchSpace) -> None:
    with pytest.raises(WarmnasError, match=r"too many to list"):
        s.all_genotypes()


@every_space
@few
@given(data=st.data(), shape=st.sampled_from([(), (2,), (2, 3), (0,)]))
def test_arrays_of_any_shape_are_taken(s: SearchSpace, data: st.DataObject, shape: tuple[int, ...]) -> None:
    one = genotypes_of(s, data, rows=1)[0]
    many = np.broadcast_to(one, (*shape, len(s.genes)))
    assert s.index(many).shape == shape
    assert s.valid(many).shape == shape
    assert s.canonical(many).shape == many.shape
    assert s.class_keys(many).shape == shape
    for kind in s.encodings:
        encoded = s.encode(many, kind)
        assert encoded.shape == (*shape, *s.encode(one, kind).shape)
        if kind in INVERTIBLE:
            np.testing.assert_array_equal(s.decode(encoded, kind), many, err_msg=kind)


@every_space
def test_sample_draws_valid_genotypes_and_the_same_ones_again(s: SearchSpace) -> None:
    drawn = s.sample(500, np.random.default_rng(1))
    assert s.valid(drawn).all()
    np.testing.assert_array_equal(s.check(drawn), drawn)
    np.testing.assert_array_equal(s.sample(500, np.random.default_rng(1)), drawn)
    assert len(np.unique(s.index(drawn))) > 100


@plain_sample
def test_sample_is_uniform_over_valid_genotypes(s: SearchSpace) -> None:
    drawn = s.sample(6000, np.random.default_rng(1))
    reference = s.from_index(np.arange(s.size) if s.size <= ENUMERABLE else indices_of(s, 120_000, 4))
    reference = reference[s.valid(reference)]
    for gene, choices in enumerate(s.cardinalities):
        share = len(drawn) / len(reference)
        expected = np.bincount(reference[:, gene], minlength=choices) * share
        spread = expected * (1 if s.size <= ENUMERABLE else 1 + share)  # a drawn reference errs as well
        deviation = np.bincount(drawn[:, gene], minlength=choices) - expected
        chi_square = (deviation[expected > 0] ** 2 / spread[expected > 0]).sum()
        assert chi_square < choices + 7 * np.sqrt(2 * choices) + 20, s.genes[gene].name
        assert not deviation[expected == 0].any()


@every_space
@few
@given(seed=st.integers(0, 2**32 - 1))
def test_a_mutation_is_another_valid_genotype(s: SearchSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parents = s.sample(50, rng)
    before = parents.copy()
    children = s.mutate(parents, rng)
    assert (children != parents).any(axis=1).all()
    assert s.valid(s.check(children)).all()
    np.testing.assert_array_equal(parents, before)


@plain_mutate
@few
@given(seed=st.integers(0, 2**32 - 1))
def test_a_mutation_changes_exactly_one_gene(s: SearchSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parents = s.sample(50, rng)
    assert ((s.mutate(parents, rng) != parents).sum(axis=1) == 1).all()


@plain_mutate
def test_mutations_reach_every_neighbour(s: SearchSpace) -> None:
    rng = np.random.default_rng(2)
    parent = s.sample(1, rng)[0]
    around = s.neighbours(parent)
    allowed = set(s.index(around[s.valid(around)]).tolist())
    children = s.mutate(np.broadcast_to(parent, (30 * len(around) + 4000, len(parent))), rng)
    assert set(s.index(children).tolist()) == allowed


@every_space
@few
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
    genotypes = s.all_genotypes() if s.size <= ENUMERABLE else s.sample(500, np.random.default_rng(6))
    first = s.canonical(genotypes)
    np.testing.assert_array_equal(s.canonical(first), first)
    assert (s.index(first) <= s.index(genotypes)).all()
    assert s.valid(first[s.valid(genotypes)]).all()
    with pytest.raises(WarmnasError, match="function"):
        s.canonical(genotypes[:1], "no such level")


@every_space
def test_class_keys_are_equal_where_canonical_forms_are(s: SearchSpace) -> None:
    genotypes = s.sample(1500, np.random.default_rng(7))
    around = s.neighbours(genotypes[:20]).reshape(-1, len(s.genes))
    genotypes = np.concatenate([genotypes, around[s.valid(around)]])
    by_key = np.unique(s.class_keys(genotypes), return_inverse=True)[1].reshape(-1)
    by_form = np.unique(s.index(s.canonical(genotypes)), return_inverse=True)[1].reshape(-1)
    pairs = np.unique(np.stack([by_key, by_form]), axis=1).shape[1]
    assert pairs == by_key.max() + 1 == by_form.max() + 1


@every_space
@few
@given(seed=st.integers(0, 2**32 - 1))
def test_what_no_path_uses_makes_no_difference(s: SearchSpace, seed: int) -> None:
    genotypes = s.sample(20, np.random.default_rng(seed))
    live = s.live(genotypes)
    assert live.dtype == np.int8
    np.testing.assert_array_equal(s.class_keys(live), s.class_keys(genotypes))
    np.testing.assert_array_equal(s.live(live), live)
    np.testing.assert_array_equal(s.connected(live), s.connected(genotypes))
    params, counted = s.live_params(genotypes, 10), s.live_params(live, 10)
    assert (params is None) == (counted is None)
    if params is not None:
        np.testing.assert_array_equal(params, counted)


@every_space
@few
@given(data=st.data())
def test_the_cell_graph_runs_from_left_to_right(s: SearchSpace, data: st.DataObject) -> None:
    graph = s.graph(genotypes_of(s, data, rows=1)[0])
    assert all(0 <= source < target < len(graph.nodes) for source, target, _ in graph.edges)
    assert all(len(name) <= 4 for name in graph.nodes)  # a name stands in a circle


@every_space
def test_bad_genotypes_are_refused_by_name(s: SearchSpace) -> None:
    good = s.sample(3, np.random.default_rng(0))
    for bad in (-1, int(s.cardinalities[0])):
        wrong = good.copy().astype(np.int64)
        wrong[1, 0] = bad
        with pytest.raises(WarmnasError, match=s.genes[0].name):
            s.check(wrong)  # type: ignore[arg-type]
    with pytest.raises(WarmnasError, match="genes"):
        s.check(good[:, :-1])
    with pytest.raises(WarmnasError, match="integers"):
        s.check(good + 0.5)  # type: ignore[arg-type]


@every_space
@few
@given(text=st.text(max_size=60))
def test_no_text_breaks_the_parser(s: SearchSpace, text: str) -> None:
    try:
        genotype = s.from_string(text)
    except WarmnasError:
        return
    assert s.valid(s.check(genotype))


@every_space
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_damaged_string_breaks_the_parser(s: SearchSpace, data: st.DataObject) -> None:
    text = s.to_string(genotypes_of(s, data, rows=1)[0])
    place = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 3))
    letters = data.draw(st.text(alphabet=st.sampled_from(sorted(set(text)) + list("0919-|~[](),'")), max_size=3))
    damaged = text[:place] + letters + text[place + length :]
    try:
        genotype = s.from_string(damaged)
    except WarmnasError:
        return
    assert s.valid(s.check(genotype))


@every_space
def test_encodings_that_a_space_has_not_are_refused_with_the_choices(s: SearchSpace) -> None:
    genotypes = s.sample(1, np.random.default_rng(0))
    assert set(s.encodings) <= set(ENCODINGS)
    with pytest.raises(WarmnasError, match=f"{s.name}: unknown encoding 'paths'. Choices: {', '.join(s.encodings)}"):
        s.encode(genotypes, "paths")
    for kind in set(ENCODINGS) - set(s.encodings):
        with pytest.raises(WarmnasError, match=f"{s.name} has no encoding '{kind}'. Choices: one-hot, tokens"):
            s.encode(genotypes, kind)
    for kind in set(s.encodings) - set(INVERTIBLE):
        with pytest.raises(WarmnasError, match="no inverse"):
            s.decode(genotypes, kind)


def paths_of(s: SearchSpace, genotype: Genotypes) -> set[tuple[str, ...]]:
    """Labels along every walk through the drawn cell from its first node to its last."""
    graph = s.graph(genotype)
    inner = ["", *graph.nodes[1:-1], ""]  # where edges have no label, operations stand on the nodes

    def walk(node: int) -> Sequence[tuple[str, ...]]:
        if node == len(graph.nodes) - 1:
            return [()]
        edges = [(target, label or inner[target]) for source, target, label in graph.edges if source == node]
        return [(label, *rest) for target, label in edges for rest in walk(target)]

    return {tuple(label for label in path if label) for path in walk(0)}


@over({name: s for name, s in ALL.items() if "path" in s.encodings and name.partition("-")[0] != "darts"})  # two inputs
@few
@given(data=st.data())
def test_there_is_a_column_for_every_path_of_the_cell(s: SearchSpace, data: st.DataObject) -> None:
    genotypes = genotypes_of(s, data, rows=2)
    genotypes = np.concatenate([genotypes, s.mutate(genotypes, np.random.default_rng(0))])
    encoded = s.encode(genotypes, "path")
    assert encoded.dtype == np.bool_
    for (one, row), (other, line) in itertools.pairwise(zip(genotypes, encoded, strict=True)):
        assert row.sum() == len(paths_of(s, one))
        assert (row & line).sum() == len(paths_of(s, one) & paths_of(s, other))


@over({name: s for name, s in ALL.items() if "layers" in s.encodings})
def test_a_layer_sequence_has_no_holes_and_says_all(s: SearchSpace) -> None:
    genotypes = s.sample(2000, np.random.default_rng(11))
    layers = s.encode(genotypes, "layers")
    assert layers.shape == (len(genotypes), layers.shape[1], len(s.layer_features))
    there = np.asarray(layers.any(axis=-1))
    assert (there[:, :-1] | ~there[:, 1:]).all()
    assert there[:, 0].all()
    flat = layers.reshape(len(layers), -1)
    assert len(np.unique(flat, axis=0)) == len(np.unique(genotypes, axis=0))


def test_an_unknown_space_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="did you mean 'nasbench201'"):
        space("nasbench202")


def test_equal_choices_share_their_tokens() -> None:
    assert space("nasbench201").vocabulary == 6
    assert space("nasbench-graph").vocabulary == 1 + 9 + 9
