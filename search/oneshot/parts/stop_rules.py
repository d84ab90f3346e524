"""Regularisation: when DARTS+ stops.

(Liang et al., DARTS+: improved differentiable architecture search with early stopping, arXiv 1909.06035, section 4.) The
search ends when the cell that alpha gives has two skips (in its first kind of cell), or when the order of the learnable
operations by alpha has not changed on any edge for so many epochs. Skips are not counted in the first epochs, in which
alpha is the noise of its start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....bench.networks.supernets import SKIP
from ..method import Regulariser
from .reading import ArgMax

if TYPE_CHECKING:
    from ..state import Search

FREE = ("none", "skip_connect", "max_pool_3x3", "avg_pool_3x3", "noise")  # operations without weights


class StopRules(Regulariser):
    """``skips``: that end the search; ``stable``: epochs of one order that do; ``grace``: share of epochs without count."""

    def __init__(self, skips: int = 2, stable: int = 10, grace: float = 0.2) -> None:
        self.skips, self.stable, self.grace = skips, stable, grace
        self._order: list[Any] = []
        self._same = 0

    def after_epoch(self, search: Search) -> None:
        """See :class:`Part`."""
        if search.epoch > self.grace * search.settings.epochs:
            columns = search.layout.columns(ArgMax().read(search))[0]
            places = search.layout.column_of(SKIP)[0]
            found = int(((columns == places) & (places >= 0)).sum())
            if found >= self.skips:
                search.stop(f"the cell has {found} skips after epoch {search.epoch}")
        order = self._ranking(search)
        self._same = self._same + 1 if order == self._order else 0
        self._order = order
        if self._same >= self.stable:
            search.stop(f"the order of operations has not changed for {self.stable} epochs")

    def _ranking(self, search: Search) -> list[Any]:
        """Order of the operations that have weights, on every edge."""
        rows = []
        for scores, edges in zip(search.method.sampler.scores(search), search.layout.operations, strict=True):
            for row, names in zip(scores, edges, strict=True):
                learnable = [i for i, name in enumerate(names) if name not in FREE]
                rows.append([learnable[i] for i in np.argsort(-row[learnable], kind="stable").tolist()])
        return rows

    def state(self) -> dict[str, Any]:
        """The last order and how long it has stood."""
        return {"order": self._order, "same": self._same}

    def load(self, state: dict[str, Any]) -> None:
        """See :meth:`state`."""
        self._order, self._same = state["order"], state["same"]
