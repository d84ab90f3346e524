"""Sampling: all operations at once, each with a weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ....bench import FloatArray
from ....bench.networks.mixture import Mixture
from ..method import Sampler

if TYPE_CHECKING:
    from ..state import Search


class Softmax(Sampler):
    """The mixture of DARTS (Liu, Simonyan & Yang, ICLR 2019, equation 2): weights softmax(alpha) on every edge.

    Args:
        fixed: whether the weights are uniform whatever alpha is (the fixed alpha of DARTS-PT).
    """

    def __init__(self, fixed: bool = False) -> None:
        self.fixed = fixed

    def mixture_weights(self, search: Search) -> list[Tensor]:
        """(edges, operations) for each kind of cell."""
        if self.fixed:
            return search.allowed_uniform()
        return search.probabilities()

    def weights(self, search: Search) -> Mixture:
        """With weights that have no gradient."""
        with torch.no_grad():
            return self.architecture(search)

    def architecture(self, search: Search) -> Mixture:
        """With gradients to alpha."""
        return Mixture(search.open(), tuple(self.mixture_weights(search)))

    def scores(self, search: Search) -> list[FloatArray]:
        """The weights."""
        return [w.detach().cpu().double().numpy() for w in self.mixture_weights(search)]


class Sigmoid(Softmax):
    """FairDARTS (Chu et al., ECCV 2020, equation 5): every operation has its own weight sigmoid(alpha), none competes."""

    def mixture_weights(self, search: Search) -> list[Tensor]:
        """See the base."""
        return [alpha.sigmoid() * mask for alpha, mask in zip(search.alphas, search.allowed, strict=True)]


class EdgeNormalised(Softmax):
    """Edge normalisation of PC-DARTS (Xu et al., ICLR 2020, equation 3): softmax(alpha) times softmax(beta).

    beta has a value per edge, and its softmax runs over the edges that enter a node.
    """

    def start(self, search: Search) -> None:
        """Add a beta for each kind of cell."""
        self._targets = torch.tensor([target for _, target in search.layout.ends], device=search.device)
        self._betas = []
        for kind in search.layout.kinds:
            beta = nn.Parameter(1e-3 * torch.randn(len(search.layout.ends), device=search.device))
            search.architecture.register_parameter(f"beta {kind}", beta)
            self._betas.append(beta)

    def mixture_weights(self, search: Search) -> list[Tensor]:
        """See the base."""
        normal = [edge_softmax(beta, self._targets)[:, None] for beta in self._betas]
        return [p * n for p, n in zip(search.probabilities(), normal, strict=True)]


def edge_softmax(beta: Tensor, targets: Tensor) -> Tensor:
    """Softmax over the edges of each target node: (edges,), (edges,) -> (edges,)."""
    same = targets[:, None] == targets
    return (beta[None].masked_fill(~same, -torch.inf).softmax(dim=1)).diagonal()
