"""Initial weights. ``default`` leaves what torch draws itself (Kaiming uniform with a = sqrt(5))."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from .recording import LAYERS

Draw = Callable[[torch.Tensor], object]
KINDS: dict[str, Draw] = {
    "normal": nn.init.normal_,
    "kaiming-fan-in": lambda w: nn.init.kaiming_normal_(w, mode="fan_in", nonlinearity="relu"),
    "kaiming-fan-out": lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"),
}


@torch.no_grad()
def initialise(network: nn.Module, kind: str) -> nn.Module:
    """Draw the weights of convolutions and linear layers anew; biases become 0, batch norm the identity."""
    for layer in network.modules():
        if isinstance(layer, LAYERS):
            KINDS[kind](layer.weight)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network


@torch.no_grad()
def fill(network: nn.Module, value: float) -> nn.Module:
    """Every weight, batch norm's included, becomes ``value`` and every bias 0."""
    for name, parameter in network.named_parameters():
        parameter.fill_(0.0 if name.endswith("bias") else value)
    return network


def without_batch_norm(network: nn.Module) -> nn.Module:
    """The network with the identity in place of every batch norm, in place."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, nn.Identity())
    return network
