"""Networks of chains: their sizes, their skips, and prefixes that share what they have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from warmnas.bench import WarmnasError
from warmnas.bench.networks.chain import ChainNetwork, Skip
from warmnas.bench.spaces.chain import ChainSpace
from warmnas.metadata.training import Recipe, costs

CHAINS = ChainSpace()
LONG = "conv3x3-w1-s1,res-w2-s2,conv1x1-w4-s2,skip2,max-s1,skip3,avg-s2,conv5x5-w2-s1"
shapes = st.tuples(st.integers(1, 3), st.integers(1, 11), st.integers(1, 11))


def network(text: str = LONG, shape: tuple[int, int, int] = (3, 9, 12), **size: int) -> ChainNetwork:
    torch.manual_seed(0)
    built = CHAINS.build(CHAINS.from_string(text), shape, 5, **{"width": 4, **size})
    assert isinstance(built, ChainNetwork)
    return built


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=shapes,
    width=st.integers(1, 5),
    cells=st.integers(1, 3),
    classes=st.integers(2, 9),
)
def test_costs_of_every_prefix_are_those_of_its_network(
    seed: int, shape: tuple[int, int, int], width: int, cells: int, classes: int
) -> None:
    genotype = CHAINS.sample(1, np.random.default_rng(seed))[0]
    described = CHAINS.layers(genotype, shape, classes, width, cells)
    recipe = Recipe(width=width, cells=cells)
    for layers in range(1, int(CHAINS.depth(genotype)) + 1):
        counted = costs(CHAINS, CHAINS.prefix(genotype, layers), shape, classes, recipe)
        assert counted == (described.params[layers - 1], described.flops[layers - 1])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shape=shapes, cells=st.integers(1, 2))
def test_memory_is_that_of_parameters_and_outputs(seed: int, shape: tuple[int, int, int], cells: int) -> None:
    genotype = CHAINS.sample(1, np.random.default_rng(seed))[0]
    built = CHAINS.build(genotype, shape, 5, width=3, cells=cells).eval()
    sizes: list[int] = []

    def see(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        sizes.append(output.numel())

    for layer in built.layers:  # type: ignore[union-attr]
        blocks = [layer] if not isinstance(layer, nn.Sequential) else [m for m in layer if type(m).__name__ == "Residual"]
        for block in blocks or [m for m in layer if isinstance(m, nn.ReLU)]:
            block.register_forward_hook(see)
    for part in (built.stem, built.classifier):
        part.register_forward_hook(see)  # type: ignore[union-attr]
    built(torch.zeros(1, *shape))
    parameters = sum(p.numel() for p in built.parameters())
    assert CHAINS.layers(genotype, shape, 5, 3, cells).memory.max() == 4 * (sum(sizes) + parameters)


def test_a_skip_adds_the_earlier_output_brought_to_size() -> None:
    x, earlier = torch.randn(2, 3, 2, 3), torch.randn(2, 5, 4, 5)
    torch.testing.assert_close(Skip(1)(x, earlier), x + earlier[:, :3, ::2, ::2])
    torch.testing.assert_close(Skip(1)(x, earlier[:, :2])[:, :2], x[:, :2] + earlier[:, :2, ::2, ::2])
    torch.testing.assert_close(Skip(1)(x, earlier[:, :2])[:, 2], x[:, 2])


def test_skips_reach_as_far_as_they_say() -> None:
    text = "conv3x3-w1-s1,max-s2,avg-s1,skip3"  # adds the stem's output
    net = network(text).eval()
    images = torch.randn(2, 3, 9, 12)
    stem = net.stem(images)
    before = net.layers[2](net.layers[1](net.layers[0](stem)))
    expected = net.classifier((before + stem[:, :, ::2, ::2]).mean(dim=(2, 3)))
    torch.testing.assert_close(net(images), expected)


def test_a_residual_block_is_he_s_basic_block() -> None:
    net = network("res-w1-s1").eval()
    x = torch.randn(1, 4, 5, 5)
    block = net.layers[0][0]  # type: ignore[index]
    torch.testing.assert_close(block(x), torch.relu(block.body(x) + x))
    kinds = [type(m).__name__ for m in block.body]
    assert kinds == ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "BatchNorm2d"]


def test_cells_repeat_convolutions_and_residual_blocks_only() -> None:
    net = network("conv3x3-w2-s2,res-w4-s2,max-s2,skip1", cells=3)
    kinds = [[type(m).__name__ for m in layer.modules()] for layer in net.layers]
    assert [sum(name.endswith("Conv2d") for name in k) for k in kinds] == [3, 7, 0, 0]
    strided = [m.stride[0] for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert strided.count(2) == 2  # the shortcut drops pixels before
    assert net(torch.zeros(2, 3, 9, 12)).shape == (2, 5)


@pytest.mark.parametrize("layers", [1, 3, 6])
def test_a_prefix_has_the_gradients_of_the_same_network_alone(layers: int) -> None:
    """The prefix of a chain against a network built from the prefix's genotype with the same numbers, in float64."""
    whole = network().double()
    prefix = whole.prefix(layers)
    alone = CHAINS.build(CHAINS.prefix(whole.genotype, layers), (3, 9, 12), 5, width=4).double()
    alone.load_state_dict(prefix.state_dict())
    images, labels = torch.randn(6, 3, 9, 12, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 4, 0])
    for net in (prefix, alone):
        nn.functional.cross_entropy(net(images), labels).backward()
    for (name, one), other in zip(prefix.named_parameters(), alone.parameters(), strict=True):
        assert one.grad is not None, name
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-12, atol=1e-14)
    untouched = [p for layer in whole.layers[layers:] for p in layer.parameters()]
    assert all(p.grad is None for p in [*untouched, *whole.classifier.parameters()])


def test_prefixes_share_layers_but_not_classifiers() -> None:
    whole = network()
    first, second = whole.prefix(2), whole.prefix(2)
    assert first.stem is second.stem is whole.stem
    assert all(one is other for one, other in zip(first.layers, whole.layers, strict=False))
    assert not torch.equal(first.classifier.weight, second.classifier.weight)
    assert first.classifier.in_features == 8
    for layers in (0, 9):
        with pytest.raises(WarmnasError, match=f"no prefix of {layers}"):
            whole.prefix(layers)


def test_channels_last_and_small_images_are_no_harm() -> None:
    """Torch's own 1x1 convolution of stride 2 is; two sides give the same numbers here."""
    net = network("conv1x1-w2-s2,res-w1-s2,conv1x1-w1-s2", width=4).double()
    images = torch.randn(8, 3, 5, 7, dtype=torch.float64)
    plain = net(images)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    torch.testing.assert_close(net(images.to(memory_format=torch.channels_last)), plain)
    conv = next(m for m in net.layers[0].modules() if isinstance(m, nn.Conv2d))
    strided = nn.functional.conv2d(net.stem(images).contiguous(), conv.weight.contiguous(), stride=2)
    torch.testing.assert_close(conv(net.stem(images)), strided)


@pytest.mark.parametrize("size", [{"width": 0}, {"cells": 0}, {"depth": 3}])
def test_sizes_that_mean_nothing_are_refused(size: dict[str, int]) -> None:
    with pytest.raises(WarmnasError, match="width and cells"):
        CHAINS.build(CHAINS.from_string(LONG), (3, 9, 12), 5, **size)
