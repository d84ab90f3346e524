"""The network of a NAS-Bench-101 module (Ying et al., ICML 2019, section 2 and the benchmark's code).

conv3x3-BN-ReLU to C channels, three stacks of N modules, a 2x2 max-pooling of stride 2 and twice the channels before the
second and third stack, global average pooling, linear. C = 128 and N = 3 in the benchmark.

In a module what enters an inner vertex is summed, what enters the output is concatenated, and the input is added to the
output. An edge from the input is a projection (conv1x1-BN-ReLU); on other edges the channels that the next vertex has not
are cut off, at most one. Batch norm has momentum .997 and epsilon 1e-5; convolutions start from truncated normals of
variance 1 / fan-in.
"""

from __future__ import annotations

import torch
from torch import nn

from ..errors import WarmnasError
from ..spaces.base import Genotypes
from ..spaces.module_graph import INNER, VERTICES, channels, pruned
from ..spaces.nasbench101 import CONV1, CONV3, NASBench101Space

_CUT = 0.87962566103423978  # standard deviation of a normal cut off at two standard deviations


def conv_bn_relu(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Convolution, batch norm, ReLU: (batch, inputs, h, w) -> (batch, outputs, h, w)."""
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    deviation = (inputs * kernel * kernel) ** -0.5 / _CUT
    nn.init.trunc_normal_(layer.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs, eps=1e-5, momentum=0.003), nn.ReLU())


class Module(nn.Module):
    """One module: (batch, inputs, h, w) -> (batch, outputs, h, w)."""

    def __init__(self, genotype: Genotypes, inputs: int, outputs: int) -> None:
        super().__init__()
        space = NASBench101Space()
        edges = pruned(space.edges(genotype[None]))
        operations = space.operations(genotype[None])[0].tolist()
        self.wide = channels(edges, outputs)[0].tolist()
        self.before = [[source for source in range(target) if edges[0, source, target]] for target in range(VERTICES)]
        self.vertices = [vertex for vertex in INNER if self.before[vertex]]
        if any(self.wide[vertex] == 0 for vertex in self.vertices):
            raise WarmnasError(f"width: {outputs} channels cannot be shared among the vertices of this module; take more")
        self.projections = nn.ModuleDict(
            {
                str(target): conv_bn_relu(inputs, self.wide[target], 1)
                for target in range(VERTICES)
                if 0 in self.before[target]
            }
        )
        self.layers = nn.ModuleDict({str(v): _operation(operations[v], self.wide[v]) for v in self.vertices})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Every vertex in order, then the output."""
        values: dict[int, torch.Tensor] = {}
        for vertex in self.vertices:
            terms = [values[source][:, : self.wide[vertex]] for source in self.before[vertex] if source]
            values[vertex] = self.layers[str(vertex)](self._sum(x, terms, vertex))
        last = [values[source] for source in self.before[-1] if source]
        return self._sum(x, [torch.cat(last, dim=1)] if last else [], VERTICES - 1)

    def _sum(self, x: torch.Tensor, terms: list[torch.Tensor], vertex: int) -> torch.Tensor:
        if 0 in self.before[vertex]:
            terms = [*terms, self.projections[str(vertex)](x)]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total


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
