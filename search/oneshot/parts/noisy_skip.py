"""Regularisation: Gaussian noise on what skips carry, a control of FairDARTS (Chu et al., ECCV 2020, section 5.3).

In training the output of every identity gets noise of a tenth of its own deviation, which takes from skips the advantage of
an untouched path and from nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ....bench.networks.supernets import SKIP
from ..method import Regulariser

if TYPE_CHECKING:
    from ..state import Search


class NoisySkip(Regulariser):
    """Puts noisy identities in the place of the supernet's."""

    def __init__(self, deviation: float = 0.1) -> None:
        self.deviation = deviation

    def built(self, search: Search) -> None:
        """See :class:`Part`."""
        for _, _, _, name, layer in search.supernet.operations():
            if name == SKIP and isinstance(layer, nn.Identity):
                layer.register_forward_hook(self._noisy)

    def _noisy(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if not layer.training:
            return output
        return output + self.deviation * output.detach().std() * torch.randn_like(output)
