"""NAS-Bench-Graph: its classes against the official package, and against a small interpreter of its networks."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nas_bench_graph.architecture import Arch, gnn_list

from warmnas.bench import FloatArray, Genotypes, Table, WarmnasError, space

GRAPHS = space("nasbench-graph")
EVERYTHING = GRAPHS.all_genotypes()
VALID = EVERYTHING[GRAPHS.valid(EVERYTHING)]
LINKS = [[int(link) for link in choice.split(",")] for choice in GRAPHS.genes[0].choices]
architectures = st.integers(0, len(VALID) - 1).map(lambda i: VALID[i])


def official_key(links: list[int], operations: list[str]) -> int:
    return int(Arch(list(links), list(operations)).valid_hash())


def parts(genotype: Genotypes) -> tuple[list[int], list[str]]:
    return LINKS[int(genotype[0])], [gnn_list[int(g)] for g in genotype[1:]]


def test_classes_are_those_of_the_official_package() -> None:
    assert len(VALID) == 59_049 - 9
    official = np.array([official_key(*parts(genotype)) for genotype in VALID])
    ours = GRAPHS.index(GRAPHS.canonical(VALID))
    pairs = np.unique(np.stack([official, ours]), axis=1)
    assert pairs.shape[1] == len(np.unique(official)) == len(np.unique(ours)) == 26_206


def test_every_row_stands_for_its_own_class(nasbench_graph: Table) -> None:
    assert nasbench_graph.function_classes == len(nasbench_graph.names) == 26_206
    rows = nasbench_graph.rows(VALID)
    np.testing.assert_array_equal(GRAPHS.canonical(nasbench_graph.genotypes[rows]), GRAPHS.canonical(VALID))
    assert (nasbench_graph.rows(EVERYTHING[~GRAPHS.valid(EVERYTHING)]) == -1).all()


@given(genotype=architectures, order=st.permutations(range(1, 5)))
def test_a_string_may_list_the_nodes_in_any_order(nasbench_graph: Table, genotype: Genotypes, order: list[int]) -> None:
    links, operations = parts(genotype)
    place = {0: 0, **{old: new for new, old in enumerate(order, start=1)}}
    moved = [place[links[old - 1]] for old in order]
    if any(link >= node for node, link in enumerate(moved, start=1)):
        return  # a child before its parent is not a way to write it
    text = ",".join(map(str, moved)) + "|" + ",".join(operations[old - 1] for old in order)
    row = nasbench_graph.row(text)
    key = official_key(links, operations)
    written = "".join(str(int(g)) for g in nasbench_graph.genotypes[row])
    assert int(written) == key
    assert nasbench_graph.row(f"{key:05d}") == row


def outputs(genotype: Genotypes, inputs: FloatArray, weights: FloatArray) -> FloatArray:
    """Sum of the leaves, a node being tanh(W_op parent) or its parent itself; raw features do not reach the output."""
    links, operations = parts(genotype)
    values, raw = [inputs], [True]
    for link, operation in zip(links, operations, strict=True):
        skip = operation == "skip"
        raw.append(raw[link] and skip)
        values.append(values[link] if skip else np.tanh(weights[gnn_list.index(operation)] @ values[link]))
    leaves = [node for node in range(1, 5) if node not in links and not raw[node]]
    total: FloatArray = np.sum([values[node] for node in leaves], axis=0)
    return total


@pytest.fixture(scope="module")
def weights() -> FloatArray:
    return np.random.default_rng(0).normal(scale=8**-0.5, size=(9, 8, 8))


@settings(max_examples=60)
@given(genotype=architectures, pick=st.integers(0, 2**16))
def test_members_of_a_class_are_the_same_function(weights: FloatArray, genotype: Genotypes, pick: int) -> None:
    inputs = np.random.default_rng(1).normal(size=8)
    members = VALID[GRAPHS.index(GRAPHS.canonical(VALID)) == GRAPHS.index(GRAPHS.canonical(genotype))]
    other = members[pick % len(members)]
    np.testing.assert_allclose(outputs(genotype, inputs, weights), outputs(other, inputs, weights), rtol=0, atol=1e-12)


@settings(max_examples=60)
@given(one=architectures, other=architectures)
def test_members_of_different_classes_are_different_functions(
    weights: FloatArray, one: Genotypes, other: Genotypes
) -> None:
    if (GRAPHS.canonical(one) == GRAPHS.canonical(other)).all():
        return
    inputs = np.random.default_rng(1).normal(size=8)
    assert np.abs(outputs(one, inputs, weights) - outputs(other, inputs, weights)).max() > 1e-9


def test_every_tree_of_four_nodes_can_be_written() -> None:
    trees = {(0, b, c, d) for b in range(2) for c in range(3) for d in range(4)}
    for links in trees:
        for operations in permutations(["gcn", "gat", "skip", "fc"]):
            genotype = GRAPHS.from_string(f"[{', '.join(map(str, links))}] | {list(operations)}")
            assert official_key(*parts(genotype)) == official_key(list(links), list(operations))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0,1,2,4|gcn,gcn,gcn,gcn", "earlier node"),
        ("1,0,0,0|gcn,gcn,gcn,gcn", "earlier node"),
        ("0,0,0,0|gcn,gcn,gcn", "five-digit"),
        ("0,0,0|gcn,gcn,gcn,gcn", "five-digit"),
        ("0,0,0,0|gcn,gcn,gcn,conv", "five-digit"),
        ("0,0,0,0|skip,skip,skip,skip", "must not be skip"),
        ("08888", "must not be skip"),
        ("09999", "five-digit"),
        ("", "five-digit"),
    ],
)
def test_strings_that_are_no_architecture_are_refused(text: str, why: str) -> None:
    with pytest.raises(WarmnasError, match=why):
        GRAPHS.from_string(text)


def test_the_proteins_variant_has_the_architectures_that_proteins_was_measured_on(nasbench_graph: Table) -> None:
    proteins = space("nasbench-graph-proteins")
    everything = proteins.all_genotypes()
    classes = np.unique(proteins.index(proteins.canonical(everything[proteins.valid(everything)])))
    rows = nasbench_graph.candidates("proteins").table_rows
    assert len(classes) == len(rows) == 2021
    names = [proteins.to_string(proteins.from_index(index)) for index in classes]
    assert {nasbench_graph.row(name) for name in names} == set(rows.tolist())


def test_the_proteins_variant_refuses_other_operations() -> None:
    proteins = space("nasbench-graph-proteins")
    for text in ("0,0,0,0|gat,gcn,gcn,gcn", "00111"):
        with pytest.raises(WarmnasError):
            proteins.from_string(text)
    assert proteins.to_string(proteins.from_string("01457")) == "0,0,0,0|gcn,sage,arma,fc"
