"""Reading: perturbation-based selection (Wang et al., Rethinking Architecture Selection in DARTS, ICLR 2021, algorithm 1).

Until every edge is decided: take an undecided edge at random; for each of its operations set the operation's weight to
zero, the others' weights as they are, and measure the supernet's accuracy on the architecture's half; keep the operation
whose absence hurts most; fine-tune the weights (and alpha, unless it is fixed). Where a node keeps only some of its edges,
those are chosen the same way: the edge whose absence hurts least goes, until enough have gone.

Of operations that hurt equally the first in a random order stays; the authors' order prefers ``none``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from ....bench import Genotypes
from ....bench.networks.mixture import Mixture
from ....metadata.training.data import bounds
from ..data import endless
from ..loop import weights_step
from ..method import ReadOut

if TYPE_CHECKING:
    from ..state import Search

RATE = 0.1  # of the weights' first learning rate: fine-tuning runs at a constant tenth


class Perturbation(ReadOut):
    """See the module's head.

    Args:
        tune: fine-tuning after each edge, as a share of the epochs (5 of 100 in NAS-Bench-201).
        update: whether alpha is trained in fine-tuning too.
    """

    def __init__(self, tune: float = 0.05, update: bool = True) -> None:
        self.tune, self.update = tune, update

    def read(self, search: Search) -> Genotypes:
        """See :class:`ReadOut`."""
        search.new_weights_optimizer(search.method.weights.rate * RATE)
        undecided = [(kind, edge) for kind, mask in enumerate(search.allowed) for edge in range(len(mask))]
        for place in search.rng.permutation(len(undecided)):
            kind, edge = undecided[place]
            self._decide(search, kind, edge)
            self._tune(search)
        if search.layout.kept is not None:
            nodes = sorted({target for _, target in search.layout.ends})
            for kind in range(len(search.allowed)):
                for node in search.rng.permutation(nodes):
                    self._prune(search, kind, int(node), search.layout.kept)
                    self._tune(search)
        return search.layout.read([np.where(mask.cpu().numpy(), 1.0, -1.0) - _gone(mask) for mask in search.allowed])

    def _decide(self, search: Search, kind: int, edge: int) -> None:
        columns = search.rng.permutation(torch.nonzero(search.allowed[kind][edge])[:, 0].cpu().numpy())
        left = [search.accuracy(without(search, kind, edge, int(column))) for column in columns]
        kept = int(columns[int(np.argmin(left))])
        search.allowed[kind][edge] = torch.arange(search.allowed[kind].shape[1], device=search.device) == kept

    def _prune(self, search: Search, kind: int, node: int, kept: int) -> None:
        """Keep the ``kept`` edges of a node that it can spare least."""
        ends = search.layout.ends
        while True:
            there = [e for e, (_, target) in enumerate(ends) if target == node and bool(search.allowed[kind][e].any())]
            if len(there) <= kept:
                return
            left = [search.accuracy(without(search, kind, edge, None)) for edge in there]
            search.allowed[kind][there[int(np.argmax(left))]] = False

    def _tune(self, search: Search) -> None:
        """Some steps at a constant rate, one at least."""
        data, batch, streams = search.data, search.settings.batch, search.streams
        steps = max(1, round(self.tune * search.settings.epochs * len(bounds(len(data.weights), batch))))
        batches = endless(data.weights, batch, streams["order"], streams["noise"])
        search.held = endless(data.architecture, batch, streams["held order"], streams["held noise"])
        for _ in range(steps):
            x, y = next(batches)
            if self.update:
                search.method.update.batch(search, x, y)
            weights_step(search, x, y, RATE * search.method.weights.rate)


def without(search: Search, kind: int, edge: int, column: int | None) -> Mixture:
    """The present mixture without one operation of an edge, or without the edge."""
    whole = search.method.sampler.weights(search)
    rows = list(whole.active[kind])
    rows[edge] = tuple(c for c in rows[edge] if column is not None and c != column)
    active = (*whole.active[:kind], tuple(rows), *whole.active[kind + 1 :])
    return replace(whole, active=active)


def _gone(mask: torch.Tensor) -> np.ndarray:
    """1 for the operations of edges that allow nothing, which must be the lowest of all: (edges, 1)."""
    return (~mask.any(dim=1)).cpu().numpy()[:, None].astype(float)
