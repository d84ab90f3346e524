"""Sampling and update of ProxylessNAS: binary gates, two paths in memory (Cai, Zhu & Han, ICLR 2019, section 3.2).

A step of alpha draws two operations of every edge without replacement, in proportion to their probabilities p, and which of
the two is on in proportion to p again:

    y = g_on * o_on(x) + g_off * o_off(x),  g_on = 1, g_off = 0, and o_off computed without a graph of its own
    d L / d alpha_i = sum over both j of dL/dg_j * p_j (delta_ij - p_i),   p over the two only

After the step both alphas are shifted by the same number, so that the probabilities of all other operations stay what they
were. The latency term adds lambda * (E[cost] / reference - 1), E over softmax(alpha) of all operations, whose gradient is
exact; the cost is multiply-adds, a table that is the same on every machine, and the reference that of uniform alpha.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ....bench.networks.mixture import Mixture
from ..loop import apply_gradients
from ..method import Update
from .costs import expected_cost, operation_costs
from .paths import Categorical

if TYPE_CHECKING:
    from ..state import Search


class Gates(Categorical):
    """Paths for the weights, pairs with gates for alpha."""

    def pair(self, search: Search) -> tuple[Mixture, list[Tensor], list[Tensor]]:
        """A mixture of two operations per edge; its gates, leaves (edges, operations); the columns (edges, 2), on first.

        An edge that allows a single operation has it twice.
        """
        gates, columns, active, still = [], [], [], []
        for p, mask in zip(search.probabilities(), search.allowed, strict=True):
            rows = p.detach().cpu().clamp(min=1e-12) * mask.cpu()
            two = torch.stack([_two(row, int(on.sum())) for row, on in zip(rows, mask, strict=True)])
            on = torch.multinomial(rows.gather(1, two), 1)
            two = torch.cat([two.gather(1, on), two.gather(1, 1 - on)], dim=1)
            gates.append(torch.zeros_like(p.detach()).scatter_(1, two[:, :1].to(p.device), 1.0).requires_grad_())
            columns.append(two.to(p.device))
            active.append(tuple(tuple(dict.fromkeys(pair)) for pair in two.tolist()))
            still.append(tuple((pair[1],) if pair[0] != pair[1] else () for pair in two.tolist()))
        return Mixture(tuple(active), tuple(gates), tuple(still)), gates, columns

    def architecture(self, search: Search) -> Mixture:
        """See :class:`Sampler`."""
        return self.pair(search)[0]


def _two(row: Tensor, allowed: int) -> Tensor:
    """Two different columns in proportion to ``row``; the same one twice where there is one only."""
    return torch.multinomial(row, 2) if allowed > 1 else row.argmax().expand(2)


class GateGradient(Update):
    """A step of alpha in every ``every`` batches; ``weight`` is lambda of the latency term."""

    def __init__(self, every: int = 5, weight: float = 0.1) -> None:
        self.every, self.weight, self._batches = every, weight, 0

    def start(self, search: Search) -> None:
        """Count the operations' costs."""
        self._costs = operation_costs(search)
        self._reference = float(expected_cost(search.allowed_uniform(), self._costs))

    def state(self) -> dict[str, Any]:
        """Batches so far."""
        return {"batches": self._batches}

    def load(self, state: dict[str, Any]) -> None:
        """See :meth:`state`."""
        self._batches = state["batches"]

    def batch(self, search: Search, images: Tensor, labels: Tensor) -> None:
        """See :class:`Update`."""
        self._batches += 1
        if (self._batches - 1) % self.every:
            return
        sampler = search.method.sampler
        assert isinstance(sampler, Gates)
        mixture, gates, columns = sampler.pair(search)
        loss = search.loss(mixture, *next(search.held))
        slopes = torch.autograd.grad(loss, gates, allow_unused=True) if loss.requires_grad else [None] * len(gates)
        alphas = search.alphas
        found = [gate_gradient(a, s, c) for a, s, c in zip(alphas, slopes, columns, strict=True)]
        if self.weight and self._reference > 0:
            cost = self.weight * expected_cost(search.probabilities(), self._costs) / self._reference
            for gradient, extra in zip(found, torch.autograd.grad(cost, alphas), strict=True):
                gradient += extra
        before = [a.detach().clone() for a in alphas]
        apply_gradients(search, list(found))
        if not self.weight:
            for alpha, old, two in zip(alphas, before, columns, strict=True):
                keep_others(alpha, old, two)


def gate_gradient(alpha: nn.Parameter, slope: Tensor | None, columns: Tensor) -> Tensor:
    """Gradient of alpha (edges, operations) from that of the gates; 0 for operations that were not drawn."""
    gradient = torch.zeros_like(alpha)
    if slope is None:
        return gradient
    with torch.no_grad():
        p = alpha.gather(1, columns).softmax(dim=1)
        s = slope.gather(1, columns)
        pair = p * (s - (p * s).sum(dim=1, keepdim=True))
        return gradient.scatter_(1, columns, torch.where(columns[:, :1] == columns[:, 1:], 0.0, pair))


@torch.no_grad()
def keep_others(alpha: nn.Parameter, before: Tensor, columns: Tensor) -> None:
    """Put back what was not drawn, and shift the two that were, so that their common probability is what it was."""
    new, old = alpha.gather(1, columns), before.gather(1, columns)
    shift = new.logsumexp(dim=1, keepdim=True) - old.logsumexp(dim=1, keepdim=True)
    alpha.copy_(before.scatter(1, columns, new - shift))
