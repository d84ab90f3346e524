"""Sampling and regularisation of ASAP: annealed softmax and pruning.

(Noy et al., ASAP: architecture search, anneal and prune, AISTATS 2020, section 3.) Weights of an edge are softmax(alpha /
T), with T falling exponentially; after an epoch, operations whose weight is below a threshold leave the supernet for
good, the strongest never. An epoch after a pruning trains the weights alone. The paper's schedules are for its own
lengths; here T falls from ``hot`` to ``cold`` and the threshold is ``share`` over the number of operations that are left
on the edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..method import Regulariser
from .mixed import Softmax

if TYPE_CHECKING:
    from ..state import Search


class Annealed(Softmax):
    """softmax(alpha / T) over what is left."""

    def __init__(self, hot: float = 1.0, cold: float = 0.05) -> None:
        super().__init__()
        self.hot, self.cold = hot, cold

    def temperature(self, search: Search) -> float:
        """At the present progress."""
        return float(self.hot * (self.cold / self.hot) ** min(search.progress / search.settings.epochs, 1.0))

    def mixture_weights(self, search: Search) -> list[Tensor]:
        """See the base."""
        return search.probabilities(self.temperature(search))


class Pruning(Regulariser):
    """Takes weak operations out after an epoch, and their layers out of the supernet."""

    def __init__(self, share: float = 0.4) -> None:
        self.share = share

    @torch.no_grad()
    def after_epoch(self, search: Search) -> None:
        """See :class:`Part`."""
        sampler, pruned = search.method.sampler, 0
        assert isinstance(sampler, Annealed)
        for weights, mask in zip(sampler.mixture_weights(search), search.allowed, strict=True):
            threshold = self.share / mask.sum(dim=1, keepdim=True)
            weak = mask & (weights < threshold) & (weights < weights.max(dim=1, keepdim=True).values)
            mask &= ~weak
            pruned += int(weak.sum())
        search.notes |= {"pruned": pruned, "left": sum(int(mask.sum()) for mask in search.allowed)}
        if pruned:
            search.alpha_from = search.progress + 1.0
