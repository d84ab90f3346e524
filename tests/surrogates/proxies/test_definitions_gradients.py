"""GraSP, Fisher and ZiCo against brute force: whole Hessians, loops over images and channels, parameter .grad."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from warmnas.bench import WarmnasError
from warmnas.surrogates.proxies.fisher import Fisher, information
from warmnas.surrogates.proxies.grasp import preserved_flow
from warmnas.surrogates.proxies.zico import Zico, steadiness


def tiny() -> Any:
    """A network with batch norm and 41 weights."""
    torch.manual_seed(2)
    layers = [nn.Conv2d(2, 2, 2, bias=False), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 3, 2, bias=False), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(3, 3)).double().train()


IMAGES = torch.randn(5, 2, 3, 3, generator=torch.Generator().manual_seed(1)).double()
LABELS = torch.tensor([0, 1, 2, 1, 0])


def test_grasp_by_the_whole_hessian():
    network = tiny()
    layers = [layer for layer in network if isinstance(layer, nn.Conv2d | nn.Linear)]
    sizes = [layer.weight.numel() for layer in layers]
    rest = {k: v.detach() for k, v in network.named_parameters()}

    def loss(flat):
        parts = flat.split(sizes)
        names = [f"{i}.weight" for i, layer in enumerate(network) if layer in layers]
        given = {n: p.view_as(layer.weight) for n, p, layer in zip(names, parts, layers, strict=True)}
        out = torch.func.functional_call(network, rest | given, (IMAGES,))
        return functional.cross_entropy(out, LABELS)

    weights = torch.cat([layer.weight.detach().flatten() for layer in layers])
    hessian = torch.autograd.functional.hessian(loss, weights)
    gradient = torch.autograd.functional.jacobian(loss, weights)
    expected = -float(weights @ (hessian @ gradient))
    assert expected != 0
    assert preserved_flow(network, IMAGES, LABELS) == pytest.approx(expected, rel=1e-9)


def test_fisher_image_by_image():
    network, kept = tiny(), []
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(lambda m, x, y: kept.append(y))
    loss = functional.cross_entropy(network(IMAGES), LABELS)
    for a in kept:
        a.retain_grad()
    loss.backward()
    total = 0.0
    for a in kept:
        for channel in range(a.shape[1]):
            images = [float((a[n, channel] * a.grad[n, channel]).sum().detach()) for n in range(len(a))]
            total += 0.5 * float(np.mean(np.square(images)))
    assert information(tiny(), IMAGES, LABELS) == pytest.approx(total, rel=1e-9)


def test_fisher_counts_channels_and_not_their_weights(make_probe):
    # A linear layer's number would be multiplied by its inputs if each weight counted.
    network = nn.Sequential(nn.Flatten(), nn.Linear(18, 3, bias=False)).double()
    out = network(IMAGES).detach()
    gradient = (functional.softmax(out, 1) - functional.one_hot(LABELS, 3)) / 5
    expected = 0.5 * (out * gradient).square().mean(0).sum()
    assert information(network, IMAGES, LABELS) == pytest.approx(float(expected), rel=1e-9)
    assert Fisher().measure(make_probe())[0] > 0


def test_zico_by_parameter_gradients(make_probe):
    network = make_probe("112412").network()
    gradients: list[list[np.ndarray]] = []
    for number in range(3):
        images, labels = make_probe("112412").batch(number)
        network.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear) and m.weight.grad is not None]
        gradients.append([m.weight.grad.numpy().astype(float).ravel() for m in layers])  # type: ignore[union-attr]
    for batches in (2, 3):
        expected = 0.0
        for layer in zip(*gradients[:batches], strict=True):
            mean, spread = np.mean(np.abs(layer), axis=0), np.std(layer, axis=0)
            expected += math.log(np.sum(mean[spread > 0] / spread[spread > 0]))
        assert Zico(batches=batches).measure(make_probe("112412"))[0] == pytest.approx(expected, rel=1e-5)


def test_zico_with_two_batches_is_half_the_difference():
    g = torch.tensor([[1.0, 2.0, 5.0], [3.0, -2.0, 5.0]])
    # The third weight does not vary and is left out; a layer without gradients too.
    assert steadiness([g, torch.zeros(2, 4)]) == pytest.approx(math.log(2 / 1 + 2 / 2))
    assert steadiness([torch.ones(2, 3)]) == -math.inf
    with pytest.raises(WarmnasError, match="batches=1"):
        Zico(batches=1)
