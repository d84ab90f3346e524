"""Pointwise convolutions with a stride: torch's own result, where torch's own is sound."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from warmnas.bench import space
from warmnas.bench.networks.pointwise import PointwiseConv2d


@pytest.mark.parametrize("side", [1, 7, 8])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_equals_torchs_own_in_the_plain_layout(side, stride):
    layer = PointwiseConv2d(3, 5, stride).double()
    images = torch.randn(2, 3, side, side, dtype=torch.double, requires_grad=True)
    out = layer(images.to(memory_format=torch.channels_last))
    own = functional.conv2d(images, layer.weight, stride=stride)
    assert torch.allclose(out, own)
    ours, theirs = (torch.autograd.grad(x.square().sum(), (images, layer.weight)) for x in (out, own))
    assert all(torch.allclose(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("name", ["darts", "transnas-micro", "transnas-macro", "chain"])
def test_narrow_networks_train_with_channels_last(name):
    chosen = space(name)
    images = torch.randn(4, 3, 16, 16).contiguous(memory_format=torch.channels_last)
    for genotype in chosen.sample(3, np.random.default_rng(0)):
        network = chosen.build(genotype, (3, 16, 16), 5, width=2, cells=1)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for _ in range(2):  # what is written outside of its memory is noticed when that is freed
            network(images).sum().backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
