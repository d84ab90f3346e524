"""ZiCo (Li et al., ICLR 2023, equation 15): layers whose gradients are large on average and steady from batch to batch.

score = sum over layers of log [ sum over weights of E|g| / Std(g) ], mean and standard deviation (population) over batches,
weights with Std 0 left out; a layer without any gradient is left out too, so dead edges cost nothing.

Two batches are what the authors use; Std is then |g1 - g2| / 2, with heavy tails. Their code does not set the gradients to
zero between batches, so that its second batch is the sum of both; here, as in the paper, batches are apart. The number of
layers and of weights enters through the logarithm of a sum: much of the score is size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ...bench import WarmnasError
from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from .probe import Probe


@proxies("zico")
@dataclass(frozen=True)
class Zico(Proxy):
    """See the module's head; ``batches`` from 2."""

    name: ClassVar[str] = "zico"
    batches: int = 2

    def __post_init__(self) -> None:
        """Check the option."""
        if self.batches < 2:
            raise WarmnasError(f"zico: batches={self.batches}; a standard deviation needs two or more")

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """A forward and backward pass per batch, with the same weights."""
        import torch
        from torch.nn import functional

        from .probe import layer_weights

        network = probe.network()
        weights = layer_weights(network)
        gradients = []
        for number in range(self.batches):
            images, labels = probe.batch(number)
            loss = functional.cross_entropy(network(images), labels)
            gradients.append(torch.autograd.grad(loss, weights, allow_unused=True))
        layers = [[g for g in layer if g is not None] for layer in zip(*gradients, strict=True)]
        return (steadiness([torch.stack(layer) for layer in layers if layer]),)


def steadiness(layers: Sequence[Tensor]) -> float:
    """The score from the gradients of each layer, (batches, ...); -inf where no layer has a gradient that varies."""
    total, counted = 0.0, 0
    for gradients in layers:
        g = gradients.double().flatten(1)
        spread = g.std(dim=0, correction=0)
        ratios = (g.abs().mean(0) / spread)[spread != 0]
        if ratios.sum() > 0:
            total, counted = total + math.log(float(ratios.sum())), counted + 1
    return total if counted else -math.inf
