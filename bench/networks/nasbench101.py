"""The network of a NAS-Bench-101 module (Ying et al., ICML 2019, section 2 and the benchmark's code).

conv3x3-BN-ReLU to C channels, three stacks of N modules, a 2x2 max-pooling of stride 2 and twice the channels before the
second and third stack, global average pooling, linear. C = 128 and N = 3 in the benchmark.

In a module what enters an inner vertex is summed, what enters the output is concatenated, and the input is added to the
output. An edge from the input is a projection (conv1x1-BN-ReLU); on other edges the channels that the next vertex has not
are cut off, at most one. Batch norm has momentum .997 and epsilon 1e-5; convolutions start from truncated normals of
variance 1 / fan-in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import torch
from torch import nn

from ..errors import WarmnasError
from ..spaces.base import Genotypes
from ..spaces.module_graph import INNER, VERTICES, channels, pruned
from ..spaces.nasbench101 import CONV1, CONV3, NASBench101Space

Step = Callable[[torch.Tensor, int], torch.Tensor]  # what a vertex does to what enters it
EPSILON = 1e-5  # of batch norm
_CUT = 0.87962566103423978  # standard deviation of a normal cut off at two standard deviations


def convolution(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """Without bias, from a truncated normal of variance 1 / fan-in."""
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    deviation = (inputs * kernel * kernel) ** -0.5 / _CUT
    nn.init.trunc_normal_(layer.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
    return layer


def conv_bn_relu(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Convolution, batch norm, ReLU: (batch, inputs, h, w) -> (batch, outputs, h, w)."""
    norm = nn.BatchNorm2d(outputs, eps=EPSILON, momentum=0.003)
    return nn.Sequential(convolution(inputs, outputs, kernel), norm, nn.ReLU())


@dataclass(frozen=True)
class Wiring:
    """A pruned module.

    Attributes:
        before: the vertices that enter each vertex.
        wide: channels of each vertex.
        operations: of each vertex.
        vertices: inner ones that are used.
    """

    before: list[list[int]]
    wide: list[int]
    operations: list[int]
    vertices: list[int]

    @classmethod
    def of(cls, genotype: Genotypes, outputs: int) -> Wiring:
        """The module with so many output channels; WarmnasError where they are too few for its vertices."""
        space = NASBench101Space()
        edges = pruned(space.edges(genotype[None]))
        wide = channels(edges, outputs)[0].tolist()
        before = [[source for source in range(target) if edges[0, source, target]] for target in range(VERTICES)]
        vertices = [vertex for vertex in INNER if before[vertex]]
        if any(wide[vertex] == 0 for vertex in vertices):
            raise WarmnasError(f"width: {outputs} channels cannot be shared among the vertices of this module; take more")
        return cls(before, wide, space.operations(genotype[None])[0].tolist(), vertices)

    def compute(self, x: torch.Tensor, project: Step, operate: Step) -> torch.Tensor:
        """Vertices in order, then the output; ``project`` brings the input to a vertex, ``operate`` is its operation."""

        def total(terms: list[torch.Tensor], vertex: int) -> torch.Tensor:
            return reduce(torch.add, [*terms, project(x, vertex)] if 0 in self.before[vertex] else terms)

        values: dict[int, torch.Tensor] = {}
        for vertex in self.vertices:
            terms = [values[source][:, : self.wide[vertex]] for source in self.before[vertex] if source]
            values[vertex] = operate(total(terms, vertex), vertex)
        last = [values[source] for source in self.before[-1] if source]
        return total([torch.cat(last, dim=1)] if last else [], VERTICES - 1)


class Module(nn.Module):
    """One module: (batch, inputs, h, w) -> (batch, outputs, h, w)."""

    def __init__(self, genotype: Genotypes, inputs: int, outputs: int) -> None:
        super().__init__()
        self.wiring = Wiring.of(genotype, outputs)
        before, wide, operations = self.wiring.before, self.wiring.wide, self.wiring.operations
        projected = [target for target in range(VERTICES) if 0 in before[target]]
        self.projections = nn.ModuleDict({str(v): conv_bn_relu(inputs, wide[v], 1) for v in projected})
        self.layers = nn.ModuleDict({str(v): _operation(operations[v], wide[v]) for v in self.wiring.vertices})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See :meth:`Wiring.compute`."""
        return self.wiring.compute(x, lambda x, v: self.projections[str(v)](x), lambda y, v: self.layers[str(v)](y))


def _operation(kind: int, width: int) -> nn.Module:
    if kind in (CONV1, CONV3):
        return conv_bn_relu(width, width, {CONV1: 1, CONV3: 3}[kind])
    return nn.MaxPool2d(3, stride=1, padding=1)


class NASBench101Network(nn.Module):
    """Images (batch, channels, height, width) -> logits (batch, classes).

    Raises WarmnasError where ``width`` is too small for the module: each vertex before the output needs a channel.
    """

    def __init__(
        self, genotype: Genotypes, shape: tuple[int, int, int], classes: int, width: int = 128, cells: int = 3
    ) -> None:
        super().__init__()
        self.stem = conv_bn_relu(shape[0], width, 3)
        stages: list[nn.Module] = []
        inputs = width
        for stack in range(3):
            if stack:
                stages.append(nn.MaxPool2d(2, stride=2, ceil_mode=True))
            for _ in range(cells):
                stages.append(Module(genotype, inputs, width << stack))
                inputs = width << stack
        self.cells = nn.Sequential(*stages)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        logits: torch.Tensor = self.classifier(self.head(self.cells(self.stem(images))))
        return logits
