"""Different NAS-Bench-201 networks as one program: the channels of B models stand side by side.

Small networks spend their time on launching operations, so B of them in one program cost little more than one. Activations
are (batch, B * C, h, w). A convolution with B groups, batch norm, ReLU and pooling treat every channel, or every group of
C channels, by itself, so models do not mix; the stem is one convolution on images that all models share; the classifier is
a batched product. Cells are in ``stacked_cell.py``. (The grouped layout is HFTA's, Wang et al., MLSys 2021, who stack equal
networks.)

Every stacked tensor is the models' own tensors one after another along its first axis. A model whose numbers are no longer
finite does not disturb the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import WarmnasError
from ..spaces.complete_cell import live_edges
from .nasbench201 import NASBench201Network, Reduction
from .stacked_cell import StackedCell


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
                part = value.chunk(len(models))[models.index(model)] if value.dim() else value
                state[name] = part.to(state[name].device, copy=True)
        return state
