"""Regularisation: FairDARTS's zero-one loss (Chu et al., ECCV 2020, equation 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..method import Regulariser

if TYPE_CHECKING:
    from ..state import Search


class ZeroOne(Regulariser):
    """- scale * mean((sigmoid(alpha) - 1/2)^2): weights near 1/2 cost most.

    Alpha has no weight decay beside it: that would pull the weights back to 1/2.
    """

    def __init__(self, scale: float = 10.0) -> None:
        self.scale = scale

    def architecture_loss(self, search: Search) -> Tensor:
        """See :class:`Regulariser`."""
        offered = torch.cat([a[mask] for a, mask in zip(search.alphas, search.allowed, strict=True)])
        return -self.scale * (offered.sigmoid() - 0.5).square().mean()
