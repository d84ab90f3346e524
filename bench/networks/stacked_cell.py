"""The cells of different NAS-Bench-201 networks as one module: the channels of the models stand side by side.

On an edge the models differ: each operation is computed only on the channels of the models that have it there, gathered
from the source node and added to the target node by model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..spaces.base import Genotypes
from ..spaces.complete_cell import EDGES, NONE, live_edges
from ..spaces.nasbench201 import CONV1, CONV3, POOL, SKIP
from .nasbench201 import conv


class Member(NamedTuple):
    """A live operation of an edge and the models that have it there."""

    edge: int
    kind: int
    models: list[int]

    @property
    def key(self) -> str:
        """Name of the layer in a stacked cell."""
        return f"{self.edge}-{self.kind}"


def members(genotypes: Genotypes) -> list[Member]:
    """What a stacked cell computes, in the order of the edges: genotypes (models, 6)."""
    kinds = np.where(live_edges(genotypes), genotypes, NONE)
    found = ((e, kind, np.flatnonzero(kinds[:, e] == kind).tolist()) for e in range(len(EDGES)) for kind in range(1, 5))
    return [Member(e, kind, models) for e, kind, models in found if models]


def by_model(x: Tensor, models: int) -> Tensor:
    """A view (batch, models * c, h, w) -> (batch, h, w, models, c)."""
    n, channels, height, width = x.shape
    return x.permute(0, 2, 3, 1).view(n, height, width, models, channels // models)


def side_by_side(node: Tensor) -> Tensor:
    """Inverse of :func:`by_model`; channels last in memory."""
    return node.flatten(3).permute(0, 3, 1, 2)


class Gather(torch.autograd.Function):
    """Parts of a node for several sets of models: (batch, h, w, models, c) -> (batch, h, w, the set's models, c) each.

    One function for all sets, because its gradient is then one sum into one tensor; with a function for each, half the time
    of a step went into filling such tensors with zeros.
    """

    @staticmethod
    def forward(ctx: Any, node: Tensor, *sets: Tensor) -> tuple[Tensor, ...]:
        """The node's channels of each set."""
        ctx.save_for_backward(*sets)
        ctx.shape = node.shape
        return tuple(node.index_select(3, models) for models in sets)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Each set's gradient added where its models stand."""
        total = gradients[0].new_zeros(ctx.shape)
        for models, gradient in zip(ctx.saved_tensors, gradients, strict=True):
            total.index_add_(3, models, gradient)
        return (total, *[None] * len(gradients))


class StackedCell(nn.Module):
    """The cells of all models: (batch, models * width, h, w) -> the same shape."""

    def __init__(self, genotypes: Genotypes, width: int) -> None:
        super().__init__()
        self.models = len(genotypes)
        self.members = members(genotypes)
        self.layers = nn.ModuleDict()
        for member in self.members:
            if member.kind in (CONV1, CONV3):
                kernel = {CONV1: 1, CONV3: 3}[member.kind]
                self.layers[member.key] = conv(width, width, kernel, models=len(member.models))
            self.register_buffer(f"of {member.key}", torch.tensor(member.models), persistent=False)
        self.pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)

    def _term(self, member: Member, node: Tensor) -> Tensor:
        """What the member's models add to the target: (batch, h, w, the member's models, c) -> the same shape."""
        if member.kind == SKIP:
            return node
        x = side_by_side(node)
        return by_model(self.pool(x) if member.kind == POOL else self.layers[member.key](x), len(member.models))

    def forward(self, x: Tensor) -> Tensor:
        """Sum of the terms that reach each model's output node; zeros where there are none."""
        first = by_model(x, self.models)
        # Nodes own their memory: adding in place to a view would make backward copy every gradient.
        nodes = [first, *(torch.zeros_like(first, memory_format=torch.contiguous_format) for _ in range(3))]
        for source in range(3):  # a node is complete when the nodes before it have passed on theirs
            leaving = [member for member in self.members if EDGES[member.edge][0] == source]
            chosen = [self.get_buffer(f"of {member.key}") for member in leaving]
            parts = Gather.apply(nodes[source], *chosen) if leaving else ()  # type: ignore[no-untyped-call]
            for member, models, part in zip(leaving, chosen, parts, strict=True):
                nodes[EDGES[member.edge][1]].index_add_(3, models, self._term(member, part))
        return side_by_side(nodes[3])
