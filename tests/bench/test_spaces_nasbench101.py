"""NAS-Bench-101: its classes against graph isomorphism and the official hash, its network against a plain one."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from warmnas.bench import Genotypes, WarmnasError
from warmnas.bench.networks.nasbench101 import Module
from warmnas.bench.spaces.module_graph import channels, pruned
from warmnas.bench.spaces.nasbench101 import NASBench101Space

MODULES = NASBench101Space()
C3, C1, MP = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"
# Digests of google-research/nasbench, lib/graph_util.py, for modules written in its own form: matrix and operations.
DIGESTS = [
    ("1|", "043721b9c7fe8c5fad811d47d83132ec"),
    (f"10.1|{C3}", "b49ac8c578b4561d79ac7087988f1c61"),
    (f"11.1|{C1}", "09fc2d10bdd6225e167a6f81a22a3f06"),
    (f"111.01.1|{C3},{C1}", "675777ecb1daff61b6917d833406cb82"),
    (f"101000.11001.0101.100.01.0|{C1},{C1},{MP},{C1},{C3}", "e16c131d2a22eeac6b62f99189b9d653"),
    (f"100000.10000.1000.111.11.1|{MP},{MP},{MP},{MP},{MP}", "a1622d2125d026576ad39bb1e6b76ca9"),
    (f"111010.00001.0001.100.01.1|{C1},{C3},{C3},{C3},{MP}", "28cfc7874f6d200472e1a9dcd8650aa0"),
]


@pytest.mark.parametrize(("text", "digest"), DIGESTS)
def test_the_official_hash(text: str, digest: str) -> None:
    assert MODULES.module_hash(MODULES.from_string(text)) == digest


def test_there_are_as_many_modules_as_the_paper_says() -> None:
    modules = MODULES.modules
    assert len(modules) == 423_624
    assert MODULES.valid(modules).all()
    vertices = 2 + (pruned(MODULES.edges(modules)).any(axis=1).sum(axis=1) - 1)
    assert Counter(vertices.tolist()) == {2: 1, 3: 6, 4: 84, 5: 2441, 6: 62010, 7: 359082}
    some = modules[:: len(modules) // 3000]
    assert len({MODULES.module_hash(g) for g in some}) == len(some)


def test_keys_canonical_forms_and_the_official_hash_are_one_partition() -> None:
    """All graphs of up to four vertices in all orders, and random ones with their neighbours."""
    small = [
        MODULES.from_modules(np.array([matrix]), np.array([labels]))
        for bits in itertools.product((0, 1), repeat=6)
        for labels in itertools.product(range(3), repeat=2)
        for matrix in [[[0, *bits[:3]], [0, 0, *bits[3:5]], [0, 0, 0, bits[5]], [0, 0, 0, 0]]]
    ]
    drawn = MODULES.sample(150, np.random.default_rng(0))
    genotypes = np.concatenate([*small, drawn, MODULES.neighbours(drawn[:20]).reshape(-1, 26)])
    genotypes = genotypes[MODULES.valid(genotypes)]
    digests = np.unique([MODULES.module_hash(g) for g in genotypes], return_inverse=True)[1]
    for other in (MODULES.class_keys(genotypes), MODULES.index(MODULES.canonical(genotypes))):
        numbers = np.unique(other, return_inverse=True)[1]
        assert np.unique(np.stack([digests, numbers]), axis=1).shape[1] == digests.max() + 1 == numbers.max() + 1


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), order=st.permutations(range(1, 6)))
def test_the_order_of_vertices_and_what_is_pruned_do_not_matter(seed: int, order: list[int]) -> None:
    rng = np.random.default_rng(seed)
    genotype = MODULES.sample(1, rng)
    place = [0, *order, 6]
    edges, operations = MODULES.edges(genotype)[0], MODULES.operations(genotype)[0]
    moved = pruned(edges[None])[0][np.ix_(place, place)]
    if np.tril(moved).any():
        return
    other = MODULES.from_modules(moved[None], operations[place][None, 1:-1])
    dead = ~moved.any(axis=0)[1:-1]
    other[0, 21:][dead] = rng.integers(0, 3, dead.sum())
    np.testing.assert_array_equal(MODULES.canonical(other), MODULES.canonical(genotype))
    np.testing.assert_array_equal(MODULES.class_keys(other), MODULES.class_keys(genotype))
    assert MODULES.module_hash(other[0]) == MODULES.module_hash(genotype[0])
    # Which vertex gets a channel more where they do not divide is a matter of order, so sizes are nearly the same.
    np.testing.assert_allclose(MODULES.params(other, 7), MODULES.params(genotype, 7), rtol=0.03)


def channels_one_by_one(matrix: np.ndarray, outputs: int) -> list[int]:
    """The rule for one pruned matrix, vertex by vertex from the output back."""
    last = len(matrix) - 1
    into = [v for v in range(1, last) if matrix[v, last]]
    wide = [0] * last + [outputs]
    for rank, v in enumerate(into):
        wide[v] = outputs // len(into) + (rank < outputs % len(into))
    for v in range(last - 1, 0, -1):
        if v not in into:
            wide[v] = max((wide[w] for w in range(v + 1, last) if matrix[v, w]), default=0)
    return wide


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), outputs=st.integers(5, 260))
def test_channels_are_shared_out_before_the_output(seed: int, outputs: int) -> None:
    edges = pruned(MODULES.edges(MODULES.sample(4, np.random.default_rng(seed))))
    for matrix, wide in zip(edges, channels(edges, outputs), strict=True):
        assert wide.tolist() == channels_one_by_one(matrix, outputs)
        before = [v for v in range(1, 6) if matrix[v, 6]]
        assert not before or sum(wide[before]) == outputs
        assert all(wide[v] - wide[w] in (0, 1) for v in range(1, 6) for w in range(1, 6) if matrix[v, w])


def plain_forward(module: Module, genotype: Genotypes, x: torch.Tensor) -> torch.Tensor:
    """The module's definition over one pruned matrix, with the weights of ``module``."""
    matrix, operations = pruned(MODULES.edges(genotype[None]))[0], MODULES.operations(genotype[None])[0]

    def layers(sequence: nn.Module, value: torch.Tensor) -> torch.Tensor:
        conv, norm = sequence[0], sequence[1]  # type: ignore[index]
        value = functional.conv2d(value, conv.weight, padding=conv.weight.shape[-1] // 2)
        value = functional.batch_norm(value, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=1e-5)
        return value.relu()

    wide = channels_one_by_one(matrix, module.wiring.wide[6])
    values: dict[int, torch.Tensor] = {}
    for v in range(1, 6):
        if not matrix[:, v].any():
            continue
        total = torch.zeros(len(x), wide[v], *x.shape[2:], dtype=x.dtype)
        for w in range(v):
            if matrix[w, v]:
                total += layers(module.projections[str(v)], x) if w == 0 else values[w][:, : wide[v]]
        pooling = operations[v] == 2
        values[v] = functional.max_pool2d(total, 3, 1, 1) if pooling else layers(module.layers[str(v)], total)
    last = [values[v] for v in range(1, 6) if matrix[v, 6]]
    out = torch.cat(last, dim=1) if last else torch.zeros(len(x), module.wiring.wide[6], *x.shape[2:], dtype=x.dtype)
    return out + layers(module.projections["6"], x) if matrix[0, 6] else out


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), outputs=st.sampled_from([7, 8, 12]))
def test_a_module_is_what_its_matrix_says(seed: int, outputs: int) -> None:
    genotype = MODULES.sample(1, np.random.default_rng(seed))[0]
    torch.manual_seed(seed)
    module = Module(genotype, 6, outputs).double().eval()
    for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.running_mean.uniform_(-1, 1)  # type: ignore[union-attr]
        norm.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    x = torch.randn(2, 6, 5, 5, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(module(x), plain_forward(module, genotype, x))


def test_a_network_too_narrow_for_its_module_is_refused() -> None:
    spread = MODULES.from_string(f"11110.0001.001.01.1|{C3},{C3},{C3},{C3}")
    with pytest.raises(WarmnasError, match="width: 3 channels cannot be shared"):
        MODULES.build(spread, (3, 8, 8), 10, width=3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "write the matrix"),
        ("0|", "does not lead"),
        ("00.0|maxpool3x3", "does not lead"),
        ("11.1|maxpool", "operations are conv3x3-bn-relu"),
        ("11.1|", "write the matrix"),
        ("111.11.1|maxpool3x3", "write the matrix"),
        ("121.11.1|maxpool3x3,maxpool3x3", "write the matrix"),
        (f"111111.11111.1111.111.11.1|{C3},{C3},{C3},{C3},{C3}", "more than 9 edges"),
        (f"1111111.111111.11111.1111.111.11.1|{C3},{C3},{C3},{C3},{C3},{C3}", "write the matrix"),
    ],
)
def test_strings_that_are_no_module_are_refused(text: str, message: str) -> None:
    with pytest.raises(WarmnasError, match=message):
        MODULES.from_string(text)
