"""The networks of all image spaces: published costs, formulas against networks, shapes, gradients, sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from warmnas.bench import SPACES, SearchSpace, space

SMALL = {"width": 8, "cells": 1}
WITHOUT = ("nasbench-graph", "nasbench-graph-proteins")  # spaces of graph networks
IMAGE_SPACES = [s for name, s in SPACES.items() if name not in WITHOUT]
image_spaces = pytest.mark.parametrize("s", IMAGE_SPACES, ids=[s.name for s in IMAGE_SPACES])
COUNTED = [s for s in IMAGE_SPACES if hasattr(s, "params")]


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def multiply_adds(network: nn.Module, shape: tuple[int, int, int]) -> int:
    """Of convolutions and linear layers, for one image; the bias of a linear layer counts, as in the benchmarks' code."""
    total = 0

    def count(layer: nn.Module, _: tuple[Any, ...], output: torch.Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            total += output[0].numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            total += output[0].numel() * (layer.in_features + 1)

    hooks = [module.register_forward_hook(count) for module in network.modules()]
    with torch.no_grad():
        network.eval()(torch.zeros(1, *shape))
    for hook in hooks:
        hook.remove()
    return total


BEST_201 = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
C3, C1, MP = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"
MODULE_101 = f"111010.00001.0001.100.01.1|{C1},{C3},{C3},{C3},{MP}"
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=range(2, 6), "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))"
)
PUBLISHED = [
    # space, architecture, side of the image, classes, parameters, multiply-adds (None: not published)
    # spaces' papers and records; NAS-Bench-201's have two decimals of a million
    ("nasbench201", "333333", 32, 10, 1_531_546, 220.12e6),
    ("nasbench201", BEST_201, 32, 10, 1_073_466, 153.27e6),
    # the example of the README of google-research/nasbench
    ("nasbench101", MODULE_101, 32, 10, 2_694_282, None),
    # printed by the code of DARTS as 3.349342MB
    ("darts", DARTS_V2, 32, 10, 3_349_342, None),
    # counted on the networks of yawen-d/TransNASBench (lib/models/net_infer/net_macro.py, structure "full")
    ("transnas-micro", "64-41414-1_02_333", 32, 75, 22_559_083, None),
    ("transnas-micro", "64-41414-3_33_333", 32, 75, 41_450_091, None),
    ("transnas-macro", "64-1234-basic", 32, 75, 3_419_499, None),
    ("transnas-macro", "64-414141-basic", 32, 75, 23_470_443, None),
    # records of NATS-Bench's size space (params and flop of all_results)
    ("nats-size", "8:8:8:8:8", 32, 10, 11_714, 4.481114e6),
    ("nats-size", "8:8:8:16:32", 32, 10, 49_202, 6.84065e6),
    ("nats-size", "8:8:8:16:32", 16, 120, 52_832, 1.71404e6),
    ("nats-size", "8:8:40:32:40", 32, 10, 144_834, 21.827994e6),
    ("nats-size", "8:8:40:32:40", 32, 100, 148_524, 21.831684e6),
]


@pytest.mark.parametrize(("name", "text", "side", "classes", "params", "macs"), PUBLISHED)
def test_published_costs(name: str, text: str, side: int, classes: int, params: int, macs: float | None) -> None:
    s = space(name)
    network = s.build(s.from_string(text), (3, side, side), classes)
    assert parameters(network) == params
    if macs is not None:
        assert multiply_adds(network, (3, side, side)) == pytest.approx(
            macs, rel=0, abs=5e3 if name == "nasbench201" else 0.5
        )


@pytest.mark.parametrize("s", COUNTED, ids=[s.name for s in COUNTED])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), classes=st.integers(2, 50), width=st.sampled_from([8, 16]), cells=st.integers(1, 2))
def test_the_formula_counts_the_network(s: SearchSpace, seed: int, classes: int, width: int, cells: int) -> None:
    genotypes = s.sample(2, np.random.default_rng(seed))
    counted = s.params(genotypes, classes, width=width, cells=cells)  # type: ignore[attr-defined]
    assert counted.shape == (2,)
    for genotype, params in zip(genotypes, counted, strict=True):
        assert parameters(s.build(genotype, (3, 32, 32), classes, width=width, cells=cells)) == params


@image_spaces
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6), channels=st.sampled_from([1, 3]), side=st.sampled_from([8, 11, 16]))
def test_logits_have_gradients(s: SearchSpace, seed: int, channels: int, side: int) -> None:
    genotype = s.sample(1, np.random.default_rng(seed))[0]
    torch.manual_seed(seed)
    network = s.build(genotype, (channels, side, side), 5, **SMALL)
    images = torch.randn(3, channels, side, side, requires_grad=True)
    logits = network(images)
    assert logits.shape == (3, 5)
    logits.square().sum().backward()
    if images.grad is None:
        assert not s.connected(genotype) or "noise" in s.to_string(genotype)  # noise ignores its input
    else:
        assert torch.isfinite(images.grad).all()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    assert all(torch.isfinite(g).all() for g in gradients)
    assert any(g.abs().max() > 0 for g in gradients)


@image_spaces
def test_networks_are_drawn_from_torchs_generator(s: SearchSpace) -> None:
    genotype = s.sample(1, np.random.default_rng(4))[0]
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(torch.cat([p.detach().flatten() for p in s.build(genotype, (3, 8, 8), 4, **SMALL).parameters()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
