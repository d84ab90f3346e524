"""What a supernet computes in one pass: on every edge some of its operations, each with a weight.

A single path has one operation on an edge and no weights; DARTS's mixture has all of them. Cells of one kind (there is one
kind in NAS-Bench-201, there are two in DARTS: normal and reduction) share a mixture, as they share a genotype: a pass in
which every cell drew its own path would train networks that are not in the space.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .darts import dropped

Columns = tuple[int, ...]  # operations of one edge, by their place in the edge's list
Choices = tuple[tuple[Columns, ...], ...]  # for each kind of cell and each edge


@dataclass(frozen=True)
class Mixture:
    """Operations and weights of one pass.

    Attributes:
        active: what is computed; an edge without any carries nothing.
        weights: of every operation, (edges, operations) for each kind of cell; None where all are 1.
        still: those of ``active`` that are computed without gradient (ProxylessNAS's idle path).
        straight: whether the weights of what is not computed are added to an edge's output. Their value is zero and only
            their gradient counts, as in the code of GDAS.
        drop_path: probability with which an operation's output is dropped for an image, in training; identities never are.
    """

    active: Choices
    weights: tuple[Tensor, ...] | None = None
    still: Choices | None = None
    straight: bool = False
    drop_path: float = 0.0


class Edge:
    """One edge of a mixture, taken apart once per pass."""

    __slots__ = ("active", "drop_path", "still", "straight", "weights")

    def __init__(self, mixture: Mixture, kind: int, edge: int, weights: tuple[Tensor, ...] | None) -> None:
        self.active = mixture.active[kind][edge]
        self.weights = weights
        self.still = () if mixture.still is None else mixture.still[kind][edge]
        self.straight = mixture.straight
        self.drop_path = mixture.drop_path


def edges(mixture: Mixture, kind: int) -> list[Edge]:
    """The edges of one kind of cell."""
    weights: list[tuple[Tensor, ...] | None] = [None] * len(mixture.active[kind])
    if mixture.weights is not None:
        weights = [row.unbind(0) for row in mixture.weights[kind].unbind(0)]
    return [Edge(mixture, kind, edge, row) for edge, row in enumerate(weights)]


class MixedOperation(nn.Module):
    """The operations of one edge: (batch, c, h, w) -> (batch, c, h / stride, w / stride), or None for nothing.

    Args:
        layers: by column; a column without a layer is ``none``.
        stride: 1 or 2.
        partial: K of PC-DARTS (Xu et al., ICLR 2020): the operations see the first of K parts of the channels, the others
            pass by, through max pooling where the stride is 2, and a shuffle lets the next edge see others. 1: all.
    """

    def __init__(self, layers: dict[int, nn.Module], stride: int = 1, partial: int = 1) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({str(column): layer for column, layer in layers.items()})
        self._by_column = {column: self.layers[str(column)] for column in layers}
        self.stride, self.partial = stride, partial

    def forward(self, x: Tensor, edge: Edge) -> Tensor | None:
        """The weighted sum of the active operations."""
        if self.partial == 1:
            return self._mixed(x, edge)
        share = x.shape[1] // self.partial
        mixed, aside = self._mixed(x[:, :share], edge), x[:, share:]
        aside = nn.functional.max_pool2d(aside, 2, ceil_mode=True) if self.stride == 2 else aside
        if mixed is None:
            mixed = torch.zeros_like(aside[:, :share])
        return shuffled(torch.cat([mixed, aside], dim=1), self.partial)

    def _mixed(self, x: Tensor, edge: Edge) -> Tensor | None:
        total: Tensor | None = None
        for column in edge.active:
            layer = self._by_column.get(column)
            if layer is None:
                continue
            with torch.set_grad_enabled(torch.is_grad_enabled() and column not in edge.still):
                term = layer(x)
            if self.training and edge.drop_path > 0 and not isinstance(layer, nn.Identity):
                term = dropped(term, edge.drop_path)
            if edge.weights is not None:
                term = term * edge.weights[column]
            total = term if total is None else total + term
        if edge.straight and edge.weights is not None:
            rest = [weight for column, weight in enumerate(edge.weights) if column not in edge.active]
            nothing = x[:, :, :: self.stride, :: self.stride] * 0 if total is None else total
            total = nothing + torch.stack(rest).sum()
        return total


def shuffled(x: Tensor, groups: int) -> Tensor:
    """Channels of the groups one by one: with 2 groups 0 1 2 3 becomes 0 2 1 3. Shape (batch, c, h, w) is kept."""
    batch, channels, height, width = x.shape
    return x.reshape(batch, groups, channels // groups, height, width).transpose(1, 2).reshape(x.shape)


def batch_statistics(network: nn.Module) -> None:
    """Let every batch norm use the batch's own statistics, in evaluation too.

    Running averages over paths fit none of them; with them RSPS and ENAS lose tens of points on NAS-Bench-201.
    """
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.track_running_stats = False
            layer.running_mean = layer.running_var = layer.num_batches_tracked = None


@torch.no_grad()
def recalibrate(network: nn.Module, batches: list[Tensor], mixture: Mixture) -> None:
    """Replace running statistics by plain averages over ``batches`` for one mixture (SPOS, section 3.1 and its code)."""
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d) and layer.track_running_stats]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.reset_running_stats()
        layer.momentum = None  # a plain average
    trained = network.training
    network.train()
    for images in batches:
        network(images, mixture)
    network.train(trained)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
