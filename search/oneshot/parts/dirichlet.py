"""Sampling: operation weights from a Dirichlet distribution (Chen et al., DrNAS, ICLR 2021, section 3.1).

    weights of an edge ~ Dir(elu(alpha) + 1), differentiated pathwise

and, as a regulariser, the divergence from the flat distribution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence
from torch.nn import functional

from ....bench import FloatArray
from ....bench.networks.mixture import Mixture
from ..method import Regulariser
from .mixed import Softmax

if TYPE_CHECKING:
    from ..state import Search

LEAST = 1e-4  # of a concentration: elu + 1 comes near 0


def concentrations(search: Search) -> list[Tensor]:
    """elu(alpha) + 1: (edges, operations) for each kind of cell."""
    return [functional.elu(alpha) + 1 + LEAST for alpha in search.alphas]


class DirichletWeights(Softmax):
    """A draw per step, for the weights as for the architecture."""

    def architecture(self, search: Search) -> Mixture:
        """With pathwise gradients."""
        return Mixture(search.open(), tuple(Dirichlet(c).rsample() for c in concentrations(search)))

    def weights(self, search: Search) -> Mixture:
        """Another draw, without gradients."""
        with torch.no_grad():
            return self.architecture(search)

    def scores(self, search: Search) -> list[FloatArray]:
        """The distribution's means."""
        return [(c / c.sum(dim=1, keepdim=True)).detach().cpu().double().numpy() for c in concentrations(search)]


class FromFlat(Regulariser):
    """``scale`` * KL(Dir(concentration) || Dir(1)), summed over edges."""

    def __init__(self, scale: float = 1e-3) -> None:
        self.scale = scale

    def architecture_loss(self, search: Search) -> Tensor:
        """See :class:`Regulariser`."""
        parts = [kl_divergence(Dirichlet(c), Dirichlet(torch.ones_like(c))).sum() for c in concentrations(search)]
        return self.scale * torch.stack(parts).sum()
