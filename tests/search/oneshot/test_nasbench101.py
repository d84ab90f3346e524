"""The supernet of NAS-Bench-101 against networks alone, how a module is read off, and its sub-spaces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from warmnas.bench import Genotypes, WarmnasError, space
from warmnas.bench.networks.nasbench101 import NASBench101Network
from warmnas.bench.networks.supernet_nasbench101 import NASBench101Supernet
from warmnas.bench.networks.supernets import build_supernet, layout
from warmnas.bench.spaces.nasbench101 import ENDS, NASBench101Space
from warmnas.bench.spaces.nasbench101_subspaces import NASBench101Subspace

MODULES = NASBench101Space()
SHAPE, CLASSES, WIDTH = (3, 8, 8), 4, 8


def with_shared_weights(supernet: Any, genotype: Genotypes) -> nn.Module:
    """The module's network alone, every convolution a corner of the supernet's."""
    alone: Any = NASBench101Network(genotype, SHAPE, CLASSES, width=WIDTH, cells=2).double()
    shared = [module for stack in supernet.stacks for module in stack]
    with torch.no_grad():
        alone.stem[0].weight.copy_(supernet.stem[0].weight)
        alone.classifier.load_state_dict(supernet.head[2].state_dict())
        for module, source in zip((m for m in alone.cells if hasattr(m, "wiring")), shared, strict=True):
            pairs = [(layer[0], source.projections[int(v) - 1]) for v, layer in module.projections.items()]
            for v, layer in module.layers.items():
                kind = str(module.wiring.operations[int(v)])
                if kind in source.vertices[int(v) - 1]:
                    pairs.append((layer[0], source.vertices[int(v) - 1][kind]))
            for own, whole in pairs:
                own.weight.copy_(whole.weight[: own.out_channels, : own.in_channels])
    network: nn.Module = alone.train()
    return network


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_path_is_the_modules_network_with_the_first_channels(seed):
    torch.manual_seed(seed)
    supernet = build_supernet(MODULES, SHAPE, CLASSES, WIDTH, 2).double()
    assert isinstance(supernet, NASBench101Supernet)
    genotype = MODULES.sample(1, np.random.default_rng(seed))[0]
    alone, images = with_shared_weights(supernet, genotype), torch.randn(5, *SHAPE, dtype=torch.float64)
    torch.testing.assert_close(supernet(images, layout(MODULES).path(genotype)), alone(images))


def test_nothing_arrives_where_the_output_is_not_reached():
    supernet = build_supernet(MODULES, SHAPE, CLASSES, WIDTH, 1)
    nothing = np.zeros(26, dtype=np.int8)
    assert not MODULES.connected(nothing)
    logits = supernet(torch.randn(3, *SHAPE), layout(MODULES).path(nothing))
    bias = supernet.get_parameter("head.2.bias")
    torch.testing.assert_close(logits, bias.expand(3, CLASSES))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), shift=st.floats(-3, 3))
def test_what_is_read_off_is_a_module_and_the_strongest_one_where_that_is_valid(seed, shift):
    rng = np.random.default_rng(seed)
    edges, vertices = rng.normal(size=(len(ENDS), 2)), rng.normal(size=(5, 3))
    edges[:, 1] += shift
    found = layout(MODULES).read([edges, vertices])
    assert MODULES.valid(found[None])[0]
    strongest = np.concatenate([edges.argmax(axis=1), vertices.argmax(axis=1)]).astype(np.int8)
    if MODULES.valid(strongest):
        np.testing.assert_array_equal(found, strongest)


@pytest.mark.parametrize("method", ["rsps", "spos", "enas", "parsec", "nao-ws"])
def test_methods_of_single_paths_search_it(method, run):
    found = run(method, of="nasbench101", epochs=1, width=WIDTH)
    assert MODULES.valid(found.genotype)
    assert MODULES.from_string(found.cell).tolist() == found.genotype.tolist()


def test_what_it_cannot_carry_is_said(run):
    with pytest.raises(WarmnasError, match="nasbench101: its supernet computes single modules, no mixtures; take rsps"):
        run("darts", of="nasbench101", epochs=1)
    with pytest.raises(WarmnasError, match="nasbench101: its supernet has no partial channels"):
        run("pc-darts", of="nasbench101", epochs=1)
    with pytest.raises(WarmnasError, match="width: 2 channels cannot be shared"):
        run("rsps", of="nasbench101", epochs=1, width=2)


@pytest.mark.parametrize(("vertices", "modules"), [(3, 6), (4, 84), (5, 2441)])
def test_subspaces_draw_their_modules_uniformly(vertices, modules):
    sub = NASBench101Subspace(vertices)
    keys = sub.class_keys(sub.modules)
    assert len(sub.modules) == len(np.unique(keys)) == modules
    drawn = sub.sample(4000, np.random.default_rng(0))
    assert sub.valid(drawn).all()
    assert MODULES.valid(drawn).all()
    counts = (sub.class_keys(drawn)[:, None] == keys).sum(axis=0)
    expected = len(drawn) / modules
    assert ((counts - expected) ** 2 / expected).sum() < modules + 5 * np.sqrt(2 * modules)
    children = sub.mutate(drawn[:200], np.random.default_rng(1))
    assert sub.valid(children).all()
    other = space("nasbench101").sample(300, np.random.default_rng(2))
    lengths = np.array([len(MODULES.graph(genotype).nodes) for genotype in other])
    np.testing.assert_array_equal(sub.valid(other), lengths == vertices)


@pytest.mark.parametrize("vertices", [2, 8])
def test_a_subspace_has_three_to_seven_vertices(vertices):
    with pytest.raises(WarmnasError, match=f"modules of 3 to 7 vertices, not {vertices}"):
        NASBench101Subspace(vertices)
