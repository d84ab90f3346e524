"""Sampling and update of PARSEC: importance-weighted gradients of a factorised distribution.

(Casale, Gordon & Fusi, Probabilistic neural architecture search, arXiv 1902.05116, section 3.) Architectures are drawn from
p(a | alpha), a product of softmaxes. What is maximised is the log of the marginal likelihood, the sum over a of
p(labels | a, w) p(a | alpha); its gradients are estimated with K draws from p(a | alpha) as

    d/dw:      sum_k q_k d log p(labels | a_k, w) / dw
    d/dalpha:  sum_k q_k d log p(a_k | alpha) / dalpha,      q_k = p(labels | a_k, w) / sum_j p(labels | a_j, w)

the first on the weights' images, the second on the architecture's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ....bench.networks.mixture import Mixture
from ..loop import architecture_step
from ..method import Update
from .paths import Categorical

if TYPE_CHECKING:
    from ..state import Search

LEAST = 0.01  # of a weight below which an architecture is left out of the step


@torch.no_grad()
def importance(search: Search, drawn: list[Mixture], images: Tensor, labels: Tensor) -> Tensor:
    """The weight q of each architecture: (K,). The likelihood of a batch is the product over its images."""
    losses = torch.stack([search.loss(mixture, images, labels) for mixture in drawn])
    losses = torch.where(losses.isfinite(), losses, torch.inf)
    if bool(losses.isinf().all()):
        return torch.full_like(losses, torch.nan)
    return (-losses * len(labels)).softmax(dim=0)


class Importance(Categorical):
    """A step of the weights is the weighted sum over ``samples`` draws."""

    def __init__(self, samples: int) -> None:
        self.samples = samples

    def parts(self, search: Search, images: Tensor, labels: Tensor) -> Iterator[tuple[Mixture, Tensor, Tensor, float]]:
        """See :class:`Sampler`."""
        drawn = [self.draw(search) for _ in range(self.samples)]
        for mixture, q in zip(drawn, importance(search, drawn, images, labels).tolist(), strict=True):
            if not q < LEAST:  # what is not a number goes on to the loop's own check
                yield mixture, images, labels, q


class ImportanceWeighted(Update):
    """One step of Adam along the second gradient."""

    def batch(self, search: Search, images: Tensor, labels: Tensor) -> None:
        """See :class:`Update`."""
        sampler = search.method.sampler
        assert isinstance(sampler, Importance)
        x, y = next(search.held)
        drawn = [sampler.draw(search) for _ in range(sampler.samples)]
        q = importance(search, drawn, x, y)
        logs = torch.stack([log_probability(search, mixture) for mixture in drawn])
        architecture_step(search, -(q * logs).sum())


def log_probability(search: Search, mixture: Mixture) -> Tensor:
    """Log probability of a path over all edges, ()."""
    total = torch.zeros((), device=search.device)
    for p, rows in zip(search.probabilities(), mixture.active, strict=True):
        chosen = torch.tensor([columns[0] for columns in rows], device=search.device)
        total = total + p.clamp(min=1e-20).log().gather(1, chosen[:, None]).sum()
    return total
