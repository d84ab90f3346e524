"""The space of chains: what is a chain, how they are drawn and changed, and what their layers are and cost."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmnas.bench import Genotypes, WarmnasError
from warmnas.bench.spaces.chain import DEPTH, END, KINDS, LAYERS, Layer
from warmnas.bench.spaces.chain import ChainSpace as Chains

CHAINS = Chains()
SKIPS = [gene for gene, layer in enumerate(LAYERS) if layer.distance]
seeds = st.integers(0, 2**32 - 1)
genes = st.lists(st.integers(0, END), min_size=DEPTH, max_size=DEPTH).map(lambda g: np.array(g, dtype=np.int8))
some = settings(max_examples=60, deadline=None)


def layers_of(genotype: Genotypes) -> list[Layer]:
    return [LAYERS[int(gene)] for gene in genotype if gene != END]


def is_chain(genotype: Genotypes) -> bool:
    """The definition, word for word."""
    text = [LAYERS[int(gene)] for gene in genotype]
    depth = len(layers_of(genotype))
    holes = any(gene == END for gene in genotype[:depth])
    reach = all(layer.distance <= place for place, layer in enumerate(text))
    return depth > 0 and not holes and reach and sum(layer.stride == 2 for layer in text) <= 3


def chain(text: str) -> Genotypes:
    return CHAINS.from_string(text)


# --- what is a chain -----------------------------------------------------------------------------------------------
def test_there_are_32_choices_with_names_of_their_own() -> None:
    names = [str(layer) for layer in LAYERS]
    assert len(set(names)) == len(names) == 32
    assert names[END] == "end"
    assert {"conv1x1-w1-s1", "conv5x5-w4-s2", "res-w2-s1", "max-s2", "avg-s1", "skip3"} < set(names)
    assert CHAINS.size == 32**8 < 2**63


@some
@given(genotype=genes)
def test_valid_is_the_definition(genotype: Genotypes) -> None:
    assert CHAINS.valid(genotype) == is_chain(genotype)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not a layer"),
        ("end", "not a layer"),
        ("conv3x3-w1-s1,end,max-s1", "'end' is not a layer"),
        ("conv3x3-w3-s1", "'conv3x3-w3-s1' is not a layer"),
        ("skip1", "skips over layers"),
        ("max-s1,skip2", "skips over layers"),
        (",".join(["max-s2"] * 4), "at most 3 of stride 2"),
        (",".join(["max-s1"] * 9), "at most 8"),
    ],
)
def test_what_is_no_chain_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(WarmnasError, match=complaint):
        chain(text)


def test_genotypes_that_are_no_chains_are_neither_described_nor_built() -> None:
    for gene in (END, SKIPS[0]):
        wrong = np.full(DEPTH, gene, dtype=np.int8)
        with pytest.raises(WarmnasError, match="no chain"):
            CHAINS.layers(wrong, (3, 8, 8), 10)
        with pytest.raises(WarmnasError, match="no chain"):
            CHAINS.build(wrong, (3, 8, 8), 10)


def test_strings_are_readable() -> None:
    text = "conv3x3-w1-s1,max-s2,skip1"
    assert CHAINS.to_string(chain(text)) == text
    assert CHAINS.to_string(chain(" conv3x3-w1-s1 , max-s2 ,skip1 ")) == text
    assert layers_of(chain(text))[0] == Layer(KINDS.index("conv"), 3, 1, 1)


@some
@given(genotype=genes)
def test_the_canonical_chain_has_the_same_layers_without_holes(genotype: Genotypes) -> None:
    canonical = CHAINS.canonical(genotype)
    assert layers_of(canonical) == layers_of(genotype)
    assert CHAINS.index(canonical) <= CHAINS.index(genotype)
    depth = CHAINS.depth(genotype)
    assert (canonical[:depth] != END).all()
    assert (canonical[depth:] == END).all()


@some
@given(seed=seeds, layers=st.integers(1, DEPTH))
def test_a_prefix_of_a_chain_is_a_chain(seed: int, layers: int) -> None:
    drawn = CHAINS.sample(20, np.random.default_rng(seed))
    prefixes = CHAINS.prefix(drawn, layers)
    assert CHAINS.valid(prefixes).all()
    np.testing.assert_array_equal(CHAINS.depth(prefixes), np.minimum(CHAINS.depth(drawn), layers))
    np.testing.assert_array_equal(prefixes[:, :layers], drawn[:, :layers])


# --- drawing and changing ------------------------------------------------------------------------------------------
def test_all_depths_are_drawn_alike() -> None:
    drawn = CHAINS.sample(8000, np.random.default_rng(0))
    counts = np.bincount(CHAINS.depth(drawn), minlength=DEPTH + 1)[1:]
    assert ((counts - 1000) ** 2 / 1000).sum() < 30  # 7 degrees of freedom: p < 1e-4


def test_of_one_depth_all_chains_are_drawn_alike() -> None:
    drawn = CHAINS.sample(60_000, np.random.default_rng(1))
    pairs = drawn[CHAINS.depth(drawn) == 2][:, :2].astype(int)
    counts = np.bincount(pairs @ [32, 1], minlength=32 * 32).reshape(32, 32)
    possible = np.zeros((32, 32), dtype=bool)
    possible[:END, :END] = True
    possible[SKIPS] = False
    possible[:, [gene for gene in SKIPS if LAYERS[gene].distance > 1]] = False
    assert not counts[~possible].any()
    expected = len(pairs) / possible.sum()
    freedom = possible.sum() - 1
    assert ((counts[possible] - expected) ** 2 / expected).sum() < freedom + 5 * np.sqrt(2 * freedom)


def edits(parent: Genotypes) -> set[tuple[int, ...]]:
    """Every chain one mutation of Real et al. away, by trying them all."""
    layers = [int(gene) for gene in parent if gene != END]
    places = range(len(layers))
    found = [[*layers[:i], new, *layers[i:]] for i in range(len(layers) + 1) for new in range(END)]
    found += [layers[:i] + layers[i + 1 :] for i in places]
    for i in places:
        old = LAYERS[layers[i]]
        for field in ("stride", "kernel", "width"):
            alike = [n for n, other in enumerate(LAYERS) if other._replace(**{field: 0}) == old._replace(**{field: 0})]
            found += [[*layers[:i], new, *layers[i + 1 :]] for new in alike if LAYERS[new] != old]
    rows = [tuple(f + [END] * (DEPTH - len(f))) for f in found if len(f) <= DEPTH]
    return {row for row in rows if CHAINS.valid(np.array(row))}


@pytest.mark.parametrize(
    "text", ["conv3x3-w1-s1,res-w2-s2,skip1,max-s2", "max-s1", ",".join(["avg-s1"] * 6 + ["skip2"] * 2)]
)
def test_mutations_are_all_edits_of_one_layer(text: str) -> None:
    parent = chain(text)
    children = CHAINS.mutate(np.broadcast_to(parent, (30_000, DEPTH)), np.random.default_rng(3))
    assert {tuple(child) for child in children.tolist()} == edits(parent)


@some
@given(seed=seeds)
def test_a_skip_comes_and_goes_as_often_as_other_layers_do(seed: int) -> None:
    parents = CHAINS.sample(200, np.random.default_rng(seed))
    children = CHAINS.mutate(parents, np.random.default_rng(seed + 1))
    skips = np.isin(children, SKIPS).sum(axis=1) - np.isin(parents, SKIPS).sum(axis=1)
    deeper = CHAINS.depth(children) - CHAINS.depth(parents)
    assert (np.abs(skips) <= 1).all()
    assert (np.abs(deeper) <= 1).all()
    assert (skips == 1).any()
    assert ((deeper == 1) & (skips == 0)).any()
    assert (deeper == 0).any()


def test_a_child_does_not_depend_on_the_others() -> None:
    """Runs in lock-step: row r draws from row r of the random numbers only."""

    class Rows:
        def __init__(self, streams: list[np.random.Generator]) -> None:
            self.streams = streams

        def random(self, size: tuple[int, ...]) -> Any:
            return np.stack([stream.random(size[1:]) for stream in self.streams])

    together = Rows([np.random.default_rng(i) for i in range(40)])
    parents = CHAINS.sample(40, together)
    children = CHAINS.mutate(parents, together)
    for row in range(40):
        alone = Rows([np.random.default_rng(row)])
        drawn = CHAINS.sample(1, alone)
        np.testing.assert_array_equal(drawn[0], parents[row])
    fresh = Rows([np.random.default_rng(100 + i) for i in range(40)])
    children = CHAINS.mutate(parents, fresh)
    for row in range(40):
        child = CHAINS.mutate(parents[row : row + 1], Rows([np.random.default_rng(100 + row)]))
        np.testing.assert_array_equal(child[0], children[row])


# --- looking at chains ---------------------------------------------------------------------------------------------
def test_the_graph_shows_where_a_skip_begins() -> None:
    graph = CHAINS.graph(chain("conv3x3-w1-s1,max-s2,skip1"))
    assert graph.nodes == ("stem", "1", "2", "3", "out")
    assert set(graph.edges) == {(0, 1, "conv3x3-w1-s1"), (1, 2, "max-s2"), (2, 3, ""), (1, 3, "skip"), (3, 4, "")}


def test_adjacency_has_an_entry_for_each_input() -> None:
    genotype = chain("conv3x3-w1-s1,max-s2,skip1")
    matrix = CHAINS.adjacency(genotype)
    assert {(int(i), int(j)) for i, j in np.argwhere(matrix)} == {(0, 1), (1, 2), (2, 3), (1, 3)}
    assert matrix[2, 3] == matrix[1, 3] == genotype[2] + 1


def test_layers_are_described_one_by_one() -> None:
    described = CHAINS.layers(chain("conv5x5-w2-s2,avg-s1,skip2"), (1, 6, 8), 4, width=3)
    assert described.present.tolist() == [True] * 3 + [False] * 5
    assert [KINDS[kind] for kind in described.kind[:3]] == ["conv", "avg", "skip"]
    assert described.kernel[:3].tolist() == [5, 3, 0]
    assert described.width[:3].tolist() == [2, 0, 0]
    assert described.stride[:3].tolist() == [2, 1, 0]
    assert described.distance[:3].tolist() == [0, 0, 2]
    assert described.number.tolist() == [1, 2, 3, 0, 0, 0, 0, 0]
    assert described.ratio[:3].tolist() == [6 * 3 * 4 / (3 * 6 * 8), 1, 1]
    stem, conv, head = 9 * 3 + 6, 25 * 3 * 6 + 12, 6 * 4 + 4
    assert described.params.tolist() == [stem + conv + head] * 3 + [0] * 5
    assert described.flops.tolist() == [9 * 3 * 48 + 25 * 3 * 6 * 12 + 24] * 3 + [0] * 5
    outputs = 3 * 48 + np.array([1, 2, 3]) * 6 * 12 + 4
    assert described.memory.tolist()[:3] == (4 * (outputs + stem + conv + head)).tolist()


@some
@given(seed=seeds)
def test_features_are_finite_small_and_zero_where_there_is_no_layer(seed: int) -> None:
    drawn = CHAINS.sample(30, np.random.default_rng(seed)).reshape(5, 6, DEPTH)
    described = CHAINS.layers(drawn, (3, 32, 32), 10)
    features = described.features()
    assert features.shape == (5, 6, DEPTH, len(described.NAMES))
    assert np.abs(features).max() < 15
    assert not features[~described.present].any()
    assert (features[described.present][:, : len(KINDS) - 1].sum(axis=1) == 1).all()


@some
@given(seed=seeds)
def test_costs_grow_along_the_chain(seed: int) -> None:
    described = CHAINS.layers(CHAINS.sample(30, np.random.default_rng(seed)), (3, 16, 16), 2)
    outputs = described.memory - 4 * described.params
    for column, later in pairwise(np.moveaxis(outputs, -1, 0)):
        assert (later[later > 0] > column[later > 0]).all()
    np.testing.assert_array_equal(
        CHAINS.live_params(np.array([chain("res-w4-s1")]), 10), [27 * 16 + 32 + 9 * 16 * 64 * 5 + 16 * 64 + 6 * 64 + 650]
    )
