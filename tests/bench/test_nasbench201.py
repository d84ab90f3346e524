"""NAS-Bench-201: its function classes against a symbolic reference, its network against its classes and its counts."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from warmnas.bench import Genotypes, IntArray, WarmnasError
from warmnas.bench.spaces.nasbench201 import NASBench201Space

CELLS = NASBench201Space()
EVERYTHING = CELLS.all_genotypes()
NONE, SKIP, CONV1, CONV3, POOL = range(5)
BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
cells = st.integers(0, len(EVERYTHING) - 1).map(lambda i: EVERYTHING[i])

Terms = frozenset[Any]  # of (term, how often): a sum, empty for zero


def symbolic(genotype: Genotypes, linear_pooling: bool) -> Terms:
    """The output node as a multiset of terms ``x`` or (operation, argument), zeros and identities taken out."""

    def apply(operation: int, value: Terms) -> Counter[Hashable]:
        if operation == NONE or not value:
            return Counter()
        if operation == SKIP:
            return Counter(dict(value))
        if operation == POOL and linear_pooling:
            return Counter({(POOL, term): times for term, times in value})
        return Counter({(operation, value): 1})

    def total(*terms: Counter[Hashable]) -> Terms:
        return frozenset(sum(terms, Counter()).items())

    a, b, c, d, e, f = (int(g) for g in genotype)
    x: Terms = frozenset({("x", 1)})
    one = total(apply(a, x))
    two = total(apply(b, x), apply(c, one))
    return total(apply(d, x), apply(e, one), apply(f, two))


def classes(level: str) -> IntArray:
    return CELLS.index(CELLS.canonical(EVERYTHING, level))


@pytest.mark.parametrize(("level", "count"), [("function", 4930), ("linear-pooling", 4660)])
def test_classes_are_those_of_a_symbolic_rewriting(level: str, count: int) -> None:
    first: dict[Terms, int] = {}
    reference = [
        first.setdefault(symbolic(genotype, level == "linear-pooling"), i) for i, genotype in enumerate(EVERYTHING)
    ]
    np.testing.assert_array_equal(classes(level), reference)
    assert len(np.unique(reference)) == count


def test_the_disconnected_class_has_341_strings() -> None:
    disconnected = symbolic(np.zeros(6, dtype=np.int8), False)
    assert disconnected == frozenset()
    assert (classes("function") == 0).sum() == 341
    np.testing.assert_array_equal(CELLS.connected(EVERYTHING), classes("function") != 0)


def test_linear_pooling_only_merges_classes() -> None:
    pairs = np.unique(np.stack([classes("function"), classes("linear-pooling")]), axis=1)
    assert pairs.shape[1] == 4930


def test_classes_are_closed_under_exchange_of_the_inner_nodes() -> None:
    independent = EVERYTHING[EVERYTHING[:, 2] == NONE]
    exchanged = independent[:, [1, 0, 2, 3, 5, 4]]
    for level in ("function", "linear-pooling"):
        np.testing.assert_array_equal(CELLS.canonical(independent, level), CELLS.canonical(exchanged, level))


def function_values(genotype: Genotypes, images: torch.Tensor) -> torch.Tensor:
    """Logits of the genotype's network with equal weights for equal operations; float64, batch norm as initialised."""
    network = CELLS.build(genotype, (3, 8, 8), 10, width=4, cells=1).double().eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            weights = torch.Generator().manual_seed(module.weight.numel())  # layers of one shape have equal weights
            with torch.no_grad():
                module.weight.copy_(torch.randn(module.weight.shape, generator=weights, dtype=torch.float64) / 3)
                if module.bias is not None:
                    module.bias.fill_(0.1)
    with torch.no_grad():
        logits: torch.Tensor = network(images)
    return logits


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@settings(max_examples=30, deadline=None)
@given(genotype=cells, pick=st.integers(0, 2**16), level=st.sampled_from(["function", "linear-pooling"]))
def test_members_of_a_class_are_the_same_function(images: torch.Tensor, genotype: Genotypes, pick: int, level: str) -> None:
    members = EVERYTHING[classes(level) == CELLS.index(CELLS.canonical(genotype, level))]
    other = members[pick % len(members)]
    torch.testing.assert_close(function_values(genotype, images), function_values(other, images), rtol=0, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(one=cells, other=cells)
def test_members_of_different_classes_are_different_functions(
    images: torch.Tensor, one: Genotypes, other: Genotypes
) -> None:
    if (CELLS.canonical(one, "linear-pooling") == CELLS.canonical(other, "linear-pooling")).all():
        return
    difference = (function_values(one, images) - function_values(other, images)).abs().max()
    assert difference > 1e-7


def test_pooling_is_linear_but_convolution_is_not(images: torch.Tensor) -> None:
    for operation in (POOL, CONV3):
        # Node 2 = x + op(x); op(node 2) against op(x) + op(op(x)).
        of_sum = np.array([operation, SKIP, SKIP, NONE, NONE, operation], dtype=np.int8)
        sum_of = np.array([operation, NONE, SKIP, operation, NONE, operation], dtype=np.int8)
        equal = torch.allclose(function_values(of_sum, images), function_values(sum_of, images), rtol=0, atol=1e-9)
        assert equal == (operation == POOL)
        same_class = (CELLS.canonical(of_sum, "linear-pooling") == CELLS.canonical(sum_of, "linear-pooling")).all()
        assert same_class == (operation == POOL)
        assert not (CELLS.canonical(of_sum) == CELLS.canonical(sum_of)).all()


def numel(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(("text", "params"), [("333333", 1_531_546), (BEST, 1_073_466), ("000000", 73_306)])
def test_known_parameter_counts(text: str, params: int) -> None:
    genotype = CELLS.from_string(text)
    assert numel(CELLS.build(genotype, (3, 32, 32), 10)) == params
    assert CELLS.params(genotype, 10) == params


@settings(max_examples=25, deadline=None)
@given(genotype=cells, classes=st.integers(2, 120), width=st.integers(1, 6), depth=st.integers(1, 3))
def test_the_parameter_formula_counts_the_network(genotype: Genotypes, classes: int, width: int, depth: int) -> None:
    network = CELLS.build(genotype, (3, 8, 8), classes, width=width, cells=depth)
    counted = CELLS.params(genotype, classes, width=width, cells=depth)
    assert numel(network) == counted
    assert network(torch.zeros(2, 3, 8, 8)).shape == (2, classes)


def test_live_parameters_are_those_on_paths_from_input_to_output() -> None:
    ends = {0: (0, 1), 1: (0, 2), 2: (1, 2), 3: (0, 3), 4: (1, 3), 5: (2, 3)}
    paths = [(3,), (0, 4), (1, 5), (0, 2, 5)]
    assert all(ends[a][1] == ends[b][0] for path in paths for a, b in itertools.pairwise(path))
    on = EVERYTHING != NONE
    used = np.zeros_like(on)
    for path in paths:
        whole = on[:, list(path)].all(axis=1)
        used[np.ix_(whole, list(path))] = True
    trimmed = np.where(used, EVERYTHING, NONE).astype(np.int8)
    live = CELLS.live_params(EVERYTHING, 10)
    assert live is not None
    total = CELLS.params(EVERYTHING, 10)
    np.testing.assert_array_equal(live, CELLS.params(trimmed, 10))
    assert (live <= total).all()
    all_live = (used == on).all(axis=1)
    assert (live[all_live] == total[all_live]).all()
    assert (live < total).any()


@pytest.mark.parametrize(
    "text",
    ["", "33333", "3333333", "333335", "|none~0|", BEST[:-1], BEST.replace("skip_connect", "skip"), BEST + "|none~0|"],
)
def test_strings_that_are_no_cell_are_refused(text: str) -> None:
    with pytest.raises(WarmnasError, match="six digits"):
        CELLS.from_string(text)
