"""Zen-score (Lin et al., Zen-NAS, ICCV 2021, algorithm 1).

W ~ N(0, 1), batch norm the identity after normalising; x, e ~ N(0, 1). f is what enters the global pooling.

    score = log E ||f(x + .01 e) - f(x)||_F + sum over batch norms of log sqrt(mean of their batch variances)

The authors' code differs in three ways. It reads the variance from the running statistics after two passes with momentum
.1, that is .81 + .09 v1 + .1 v2, which takes about .83 from the score for every batch norm with v >> 1, a penalty on depth
that the paper does not have; here it is the first batch's own variance. It takes the sum of absolute differences where the
paper has the Frobenius norm. And it removes residual links from the space in which it compares proxies; here the network
is as it is.

The theory is about plain convolutional networks. Poolings, skips and branches break it: the Spearman correlation on
NAS-Bench-201 is about .4, and negative at a given number of parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .probe import Probe

STEP = 0.01


@proxies("zen")
@dataclass(frozen=True)
class Zen(Proxy):
    """See the module's head. The inputs are noise, whatever the data."""

    name: ClassVar[str] = "zen"

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """Two forward passes."""
        shape = (probe.recipe.batch, *probe.inputs.shape)
        x, direction = probe.noise(*shape, key=1), probe.noise(*shape, key=2)
        return (zen_score(probe.network("normal"), x, x + STEP * direction),)


def zen_score(network: nn.Module, x: Tensor, moved: Tensor) -> float:
    """The score of a network in training mode for one pair of batches (n, channels, height, width)."""
    import torch

    from .recording import batch_variances, pooled_map

    variances: list[float] = []
    with torch.no_grad():
        with batch_variances(variances):
            before = pooled_map(network, x)
        difference = float((pooled_map(network, moved) - before).double().flatten(1).norm(dim=1).mean())
    if difference <= 0 or min(variances, default=1.0) <= 0:
        return -math.inf
    return math.log(difference) + sum(0.5 * math.log(v) for v in variances)
