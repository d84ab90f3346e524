"""TransNAS-Bench-101: classes against a symbolic reference, modules and networks of both spaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from warmnas.bench import Genotypes, WarmnasError, space
from warmnas.bench.networks.transnas import BasicBlock, MicroCell
from warmnas.bench.spaces.transnas import TransNASMacroSpace, TransNASMicroSpace, module_shapes

MICRO, MACRO = TransNASMicroSpace(), TransNASMacroSpace()
CELLS = MICRO.all_genotypes()
Terms = frozenset[Any]  # of (term, how often): a sum, empty for zero


def symbolic(genotype: Genotypes) -> Terms:
    """The output node as a multiset of terms; a skip from the input is an operation, one between nodes an identity."""

    def apply(operation: int, value: Terms, inner: bool) -> Counter[Hashable]:
        if operation == 0 or not value:
            return Counter()
        return Counter(dict(value)) if operation == 1 and inner else Counter({(operation, value): 1})

    def total(*terms: Counter[Hashable]) -> Terms:
        return frozenset(sum(terms, Counter()).items())

    a, b, c, d, e, f = (int(g) for g in genotype)
    x: Terms = frozenset({("x", 1)})
    one = total(apply(a, x, False))
    two = total(apply(b, x, False), apply(c, one, True))
    return total(apply(d, x, False), apply(e, one, True), apply(f, two, True))


def test_classes_are_those_of_a_symbolic_rewriting() -> None:
    first: dict[Terms, int] = {}
    reference = [first.setdefault(symbolic(genotype), i) for i, genotype in enumerate(CELLS)]
    np.testing.assert_array_equal(MICRO.index(MICRO.canonical(CELLS)), reference)
    assert len(first) == 1229
    np.testing.assert_array_equal(MICRO.connected(CELLS), [bool(symbolic(genotype)) for genotype in CELLS])


def cell_values(genotype: Genotypes, stride: int, x: torch.Tensor) -> torch.Tensor:
    """A cell with equal weights for equal layers."""
    cell = MicroCell(genotype, 4, 4 * stride, stride).double().eval()
    for module in cell.modules():
        if isinstance(module, nn.Conv2d):
            generator = torch.Generator().manual_seed(module.weight.numel() * module.stride[0])
            with torch.no_grad():
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator, dtype=torch.float64))
    with torch.no_grad():
        out: torch.Tensor = cell(x)
    return out


@settings(max_examples=25, deadline=None)
@given(number=st.integers(0, len(CELLS) - 1), pick=st.integers(0, 2**16), stride=st.sampled_from([1, 2]))
def test_members_of_a_class_are_one_function_at_any_stride(number: int, pick: int, stride: int) -> None:
    keys = MICRO.class_keys(CELLS)
    members = CELLS[keys == keys[number]]
    x = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(pick), dtype=torch.float64)
    one, other = (cell_values(g, stride, x) for g in (CELLS[number], members[pick % len(members)]))
    torch.testing.assert_close(one, other, rtol=0, atol=1e-9)


def test_a_skip_from_the_input_is_no_identity_where_the_resolution_changes() -> None:
    skip, conv = MICRO.from_string("1_03_001"), MICRO.from_string("0_00_300")
    assert not (MICRO.canonical(skip) == MICRO.canonical(conv)).all()
    x = torch.randn(1, 4, 6, 6, dtype=torch.float64)
    assert torch.allclose(cell_values(skip, 1, x), cell_values(conv, 1, x))
    assert not torch.allclose(cell_values(skip, 2, x), cell_values(conv, 2, x))


def test_the_official_strings() -> None:
    np.testing.assert_array_equal(MICRO.from_string("64-41414-1_02_333"), [1, 0, 2, 3, 3, 3])
    np.testing.assert_array_equal(MICRO.from_string("1_02_333"), [1, 0, 2, 3, 3, 3])
    np.testing.assert_array_equal(MACRO.types(MACRO.from_string("64-1234-basic")), [1, 2, 3, 4, 0, 0])


def test_macro_strings_are_all_that_the_paper_counts() -> None:
    """Four to six modules, the resolution halved 1 to 4 times and the channels doubled 1 to 3 times."""
    expected = {
        f"64-{''.join(types)}-basic"
        for length in (4, 5, 6)
        for types in product("1234", repeat=length)
        if 1 <= sum(t in "34" for t in types) <= 4 and 1 <= sum(t in "24" for t in types) <= 3
    }
    assert len(expected) == 3256
    everything = MACRO.all_genotypes()
    assert {MACRO.to_string(g) for g in everything[MACRO.valid(everything)]} == expected


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_layers_are_those_of_the_network(seed: int) -> None:
    genotype = MACRO.sample(1, np.random.default_rng(seed))[0]
    types = [int(t) for t in MACRO.to_string(genotype).split("-")[1]]
    shapes = [(outputs, stride) for _, outputs, stride in module_shapes(tuple(types), 64)]
    layers = MACRO.encode(genotype, "layers")
    assert layers[: len(types)].tolist() == [list(shape) for shape in shapes]
    assert not layers[len(types) :].any()


def test_modules_change_channels_and_resolution_as_their_types_say() -> None:
    network = MACRO.build(MACRO.from_string("64-1234-basic"), (3, 64, 64), 5, width=4)
    x, sizes = network.stem(torch.zeros(1, 3, 64, 64)), []  # type: ignore[operator]
    for block in network.cells:  # type: ignore[union-attr]
        x = block(x)
        sizes.append(tuple(x.shape[1:3]))
    assert sizes == [(4, 16), (4, 16), (8, 16), (8, 16), (8, 8), (8, 8), (16, 4), (16, 4)]


def test_a_block_is_body_and_shortcut() -> None:
    block = BasicBlock(4, 4, 1).double().eval()
    x = torch.randn(2, 4, 5, 5, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(block(x) - x, block.body(x))
    assert len(list(BasicBlock(4, 4, 2).shortcut.parameters())) == 3


def test_the_shortcut_of_a_block_is_the_one_that_was_measured() -> None:
    """Epsilon 1, and what is remembered is the last batch: the benchmark's code gives two flags in their places."""
    block = BasicBlock(3, 4, 2).double()
    for seed in (0, 1):
        x = torch.randn(6, 3, 6, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        block(x)
    convolution, norm = block.shortcut[0], block.shortcut[1]  # type: ignore[index]
    with torch.no_grad():
        mixed = convolution(x)
        mean, variance = mixed.mean((0, 2, 3), keepdim=True), mixed.var((0, 2, 3), keepdim=True, unbiased=True)
        torch.testing.assert_close(norm.running_mean, mean.flatten())
        torch.testing.assert_close(block.eval().shortcut(x), (mixed - mean) / (variance + 1).sqrt())


def test_a_disconnected_cell_gives_zeros_of_the_right_shape() -> None:
    for stride, side in ((1, 5), (2, 3)):
        out = MicroCell(MICRO.from_string("3_00_000"), 4, 8, stride)(torch.randn(2, 4, 5, 5))
        assert out.shape == (2, 8, side, side)
        assert not out.any()


@pytest.mark.parametrize("name", ["transnas-micro", "transnas-macro"])
def test_an_odd_width_is_refused(name: str) -> None:
    s = space(name)
    with pytest.raises(WarmnasError, match="width: 5 is odd"):
        s.build(s.sample(1, np.random.default_rng(0))[0], (3, 8, 8), 4, width=5)


@pytest.mark.parametrize(
    "text", ["", "64-41414-4_02_333", "64-41414-1_02_33", "32-41414-1_02_333", "64-1234-basic", "1-02-333"]
)
def test_strings_that_are_no_cell_are_refused(text: str) -> None:
    with pytest.raises(WarmnasError, match="64-41414-1_02_333"):
        MICRO.from_string(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("64-123-basic", "4 to 6 digits"),
        ("64-1234567-basic", "4 to 6 digits"),
        ("64-1111-basic", "must be of type 3 or 4"),
        ("64-33333-basic", "1 to 4 modules"),
        ("64-1333-basic", "1 to 3 of type 2 or 4"),
        ("64-2222-basic", "must be of type"),
    ],
)
def test_strings_that_are_no_skeleton_are_refused(text: str, message: str) -> None:
    with pytest.raises(WarmnasError, match=message):
        MACRO.from_string(text)
