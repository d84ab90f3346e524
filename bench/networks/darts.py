"""The network of a DARTS genotype for small images (Liu, Simonyan & Yang, ICLR 2019, section 3.2 and its NetworkCIFAR).

conv3x3 to 3C channels and batch norm, then L cells; at L // 3 and 2 L // 3 stand reduction cells, which double C. Global
average pooling, linear. C = 36 and L = 20 on CIFAR-10: the code's DARTS_V2 has 3,349,342 parameters, which the paper rounds
to 3.3 million; an auxiliary head is not counted.

The auxiliary head sits behind the second reduction cell and is used in training only. Its input has 8 x 8 pixels where
images have 32 x 32: average pooling 5x5 of stride 3, else an average over 2 x 2 fields.

``drop_path`` is the probability with which, in training, what an edge gives for an image is dropped; identities never are,
and the rest is scaled up. The paper raises it from 0 to .2 over the epochs: set the attribute as you go.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from ..errors import WarmnasError
from ..spaces.base import Genotypes
from ..spaces.darts import DARTSSpace
from ..spaces.darts_cells import INPUTS, OPERATIONS
from .darts_operations import FactorizedReduce, operation, relu_conv_norm

Edges = list[list[tuple[int, str]]]  # (state, operation) of both edges of each node


class Cell(nn.Module):
    """One cell: two inputs, (batch, ., h, w) each, -> (batch, 4 width, h, w), halved in size by a reduction cell."""

    def __init__(
        self,
        edges: list[list[tuple[int, str]]],
        inputs: tuple[int, int],
        width: int,
        reduction: bool,
        after_reduction: bool,
    ) -> None:
        super().__init__()
        first, second = inputs
        self.first = FactorizedReduce(first, width) if after_reduction else relu_conv_norm(first, width)
        self.second = relu_conv_norm(second, width)
        self.sources = [[source for source, _ in node] for node in edges]
        strides = [[2 if reduction and source < INPUTS else 1 for source in node] for node in self.sources]
        self.nodes = nn.ModuleList(
            nn.ModuleList(operation(name, width, stride) for (_, name), stride in zip(node, steps, strict=True))
            for node, steps in zip(edges, strides, strict=True)
        )

    def forward(self, before: torch.Tensor, last: torch.Tensor, drop_path: float = 0.0) -> torch.Tensor:
        """Concatenation of the four nodes."""
        states = [self.first(before), self.second(last)]
        for sources, node in zip(self.sources, self.nodes, strict=True):
            layers = cast(nn.ModuleList, node)
            terms = [layer(states[source]) for source, layer in zip(sources, layers, strict=True)]
            if self.training and drop_path > 0:
                kept = zip(layers, terms, strict=True)
                terms = [term if isinstance(layer, nn.Identity) else dropped(term, drop_path) for layer, term in kept]
            states.append(terms[0] + terms[1])
        return torch.cat(states[INPUTS:], dim=1)


def dropped(x: torch.Tensor, probability: float) -> torch.Tensor:
    """Zero for some images of the batch, scaled up for the others (Larsson et al., FractalNet, ICLR 2017)."""
    mask = torch.empty(len(x), 1, 1, 1, dtype=x.dtype, device=x.device).bernoulli_(1 - probability)
    return x / (1 - probability) * mask


class AuxiliaryHead(nn.Module):
    """A second classifier on inner features: (batch, channels, h, w) -> (batch, classes)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            nn.BatchNorm2d(768),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.classifier = nn.Linear(768, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        x = x.relu()
        pooled = nn.functional.avg_pool2d(x, 5, 3) if x.shape[-2:] == (8, 8) else nn.functional.adaptive_avg_pool2d(x, 2)
        logits: torch.Tensor = self.classifier(self.features(pooled))
        return logits


class DARTSNetwork(nn.Module):
    """Images (batch, channels, height, width) -> logits (batch, classes).

    Args:
        space: of the genotype.
        genotype: shape (22,).
        shape: of an image.
        classes: how many.
        width: C, even.
        cells: L, all cells together.
        auxiliary: whether there is an auxiliary head; see :meth:`both`.

    Attributes:
        drop_path: see the module's head; 0 at first.

    Raises:
        WarmnasError: where ``width`` is odd.
    """

    def __init__(
        self,
        space: DARTSSpace,
        genotype: Genotypes,
        shape: tuple[int, int, int],
        classes: int,
        width: int = 36,
        cells: int = 20,
        auxiliary: int = 0,
    ) -> None:
        super().__init__()
        if width % 2:
            raise WarmnasError(f"width: {width} is odd; skips of stride 2 in {space.name} need an even number of channels")
        kinds = _edges(space, genotype)
        self.drop_path = 0.0
        self.stem = nn.Sequential(nn.Conv2d(shape[0], 3 * width, 3, padding=1, bias=False), nn.BatchNorm2d(3 * width))
        before, last, self.reductions = 3 * width, 3 * width, (cells // 3, 2 * cells // 3)
        self.cells = nn.ModuleList()
        for i in range(cells):
            reduction = i in self.reductions
            width *= 2 if reduction else 1
            self.cells.append(Cell(kinds[reduction], (before, last), width, reduction, i - 1 in self.reductions))
            before, last = last, 4 * width
            if auxiliary and i == self.reductions[1]:
                self.auxiliary = AuxiliaryHead(last, classes)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(last, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        return self._run(images)[0]

    def both(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, and those of the auxiliary head; WarmnasError where there is none."""
        if not hasattr(self, "auxiliary"):
            raise WarmnasError("this network has no auxiliary head; build it with auxiliary=1")
        logits, inner = self._run(images)
        return logits, self.auxiliary(inner)

    def _run(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, and what leaves the second reduction cell."""
        before = last = inner = self.stem(images)
        for i, cell in enumerate(self.cells):
            before, last = last, cell(before, last, self.drop_path)
            inner = last if i == self.reductions[1] else inner
        return self.classifier(self.head(last)), inner


def _edges(space: DARTSSpace, genotype: Genotypes) -> list[Edges]:
    """Those of the normal and of the reduction cell."""
    sources, operations = (array.tolist() for array in space.cells(genotype))
    return [
        [[(s, OPERATIONS[o]) for s, o in zip(*node, strict=True)] for node in zip(*cell, strict=True)]
        for cell in zip(sources, operations, strict=True)
    ]
