"""The cell space of DARTS and its sub-spaces: strings, classes, what is read off a supernet, the network."""

from __future__ import annotations

import ast
import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from warmnas.bench import Genotypes, WarmnasError, space
from warmnas.bench.networks.darts import Cell, DARTSNetwork, dropped
from warmnas.bench.networks.darts_operations import FactorizedReduce, operation
from warmnas.bench.spaces.darts import DARTSSpace
from warmnas.bench.spaces.darts_cells import EDGES, OPERATIONS, PRIMITIVES

NAMES = ["darts", "darts-s1", "darts-s2", "darts-s3", "darts-s4"]
SPACES = [s for name in NAMES for s in [space(name)] if isinstance(s, DARTSSpace)]
DARTS = SPACES[0]
every_space = pytest.mark.parametrize("s", SPACES, ids=NAMES)
# As the code of DARTS prints its second-order result (cnn/genotypes.py).
V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)


def test_there_is_an_architecture_for_every_number_of_the_index() -> None:
    assert [len(s.genes) for s in SPACES] == [22] * 5
    assert DARTS.size == (1 * 3 * 6 * 10 * 7**8) ** 2
    assert {s.size for s in SPACES[1:]} == {(1 * 3 * 6 * 10 * 2**8) ** 2}


@every_space
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_what_is_printed_is_what_pythons_own_parser_reads(s: DARTSSpace, seed: int) -> None:
    genotype = s.sample(1, np.random.default_rng(seed))[0]
    text = s.to_string(genotype)
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    fields = {k.arg: k.value for k in call.keywords}
    assert list(fields) == ["normal", "normal_concat", "reduce", "reduce_concat"]
    assert ast.unparse(fields["normal_concat"]) == ast.unparse(fields["reduce_concat"]) == "range(2, 6)"
    sources, operations = s.cells(genotype)
    for cell, name in enumerate(("normal", "reduce")):
        pairs = ast.literal_eval(fields[name])
        assert pairs == [(OPERATIONS[o], int(i)) for o, i in zip(operations[cell].flat, sources[cell].flat, strict=True)]


def test_older_forms_are_read() -> None:
    genotype = DARTS.from_string(V2)
    again = V2.replace("[2, 3, 4, 5]", "range(2, 6)").replace("'", '"').replace(", ", ",").replace("),(", ") , (\n")
    np.testing.assert_array_equal(DARTS.from_string(again), genotype)
    assert Counter(DARTS.to_string(genotype)) == Counter(V2.replace("[2, 3, 4, 5]", "range(2, 6)"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "('sep_conv_3x3', 1), ('skip_connect', 0)",
            "('sep_conv_3x3', 1), ('skip_connect', 1)",
            "normal: node 4 must read two",
        ),
        ("('dil_conv_3x3', 2)", "('dil_conv_3x3', 5)", "normal: node 5 must read two"),
        ("'dil_conv_3x3'", "'sep_conv_7x7'", "'sep_conv_7x7' is no operation"),
        ("'dil_conv_3x3'", "'none'", "'none' is no operation"),
        ("'dil_conv_3x3'", "'noise'", "does not offer"),
        ("normal_concat=[2, 3, 4, 5]", "normal_concat=[4, 5, 6]", "a cell's output is the four nodes"),
        ("('dil_conv_3x3', 2)]", "('dil_conv_3x3', 2), ('skip_connect', 0)]", "no DARTS genotype"),
        ("Genotype(", "__import__('os').system(", "no DARTS genotype"),
        ("('skip_connect', 0)", "('skip_connect', 0 + 0)", "no DARTS genotype"),
        ("reduce=", "reduce =\n", None),
        (V2, "", "no DARTS genotype"),
        (V2, "[" * 5000, "no DARTS genotype"),
    ],
)
def test_strings_that_are_no_genotype_are_refused(old: str, new: str, message: str | None) -> None:
    assert old in V2
    text = V2.replace(old, new, 1)
    if message is None:
        np.testing.assert_array_equal(DARTS.from_string(text), DARTS.from_string(V2))
        return
    with pytest.raises(WarmnasError, match=message):
        DARTS.from_string(text)


def relabelled(s: DARTSSpace, genotype: Genotypes, order: tuple[int, ...], cell: int) -> Genotypes | None:
    """The same architecture with the nodes of one cell in another order, or None where that has no genotype."""
    sources, operations = (a.copy() for a in s.cells(genotype))
    number = np.array([0, 1, *(2 + order.index(node) for node in range(4))])
    old_sources, old_operations = s.cells(genotype)
    for place, node in enumerate(order):
        pairs = sorted(zip(number[old_sources[cell, node]], old_operations[cell, node], strict=True))
        if pairs[-1][0] >= 2 + place:
            return None
        sources[cell, place], operations[cell, place] = zip(*pairs, strict=True)
    try:
        return s.from_cells(sources, operations)
    except WarmnasError:
        return None  # an edge without that operation


@every_space
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_canonical_is_the_first_of_all_orders_of_nodes(s: DARTSSpace, seed: int) -> None:
    genotype = s.sample(1, np.random.default_rng(seed))[0]
    first = genotype
    for cell in (0, 1):
        orders = [relabelled(s, first, order, cell) for order in itertools.permutations(range(4))]
        possible = np.array([o for o in orders if o is not None])
        np.testing.assert_array_equal(s.canonical(possible), np.broadcast_to(s.canonical(genotype), possible.shape))
        first = possible[s.index(possible).argmin()]
    np.testing.assert_array_equal(s.canonical(genotype), first)


def test_keys_tell_all_small_cells_apart() -> None:
    """All cells of one operation, and all of two where many nodes are alike: keys against canonical forms."""
    operations = np.full((16, 2, 4, 2), 4)
    for number, (a, b, c, d) in enumerate(itertools.product((3, 4), repeat=4)):
        operations[number, 0] = [[4, a], [4, b], [c, 4], [d, 4]]
    pairs = [list(itertools.combinations(range(state), 2)) for state in range(2, 6)]
    sources = np.array([[cell, [[0, 1]] * 4] for cell in itertools.product(*pairs)])
    every = [np.repeat(sources, 16, axis=0), np.tile(operations, (len(sources), 1, 1, 1))]
    genotypes = DARTS.from_cells(*every)
    keys = np.unique(DARTS.class_keys(genotypes), return_inverse=True)[1]
    forms = np.unique(DARTS.index(DARTS.canonical(genotypes)), return_inverse=True)[1]
    assert np.unique(np.stack([keys, forms]), axis=1).shape[1] == keys.max() + 1 == forms.max() + 1
    assert len(genotypes) == 2880


@every_space
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_strongest_edges_of_a_supernet_are_read_off(s: DARTSSpace, seed: int) -> None:
    """Against the rule one edge after another, as the paper states it."""
    rng = np.random.default_rng(seed)
    weights = {cell: rng.integers(0, 12, (14, len(names[0]))) / 10 for cell, names in s.edge_operations.items()}
    genotype = s.from_supernet(weights["normal"], weights["reduce"])
    for cell, name in enumerate(("normal", "reduce")):
        expected = []
        for node in range(2, 6):
            strength = []
            for source in range(node):
                edge = EDGES.index((source, node))
                listed = zip(weights[name][edge], s.edge_operations[name][edge], strict=True)
                best = max(((w, o) for w, o in listed if o != "none"), key=lambda pair: pair[0])
                strength.append((-best[0], source, best[1]))
            expected += sorted((source, OPERATIONS.index(o)) for _, source, o in sorted(strength, key=lambda e: e[0])[:2])
        sources, operations = s.cells(genotype)
        found = zip(sources[cell].flatten().tolist(), operations[cell].flatten().tolist(), strict=True)
        assert list(found) == expected
    columns = s.supernet_choices(genotype)
    assert ((columns >= 0).sum(axis=-1) == 8).all()
    one_hot = [
        np.eye(20)[columns[cell]][:, : len(names[0])] * (columns[cell] >= 0)[:, None]
        for cell, names in enumerate(s.edge_operations.values())
    ]
    np.testing.assert_array_equal(s.from_supernet(*one_hot), genotype)


def test_none_is_passed_over_however_strong_it_is() -> None:
    weights = np.tile([9.0, *np.linspace(0, 1, 7)], (14, 1))
    _, operations = DARTS.cells(DARTS.from_supernet(weights, weights))
    assert (operations == PRIMITIVES.index("dil_conv_5x5")).all()


@every_space
def test_a_path_is_a_sequence_of_operations_from_one_input_of_one_cell(s: DARTSSpace) -> None:
    for genotype in s.sample(5, np.random.default_rng(3)):
        sources, operations = s.cells(genotype)
        found: set[tuple[int, ...]] = set()
        for cell in range(2):
            arriving: dict[int, set[tuple[int, ...]]] = {0: {(cell, 0)}, 1: {(cell, 1)}}
            for node in range(4):
                edges = zip(sources[cell, node], operations[cell, node], strict=True)
                arriving[2 + node] = {(*path, int(o)) for source, o in edges for path in arriving[int(source)]}
                found |= arriving[2 + node]
        encoded = s.encode(genotype, "path")
        kinds = len(np.unique([o for edges in s.edge_operations.values() for edge in edges for o in edge if o != "none"]))
        assert encoded.shape == (4 * sum(kinds**length for length in range(5)),)
        assert encoded.sum() == len(found)


# --- the network ---------------------------------------------------------------------------------------------------
def numel(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_the_auxiliary_head_is_not_among_the_published_parameters() -> None:
    genotype = DARTS.from_string(V2)
    network = DARTS.build(genotype, (3, 32, 32), 10, auxiliary=1)
    assert isinstance(network.auxiliary, nn.Module)
    assert numel(network) - numel(network.auxiliary) == 3_349_342  # logged by the code of DARTS as 3.349342MB
    assert numel(network.auxiliary) == 576 * 128 + 256 + 128 * 768 * 4 + 1536 + 7690


def small(s: DARTSSpace, seed: int = 0, **size: int) -> DARTSNetwork:
    torch.manual_seed(seed)
    network = s.build(s.sample(1, np.random.default_rng(seed))[0], (3, 16, 16), 5, **{"width": 4, "cells": 5, **size})
    assert isinstance(network, DARTSNetwork)
    return network


@pytest.mark.parametrize("side", [16, 32])
def test_the_auxiliary_head_gives_logits_and_gradients(side: int) -> None:
    network = small(DARTS, auxiliary=1)
    images = torch.randn(2, 3, side, side)
    logits, more = network.both(images)
    assert logits.shape == more.shape == (2, 5)
    more.sum().backward()
    assert network.stem[0].weight.grad.abs().max() > 0  # type: ignore[union-attr, operator]
    assert network.classifier.weight.grad is None
    with pytest.raises(WarmnasError, match="auxiliary=1"):
        small(DARTS).both(images)


def test_reduction_cells_stand_at_a_third_and_two_thirds() -> None:
    network = small(DARTS, cells=20)
    halved = [i for i, cell in enumerate(network.cells) if isinstance(cell.first, FactorizedReduce)]
    assert halved == [7, 14]
    x = before = network.stem(torch.zeros(1, 3, 16, 16))
    sides = []
    for cell in network.cells:
        before, x = x, cell(before, x)
        sides.append(x.shape[-1])
    assert sides == [16] * 6 + [8] * 7 + [4] * 7


def test_a_cell_is_the_sum_of_its_edges() -> None:
    edges = [[(0, "sep_conv_3x3"), (1, "skip_connect")], [(0, "dil_conv_5x5"), (2, "avg_pool_3x3")],
             [(1, "max_pool_3x3"), (3, "skip_connect")], [(2, "skip_connect"), (4, "sep_conv_5x5")]]  # fmt: skip
    torch.manual_seed(0)
    cell = Cell(edges, (6, 10), 4, reduction=False, after_reduction=False).double().eval()
    before, last = torch.randn(2, 6, 8, 8, dtype=torch.float64), torch.randn(2, 10, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        a, b = cell.first(before), cell.second(last)
        two = cell.nodes[0][0](a) + b  # type: ignore[index]
        three = cell.nodes[1][0](a) + nn.functional.avg_pool2d(two, 3, 1, 1, count_include_pad=False)  # type: ignore[index]
        four = nn.functional.max_pool2d(b, 3, 1, 1) + three
        five = two + cell.nodes[3][1](four)  # type: ignore[index]
        torch.testing.assert_close(cell(before, last), torch.cat([two, three, four, five], dim=1))


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [7, 8])
def test_operations_halve_the_size_or_keep_it(name: str, stride: int, side: int) -> None:
    x = torch.randn(2, 6, side, side)
    out = operation(name, 6, stride)(x)
    assert out.shape == (2, 6, -(-side // stride), -(-side // stride))
    if name == "none":
        assert not out.any()
    if name == "noise":
        assert not torch.equal(out, operation(name, 6, stride)(x))
    norms = [m for m in operation(name, 6, stride, affine=False).modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(norm.weight is None for norm in norms)


def test_a_factorized_reduction_sees_even_and_odd_pixels() -> None:
    layer = FactorizedReduce(1, 2).eval()
    with torch.no_grad():
        layer.even.weight.fill_(1)
        layer.odd.weight.fill_(1)
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    out = layer(x) * (1 + 1e-5) ** 0.5
    torch.testing.assert_close(out[0, 0], x[0, 0, ::2, ::2])
    torch.testing.assert_close(out[0, 1], x[0, 0, 1::2, 1::2])


def test_paths_are_dropped_in_training_only_and_never_identities() -> None:
    network = small(space("darts-s2"), cells=3)  # type: ignore[arg-type]
    images = torch.randn(4, 3, 16, 16)
    network.drop_path = 0.5
    with torch.no_grad():
        assert not torch.equal(network(images), network(images))
        network.eval()
        assert torch.equal(network(images), network(images))
    skips = [[(0, "skip_connect"), (1, "skip_connect")]] * 4
    cell = Cell(skips, (4, 4), 4, reduction=False, after_reduction=False)
    x = torch.randn(3, 4, 5, 5)
    torch.testing.assert_close(cell(x, x, 0.9), cell(x, x, 0.0))


def test_dropped_paths_keep_the_mean() -> None:
    torch.manual_seed(0)
    x = dropped(torch.ones(20_000, 1, 2, 2), 0.3)
    assert x.mean() == pytest.approx(1, abs=0.02)
    assert torch.equal(x.flatten(1).amax(1), x.flatten(1).amin(1))  # an image is dropped whole
    assert x.unique().tolist() == pytest.approx([0.0, 1 / 0.7])


def test_an_odd_width_is_refused() -> None:
    with pytest.raises(WarmnasError, match="width: 5 is odd"):
        small(DARTS, width=5)


def test_renumbered_nodes_are_one_function() -> None:
    """Copying every edge's weights along, the output differs in the order of its channels only."""
    drawn = DARTS.sample(200, np.random.default_rng(0))
    pairs = ((g, relabelled(DARTS, g, (1, 0, 2, 3), 0)) for g in drawn)
    genotype, other = next((g, o) for g, o in pairs if o is not None)
    torch.manual_seed(0)
    cells = []
    for g in (genotype, other):
        sources, operations = (a[0].tolist() for a in DARTS.cells(g))
        edges = [[(s, OPERATIONS[o]) for s, o in zip(*node, strict=True)] for node in zip(sources, operations, strict=True)]
        cells.append(Cell(edges, (4, 4), 4, reduction=False, after_reduction=False).double().eval())
    one, two = cells
    two.first.load_state_dict(one.first.state_dict())
    two.second.load_state_dict(one.second.state_dict())
    number = {0: 0, 1: 1, 2: 3, 3: 2, 4: 4, 5: 5}
    for place, node in enumerate((1, 0, 2, 3)):
        for slot, source in enumerate(two.sources[place]):
            old = [number[s] for s in one.sources[node]].index(source)
            two.nodes[place][slot].load_state_dict(one.nodes[node][old].state_dict())  # type: ignore[index]
    x, y = torch.randn(2, 2, 4, 6, 6, dtype=torch.float64)
    with torch.no_grad():
        parts = two(x, y).chunk(4, dim=1)
        torch.testing.assert_close(one(x, y), torch.cat([parts[1], parts[0], parts[2], parts[3]], dim=1))
