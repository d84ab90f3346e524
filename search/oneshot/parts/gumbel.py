"""Sampling: Gumbel-softmax with a straight-through one-hot (Dong & Yang, GDAS, CVPR 2019, equations 5 to 7).

    logits = (log softmax(alpha) + g) / tau,  g ~ Gumbel(0, 1);  p = softmax(logits)
    weight = onehot(argmax p) - stopgradient(p) + p

Only the operation of the one is computed. The weights of the others enter with the value zero, so that their gradients
reach alpha, as in the authors' code. One draw per step for all cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ....bench.networks.mixture import Mixture
from ..method import Sampler
from ..state import masked_softmax

if TYPE_CHECKING:
    from ..state import Search


class Gumbel(Sampler):
    """Temperature falls linearly from ``hot`` to ``cold`` over the epochs."""

    def __init__(self, hot: float = 10.0, cold: float = 0.1) -> None:
        self.hot, self.cold = hot, cold

    def temperature(self, search: Search) -> float:
        """At the present progress."""
        return self.hot + (self.cold - self.hot) * min(search.progress / search.settings.epochs, 1.0)

    def weights(self, search: Search) -> Mixture:
        """The sampled path; its weight is exactly 1."""
        with torch.no_grad():
            drawn = [straight_through(p, self.temperature(search)) for p in self._logs(search)]
        return Mixture(tuple(_active(hard) for hard in drawn))

    def architecture(self, search: Search) -> Mixture:
        """The sampled path with its straight-through weights."""
        drawn = [straight_through(p, self.temperature(search)) for p in self._logs(search)]
        return Mixture(tuple(_active(hard) for hard in drawn), tuple(drawn), straight=True)

    def _logs(self, search: Search) -> list[Tensor]:
        return [
            masked_softmax(alpha, mask).clamp(min=1e-20).log()
            for alpha, mask in zip(search.alphas, search.allowed, strict=True)
        ]


def straight_through(logs: Tensor, temperature: float) -> Tensor:
    """One-hot rows with the gradient of the softmax: (edges, operations) -> the same shape.

    Drawn again where a Gumbel number is not finite, as in the authors' code.
    """
    while True:
        noise = -torch.empty_like(logs).exponential_().log()
        if bool(noise.isfinite().all()):
            break
    p = ((logs + noise) / temperature).softmax(dim=1)
    one = torch.zeros_like(p).scatter_(1, p.argmax(dim=1, keepdim=True), 1.0)
    return one - p.detach() + p


def _active(hard: Tensor) -> tuple[tuple[int, ...], ...]:
    return tuple((int(column),) for column in hard.detach().argmax(dim=1).tolist())
