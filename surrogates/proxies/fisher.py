"""Fisher information of channels (Turner et al., BlockSwap, ICLR 2020, equation 4); as a proxy: Abdelfattah et al., 2021.

a: what a convolution or linear layer gives, (N, C, h, w). Of a channel: 1/2 mean over images of (sum over h, w of
a * dL/da)^2. The score is the sum over channels and layers, L the cross-entropy of one batch.

The code of Abdelfattah et al. gives a channel's number to each of its weights before it sums, which multiplies it by the
inputs of the channel (C_in * k * k). BlockSwap, whose quantity this is, sums channels, and so does this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .probe import Probe


@proxies("fisher")
@dataclass(frozen=True)
class Fisher(Proxy):
    """See the module's head."""

    name: ClassVar[str] = "fisher"

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """One forward and backward pass, by the layers' outputs instead of their weights."""
        return (information(probe.network(), *probe.batch()),)


def information(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The score of a network for one batch."""
    import torch
    from torch.nn import functional

    from .recording import LAYERS, outputs

    with outputs(layer for layer in network.modules() if isinstance(layer, LAYERS)) as activations:
        loss = functional.cross_entropy(network(images), labels)
    gradients = torch.autograd.grad(loss, activations)
    total = 0.0
    for a, g in zip(activations, gradients, strict=True):
        product = (a * g).detach().flatten(2).sum(2) if a.dim() > 2 else (a * g).detach()
        total += 0.5 * float(product.double().square().mean(0).sum())
    return total
