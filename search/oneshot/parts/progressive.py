"""Regularisation of P-DARTS: the supernet grows in depth and loses operations, stage by stage; dropout behind skips.

(Chen et al., Progressive DARTS, ICCV 2019, sections 3.2 and 3.3.) Every stage starts with a fresh supernet and fresh
alpha. Of k operations offered, ceil(5 k / 8) and ceil(3 k / 8) stay on an edge in the second and third stage, the
strongest ones of the stage before, and ``none`` is left out when the cell is read; the number of cells is 1, 2 and 3
times that of the settings (the paper: 5, 11, 17). The first 10 of a stage's 25 epochs train the weights only. Dropout
after skips begins at 0, .4 and .7 and decays by exp(-.2 t) over the paper's 25 epochs, here over the stage.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ....bench.networks.supernets import SKIP
from ..method import Regulariser

if TYPE_CHECKING:
    from ..state import Search

KEEP = (1.0, 5 / 8, 3 / 8)
DROPOUT = (0.0, 0.4, 0.7)
WARMUP = 10 / 25
DECAY = 0.2 * 25


class Progressive(Regulariser):
    """See the module's head; with fewer epochs than ``stages`` there is a stage per epoch, the first ones."""

    def __init__(self, stages: int = 3) -> None:
        if not 1 <= stages <= len(KEEP):
            raise ValueError(f"stages is a whole number from 1 to {len(KEEP)}")
        self.stages, self.stage, self._rate = stages, 0, 0.0

    def start(self, search: Search) -> None:
        """The first stage's schedule."""
        self._enter(search, 0)

    def _bounds(self, search: Search, stage: int) -> tuple[int, int]:
        n = min(self.stages, search.settings.epochs)
        return round(search.settings.epochs * stage / n), round(search.settings.epochs * (stage + 1) / n)

    def _enter(self, search: Search, stage: int) -> None:
        self.stage = stage
        first, last = self._bounds(search, stage)
        search.window = float(first), float(last)
        search.alpha_from = first + WARMUP * (last - first)

    def before_epoch(self, search: Search) -> None:
        """Begin the next stage where one is due; set the rate of the dropout."""
        if search.epoch == self._bounds(search, self.stage)[1] < search.settings.epochs:
            self._narrow(search, self.stage + 1)
            search.rebuild(search.settings.cells * (self.stage + 2))
            search.restart_architecture()
            self._enter(search, self.stage + 1)
        first, last = self._bounds(search, self.stage)
        self._rate = DROPOUT[self.stage] * math.exp(-DECAY * (search.epoch - first) / (last - first))

    @torch.no_grad()
    def _narrow(self, search: Search, stage: int) -> None:
        """Keep the strongest operations of every edge."""
        for p, mask in zip(search.probabilities(), search.allowed, strict=True):
            kept = math.ceil(KEEP[stage] * mask.shape[1] - 1e-9)
            for row, on in zip(p, mask, strict=True):
                weak = row.masked_fill(~on, torch.inf).argsort()[: max(int(on.sum()) - kept, 0)]
                on[weak] = False

    def built(self, search: Search) -> None:
        """Dropout behind every skip of a fresh supernet."""
        for _, _, _, name, layer in search.supernet.operations():
            if name == SKIP:
                layer.register_forward_hook(self._dropped)

    def _dropped(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return functional.dropout(output, self._rate, layer.training) if self._rate > 0 else output

    def state(self) -> dict[str, Any]:
        """The stage."""
        return {"stage": self.stage}

    def load(self, state: dict[str, Any]) -> None:
        """See :meth:`state`."""
        self.stage = state["stage"]
