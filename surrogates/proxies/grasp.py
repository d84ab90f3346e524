"""GraSP (Wang, Zhang & Grosse, ICLR 2020) summed over the network, as by Abdelfattah et al. (ICLR 2021).

score = -sum W * (H g): g the gradient and H the Hessian of the cross-entropy of one batch, H g by differentiating
sum g_const * g. The sign is that of the authors' code, with which the correlation on NAS-Bench-201 is positive; on
NAS-Bench-101 it is negative, and the .45 that is reported there is its absolute value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .probe import Probe


@proxies("grasp")
@dataclass(frozen=True)
class Grasp(Proxy):
    """See the module's head."""

    name: ClassVar[str] = "grasp"

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """One forward pass and two backward ones."""
        return (preserved_flow(probe.network(), *probe.batch()),)


def preserved_flow(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """-sum W * (H g) over the weights of convolutions and linear layers that are used."""
    import torch
    from torch.nn import functional

    from .probe import layer_weights

    weights = layer_weights(network)
    loss = functional.cross_entropy(network(images), labels)
    found = torch.autograd.grad(loss, weights, create_graph=True, allow_unused=True)
    used = [(w, g) for w, g in zip(weights, found, strict=True) if g is not None]
    product = sum(((g.detach() * g).sum() for _, g in used), loss.new_zeros(()))
    hessian_gradient = torch.autograd.grad(product, [w for w, _ in used])
    return -sum(float((w.detach() * hg).sum()) for (w, _), hg in zip(used, hessian_gradient, strict=True))
