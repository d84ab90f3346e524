"""Update: the gradient of the loss on the architecture's half (first-order DARTS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from ..loop import architecture_step
from ..method import Update

if TYPE_CHECKING:
    from ..state import Search


class FirstOrder(Update):
    """One step of Adam before each step of the weights: alpha <- alpha - rate * d L_val(w, alpha) / d alpha."""

    def batch(self, search: Search, images: Tensor, labels: Tensor) -> None:
        """See :class:`Update`."""
        mixture = search.method.sampler.architecture(search)
        architecture_step(search, search.architecture_loss(mixture, *next(search.held)))
