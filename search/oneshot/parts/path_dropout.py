"""Sampling and regularisation of Bender et al. (Understanding and simplifying one-shot architecture search, ICML 2018).

* Path dropout (section 3.3): a batch is cut into ghosts of ``ghost`` images, each with batch norm statistics and a mask
  of its own; in a mask every operation that enters a node is dropped independently with probability r^(1/k), k being the
  operations that enter the node, so that all are dropped with probability r wherever k is large or small. r rises
  linearly from 0. What is left is summed without weights.
* L2 on what is used: the penalty counts the layers of a mask only, so that unused ones do not shrink.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ....bench.networks.mixture import Mixture
from ....bench.networks.supernets import NONE
from ..method import Regulariser, Sampler

if TYPE_CHECKING:
    from ..state import Search


class PathDropout(Sampler):
    """``rate``: r at the end; ``ghost``: images of a ghost batch."""

    def __init__(self, rate: float = 0.1, ghost: int = 32) -> None:
        self.rate, self.ghost = rate, ghost

    def start(self, search: Search) -> None:
        """Count the operations that enter each node; ``none`` is no operation."""
        layout = search.layout
        self._offered = [
            [[i for i, name in enumerate(names) if name != NONE] for names in edges] for edges in layout.operations
        ]
        self._entering = [
            [
                sum(len(columns) for columns, (_, other) in zip(kind, layout.ends, strict=True) if other == target)
                for _, target in layout.ends
            ]
            for kind in self._offered
        ]

    def weights(self, search: Search) -> Mixture:
        """A mask at the present rate."""
        rate = self.rate * min(search.progress / search.settings.epochs, 1.0)
        active = []
        for edges, counts in zip(self._offered, self._entering, strict=True):
            rows = []
            for columns, k in zip(edges, counts, strict=True):
                kept = search.rng.random(len(columns)) >= rate ** (1 / k)
                rows.append(tuple(column for column, on in zip(columns, kept, strict=True) if on))
            active.append(tuple(rows))
        return Mixture(tuple(active))

    def parts(self, search: Search, images: Tensor, labels: Tensor) -> Iterator[tuple[Mixture, Tensor, Tensor, float]]:
        """A ghost batch each."""
        ghosts = max(len(labels) // self.ghost, 1)
        for x, y in zip(images.tensor_split(ghosts), labels.tensor_split(ghosts), strict=True):
            yield self.weights(search), x, y, len(y) / len(labels)


class UsedL2(Regulariser):
    """``scale`` / 2 times the squared norm of the cells' layers that a mixture computes."""

    def __init__(self, scale: float = 5e-4) -> None:
        self.scale = scale

    def weights_loss(self, search: Search, mixture: Mixture) -> Tensor:
        """See :class:`Regulariser`."""
        used = [
            parameter.square().sum()
            for kind, edge, column, _, layer in search.supernet.operations()
            if column in mixture.active[kind][edge]
            for parameter in layer.parameters()
        ]
        return self.scale / 2 * torch.stack(used).sum() if used else torch.zeros((), device=search.device)
