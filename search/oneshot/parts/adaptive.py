"""Regularisation: DARTS-ADA, stronger weight decay where the curvature rises (Zela et al., ICLR 2020, section 5.3).

Where DARTS-ES would stop, the search goes back as a whole, weights, alpha and both optimizers, to the epoch whose alpha
DARTS-ES would return, multiplies the weight decay by ``factor``, and trains on from there to the last epoch. Once the decay
has reached ``most`` nothing goes back any more. (automl/RobustDARTS, src/search/train_search.py: factor 3, at most 243e-4.)

The history keeps the epochs that were taken back: their numbers come twice. The order of the images is not taken back.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from .curvature import Curvature

if TYPE_CHECKING:
    from ..state import Search

LARGE = 1 - 1e-9  # of ``most``: equal to it but for rounding


class Adaptive(Curvature):
    """See the module's head."""

    def __init__(
        self, factor: float = 3.0, most: float = 243e-4, window: int = 5, ratio: float = 0.75, products: int = 20
    ) -> None:
        super().__init__(window, ratio, products)
        self.factor, self.most = factor, most
        self._kept: list[dict[str, Any]] = []  # of the last window + 1 epochs

    def after_epoch(self, search: Search) -> None:
        """See :class:`Part`."""
        self._kept = [*self._kept, snapshot(search)][-self.window - 1 :]
        super().after_epoch(search)
        search.notes["weight decay"] = search.weights_optimizer.param_groups[0]["weight_decay"]

    def risen(self, search: Search) -> None:
        """Go back, with a larger decay."""
        decay = float(search.weights_optimizer.param_groups[0]["weight_decay"])
        if decay >= LARGE * self.most:
            return
        restore(search, self._kept[0])
        for group in search.weights_optimizer.param_groups:
            group["weight_decay"] = min(decay * self.factor, self.most)
        # What is known of later epochs is no longer so: curvature is smoothed anew from the epoch that it went back to.
        self._values, self._kept = self._values[: len(self._values) - self.window], self._kept[:1]
        self._alphas = self._alphas[:1]

    def state(self) -> dict[str, Any]:
        """Also what it would go back to."""
        return {**super().state(), "kept": self._kept}

    def load(self, state: dict[str, Any]) -> None:
        """See :meth:`state`."""
        super().load(state)
        self._kept = state["kept"]


def snapshot(search: Search) -> dict[str, Any]:
    """Weights, architecture and optimizers after an epoch."""
    assert search.architecture_optimizer is not None
    return copy.deepcopy(
        {
            "epoch": search.epoch,
            "supernet": search.supernet.state_dict(),
            "architecture": search.architecture.state_dict(),
            "weights optimizer": search.weights_optimizer.state_dict(),
            "architecture optimizer": search.architecture_optimizer.state_dict(),
        }
    )


def restore(search: Search, kept: dict[str, Any]) -> None:
    """Back to a snapshot."""
    assert search.architecture_optimizer is not None
    kept = copy.deepcopy(kept)
    search.epoch, search.progress = kept["epoch"], float(kept["epoch"])
    search.supernet.load_state_dict(kept["supernet"])
    search.architecture.load_state_dict(kept["architecture"])
    search.weights_optimizer.load_state_dict(kept["weights optimizer"])
    search.architecture_optimizer.load_state_dict(kept["architecture optimizer"])
