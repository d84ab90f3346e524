"""The elastic space, its networks, its supernet and progressive shrinking."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from warmnas.bench import WarmnasError, space
from warmnas.bench.networks.supernet_elastic import ElasticBottleneck, ElasticSupernet
from warmnas.bench.networks.supernets import build_supernet, layout
from warmnas.bench.spaces.elastic import largest, layers_of
from warmnas.search.oneshot.parts.shrinking import STARTS, Shrinking

ELASTIC = space("elastic")
SHALLOW = ELASTIC.from_string("d1:k3e3,k7e6,k5e4|d1:k3e3,k3e3,k3e3")


def supernet() -> ElasticSupernet:
    torch.manual_seed(0)
    net = build_supernet(ELASTIC, (1, 8, 8), 3, 4, 1)
    assert isinstance(net, ElasticSupernet)
    return net


def test_classes_forget_layers_that_are_not_there():
    assert layers_of(SHALLOW) == [[(3, 3)], [(3, 3)]]
    assert not ELASTIC.canonical(SHALLOW).any()
    drawn = ELASTIC.sample(40_000, np.random.default_rng(0))
    same: dict[int, list[list[tuple[int, int]]]] = {}
    for genotype, key in zip(drawn[:3000], ELASTIC.class_keys(drawn[:3000]).tolist(), strict=True):
        assert same.setdefault(key, layers_of(genotype)) == layers_of(genotype)
    assert len({str(layers) for layers in same.values()}) == len(same)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 30))
def test_parameters_are_those_of_the_network(seed, classes):
    genotype = ELASTIC.sample(1, np.random.default_rng(seed))[0]
    network = ELASTIC.build(genotype, (3, 8, 8), classes)
    assert sum(p.numel() for p in network.parameters()) == ELASTIC.live_params(genotype, classes)


def test_the_largest_part_is_the_network_alone():
    net, alone = supernet(), ELASTIC.build(largest(), (1, 8, 8), 3, width=4)
    own = net.state_dict()
    given = dict(zip(alone.state_dict(), [None] * 999, strict=False))
    names = {0: "expand.weight", 3: "depthwise.weight", 6: "project.weight"}
    norms = {1: 0, 4: 1, 7: 2}
    for name in given:
        parts = name.split(".")
        if parts[0] == "layers":
            unit, layer, place = int(parts[1]) // 3, int(parts[1]) % 3, int(parts[3])
            inner = names[place] if place in names else f"norms.{norms[place]}.{parts[4]}"
            given[name] = own.get(f"units.{unit}.{layer}.{inner}")
        else:
            given[name] = own.get(name.replace("classifier.", "head.2."))
    alone.load_state_dict({k: v for k, v in given.items() if v is not None}, strict=False)
    images = torch.randn(5, 1, 8, 8)
    assert torch.allclose(net(images, layout(ELASTIC).path(largest())), alone.train()(images), atol=1e-5)


def test_sorting_keeps_the_largest_network_and_puts_the_important_first():
    net, images = supernet(), torch.randn(6, 1, 8, 8)
    path, small = layout(ELASTIC).path(largest()), layout(ELASTIC).path(SHALLOW)
    with torch.no_grad():
        before, other = net(images, path), net(images, small)
        net.sort_channels()
        assert torch.allclose(net(images, path), before, atol=1e-5)
        assert not torch.allclose(net(images, small), other, atol=1e-3)
    for layer in net.modules():
        if isinstance(layer, ElasticBottleneck):
            norms = layer.project.weight.detach().abs().sum(dim=(0, 2, 3))
            assert (norms[:-1] >= norms[1:] - 1e-6).all()


def test_small_kernels_are_centres_through_a_matrix():
    layer = ElasticBottleneck(2, 2, 1)
    assert torch.equal(layer.kernel(7), layer.depthwise.weight)
    assert torch.allclose(layer.kernel(5), layer.depthwise.weight[:, :, 1:-1, 1:-1])
    assert torch.allclose(layer.kernel(3), layer.depthwise.weight[:, :, 2:-2, 2:-2])
    layer(torch.randn(3, 2, 5, 5), 3, 3).sum().backward()
    assert all(p.grad is not None for p in layer.transforms.values())


def test_stages_open_one_dimension_after_another():
    net = supernet()
    sampler = Shrinking()
    rng = np.random.default_rng(0)
    search: Any = SimpleNamespace(
        supernet=net,
        settings=SimpleNamespace(epochs=1),
        rng=rng,
        layout=layout(ELASTIC),
        new_weights_optimizer=lambda: None,
        progress=0.0,
    )
    seen = []
    for start in STARTS:
        search.progress = start
        sampler.weights(search)
        seen.append(np.stack([sampler.draw(search) for _ in range(60)]).min(axis=0))
    kernels, depths, expansions = (np.stack(seen)[:, i] for i in (1, 0, 2))
    assert kernels.tolist() == [2, 0, 0, 0, 0, 0]
    assert depths.tolist() == [2, 2, 1, 0, 0, 0]
    assert expansions.tolist() == [2, 2, 2, 2, 1, 0]
    assert sampler.teacher is not None


def test_other_methods_and_spaces(run):
    assert run("rsps", of="elastic", epochs=1).search.space is ELASTIC
    with pytest.raises(WarmnasError, match="elastic: its supernet computes single networks"):
        run("darts", of="elastic", epochs=1)
    with pytest.raises(WarmnasError, match="once-for-all needs an elastic space, not nasbench201"):
        run("once-for-all", of="nasbench201", epochs=1)
    with pytest.raises(WarmnasError, match="no cells to repeat"):
        run("once-for-all", epochs=1, cells=2)
