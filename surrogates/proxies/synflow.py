"""Synaptic flow (Tanaka et al., NeurIPS 2020), summed as by Abdelfattah et al. (ICLR 2021).

With |W| for W, no batch norm and an image of ones, R = sum of the logits; score = log sum |W * dR/dW| over convolutions and
linear layers. Every layer conserves the flow, so the sum is about (number of layers) * R: depth enters twice.

The sum reaches 1e61, beyond float32, so it is computed in double precision and its logarithm is the score. In the authors'
code the absolute value is taken of the whole state, batch norm's running statistics included; here of the weights. Biases
are set to zero: with them R is no longer a product of layers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from torch import nn

    from .probe import Probe


@proxies("synflow")
@dataclass(frozen=True)
class Synflow(Proxy):
    """See the module's head."""

    name: ClassVar[str] = "synflow"

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """One image forward and backward, in double precision."""
        from .weights import without_batch_norm

        flow = synaptic_flow(without_batch_norm(probe.network()), probe.inputs.shape)
        return (math.log(flow) if flow > 0 else -math.inf,)


def synaptic_flow(network: nn.Module, shape: tuple[int, int, int]) -> float:
    """Sum |W * dR/dW| of a network, whose weights become non-negative and double."""
    import torch

    from .probe import layer_weights

    network.double()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.zeros_like(parameter) if name.endswith("bias") else parameter.abs())
    weights = layer_weights(network)
    flow = network(torch.ones(1, *shape, dtype=torch.float64)).sum()
    gradients = torch.autograd.grad(flow, weights, allow_unused=True)
    return sum(float((w.detach() * g).abs().sum()) for w, g in zip(weights, gradients, strict=True) if g is not None)
