"""Different NAS-Bench-201 networks as one program: the channels of B models stand side by side.

Small networks spend their time on launching operations, so B of them in one program cost little more than one. Activations
are (batch, B * C, h, w). A convolution with B groups, batch norm, ReLU and pooling treat every channel, or every group of
C channels, by itself, so models do not mix; the stem is one convolution on images that all models share; the classifier is
a batched product. On an edge the models differ: each operation is computed only on the channels of the models that have it
there, gathered and added back by model. (The grouped layout is HFTA's, Wang et al., MLSys 2021, for equal networks.)

Every stacked tensor is the models' own tensors one after another along its first axis. A model whose numbers are no longer
finite does not disturb the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import WarmnasError
from ..spaces.base import Genotypes
from ..spaces.nasbench201 import CONV1, CONV3, EDGES, NONE, POOL, SKIP, live_edges
from .nasbench201 import NASBench201Network, Reduction, conv


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

    def _term(self, member: Member, x: Tensor, chosen: Tensor) -> Tensor:
        """(batch, models * c, h, w) -> (batch, h, w, the member's models, c)."""
        if len(member.models) < self.models:
            x = by_model(x, self.models).index_select(3, chosen).flatten(3).permute(0, 3, 1, 2)
        if member.kind != SKIP:
            x = self.pool(x) if member.kind == POOL else self.layers[member.key](x)
        return by_model(x, len(member.models))

    def forward(self, x: Tensor) -> Tensor:
        """Sum of the terms that reach each model's output node; zeros where there are none."""
        nodes = [x, *(torch.zeros_like(x) for _ in range(3))]
        for member in self.members:
            source, target = EDGES[member.edge]
            chosen = self.get_buffer(f"of {member.key}")
            term = self._term(member, nodes[source], chosen)
            by_model(nodes[target], self.models).index_add_(3, chosen, term)
        return nodes[3]


class StackedNetwork(nn.Module):
    """Images (batch, channels, h, w) -> logits (models, batch, classes), from networks of one size."""

    def __init__(self, networks: Sequence[NASBench201Network]) -> None:
        super().__init__()
        sizes = {(net.shape, net.classes, net.width, net.depth) for net in networks}
        if len(sizes) != 1:
            raise WarmnasError(f"a stack needs networks of one size, not of {len(sizes)}")
        ((shape, self.classes, width, depth),) = sizes
        self.models = n = len(networks)
        self._genotypes = genotypes = np.stack([net.genotype for net in networks])
        self.stem = nn.Sequential(nn.Conv2d(shape[0], n * width, 3, padding=1, bias=False), nn.BatchNorm2d(n * width))
        stages: list[nn.Module] = []
        for stage in range(3):
            if stage:
                stages.append(Reduction(width << (stage - 1), n))
            stages.extend(StackedCell(genotypes, width << stage) for _ in range(depth))
        self.cells = nn.Sequential(*stages)
        self.head = nn.Sequential(nn.BatchNorm2d(4 * width * n), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(4 * width, n * self.classes)  # its parameters; forward takes them apart
        self._initial = [net.state_dict() for net in networks]
        self._load()

    def forward(self, images: Tensor) -> Tensor:
        """Logits of each model."""
        features = self.head(self.cells(self.stem(images))).view(len(images), self.models, -1).transpose(0, 1)
        weight = self.classifier.weight.view(self.models, self.classes, -1).transpose(1, 2)
        return torch.baddbmm(self.classifier.bias.view(self.models, 1, self.classes), features, weight)

    def _tensors(self) -> Iterator[tuple[Tensor, str, list[int]]]:
        """Each stacked tensor, the name of its part in a network alone, and whose parts it holds."""
        owners = {m.key: m.models for cell in self.cells if isinstance(cell, StackedCell) for m in cell.members}
        for name, tensor in self.state_dict(keep_vars=True).items():
            parts = name.split(".")
            models = owners.get(parts[3]) if parts[2:3] == ["layers"] else None
            if models is not None:
                parts[3] = parts[3].split("-")[0]
            yield tensor, ".".join(parts), list(range(self.models)) if models is None else models

    @torch.no_grad()
    def _load(self) -> None:
        """The models' own numbers, in their own type and on their device."""
        first = next(iter(self._initial[0].values()))
        self.to(first)
        for tensor, name, models in self._tensors():
            values = [self._initial[i][name] for i in models]
            tensor.copy_(torch.cat(values) if tensor.dim() else values[0])

    def unstack(self, model: int) -> dict[str, Tensor]:
        """The state of one model as :class:`NASBench201Network` loads it.

        What no path uses keeps its initial numbers, as it does alone.
        """
        state = {name: value.clone() for name, value in self._initial[model].items()}
        connected = live_edges(self._genotypes[model]).any()
        for tensor, name, models in self._tensors():
            # Alone, nothing before a disconnected cell has a gradient; here it is zero, and weight decay acts on it.
            idle = not connected and isinstance(tensor, nn.Parameter) and name.startswith(("stem", "cells"))
            if model in models and not idle:
                value = tensor.detach()
                state[name] = (value.chunk(len(models))[models.index(model)] if value.dim() else value).clone()
        return state
