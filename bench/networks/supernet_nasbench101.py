"""NAS-Bench-101's supernet (Yu et al., Evaluating the search phase of neural architecture search, ICLR 2020, section 4.2).

Every inner vertex holds both convolutions at the module's full number of channels, and every vertex a projection of the
module's input. A module takes the first channels of each, as many as the benchmark gives the vertex; edges only say what
is summed, so all modules share the vertices' weights. Batch norm has no parameters inside the modules and always uses the
batch's own statistics: running ones would mix numbers of channels as well as paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from ..errors import WarmnasError
from ..spaces.base import FloatArray, Genotypes, IntArray
from ..spaces.module_graph import INNER, VERTICES, pruned
from ..spaces.nasbench101 import CONV1, CONV3, ENDS, MOST_EDGES, OPERATIONS, NASBench101Space
from .mixture import Mixture
from .nasbench101 import EPSILON, Wiring, convolution
from .supernets import Layout, Shape, Supernet, build_supernet, classifier, layout


class NASBench101Layout(Layout):
    """Two kinds of genes: 21 edges, there or not, and five vertices, each with one of three operations."""

    kinds = ("edges", "vertices")
    operations = (len(ENDS) * (("0", "1"),), len(INNER) * (OPERATIONS,))
    ends = ENDS
    kept = None
    default = (16, 1)

    def __init__(self, space: NASBench101Space) -> None:
        self._modules = self.space = space

    def columns(self, genotype: Genotypes) -> IntArray:
        """The genes; the row of vertices is filled up with -1: (..., 26) -> (..., 2, 21)."""
        genes = np.asarray(genotype, dtype=np.int64)
        found = np.full((*genes.shape[:-1], 2, len(ENDS)), -1)
        found[..., 0, :], found[..., 1, : len(INNER)] = genes[..., : len(ENDS)], genes[..., len(ENDS) :]
        return found

    def skips(self, genotype: Genotypes) -> int:
        """None: an edge is no operation."""
        return 0

    def read(self, scores: Sequence[FloatArray]) -> Genotypes:
        """The strongest genes, mended where they are no module.

        While the output is not reached, the strongest edge that is missing is added; while more than nine are in use, the
        weakest one without which the output is still reached is taken away.
        """
        edges, vertices = (np.asarray(array, dtype=np.float64) for array in scores)
        strength = edges[:, 1] - edges[:, 0]
        order = np.argsort(-strength, kind="stable")
        genes = np.concatenate([strength > 0, vertices.argmax(axis=1)]).astype(np.int8)
        for edge in order:
            if not self._in_use(genes):
                genes[edge] = 1
        for edge in order[::-1]:
            without = np.where(np.arange(len(genes)) == edge, 0, genes).astype(np.int8)
            if self._in_use(genes) > MOST_EDGES and self._in_use(without):
                genes = without
        return genes

    def _in_use(self, genes: Genotypes) -> int:
        return int(pruned(self._modules.edges(genes[None])).sum())


class SuperModule(nn.Module):
    """Any module of the space: (batch, inputs, h, w) -> (batch, outputs, h, w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.projections = nn.ModuleList(convolution(inputs, outputs, 1) for _ in range(1, VERTICES))
        kernels = {str(CONV3): 3, str(CONV1): 1}
        self.vertices = nn.ModuleList(
            nn.ModuleDict({kind: convolution(outputs, outputs, kernel) for kind, kernel in kernels.items()}) for _ in INNER
        )

    def forward(self, x: Tensor, genotype: Genotypes) -> Tensor:
        """The module of a genotype whose input reaches the output."""
        wiring = Wiring.of(genotype, self.outputs)

        def project(x: Tensor, vertex: int) -> Tensor:
            return _sliced(x, self.projections[vertex - 1], wiring.wide[vertex])

        def operate(y: Tensor, vertex: int) -> Tensor:
            layers, kind = cast(nn.ModuleDict, self.vertices[vertex - 1]), str(wiring.operations[vertex])
            if kind in layers:
                return _sliced(y, layers[kind], wiring.wide[vertex])
            return functional.max_pool2d(y, 3, stride=1, padding=1)

        return wiring.compute(x, project, operate)


def _sliced(x: Tensor, layer: nn.Module, outputs: int) -> Tensor:
    """Convolution with the first channels of a layer, batch norm, ReLU: (batch, c, h, w) -> (batch, outputs, h, w)."""
    weight = cast(nn.Conv2d, layer).weight[:outputs, : x.shape[1]]
    y = functional.conv2d(x, weight, padding=weight.shape[-1] // 2)
    return functional.batch_norm(y, None, None, training=True, eps=EPSILON).relu()


class NASBench101Supernet(Supernet):
    """The benchmark's skeleton; see the module's head."""

    def __init__(self, space: NASBench101Space, shape: Shape, classes: int, width: int, cells: int) -> None:
        super().__init__()
        self.layout = NASBench101Layout(space)
        norm = nn.BatchNorm2d(width, eps=EPSILON, track_running_stats=False)
        self.stem = nn.Sequential(convolution(shape[0], width, 3), norm, nn.ReLU())
        self.stacks = nn.ModuleList()
        inputs = width
        for stack in range(3):
            outputs = width << stack
            self.stacks.append(nn.ModuleList(SuperModule(outputs if i else inputs, outputs) for i in range(cells)))
            inputs = outputs
        self.channels = inputs
        self.head = classifier(inputs, classes)

    def cells_by_kind(self) -> Iterator[tuple[int, nn.ModuleList]]:
        """There are no mixed operations."""
        return iter(())

    def features(self, images: Tensor, mixture: Mixture) -> Tensor:
        """See :class:`Supernet`; WarmnasError for anything but a single path. Zeros where the output is not reached."""
        rows = mixture.active[0], mixture.active[1][: len(INNER)]
        if mixture.weights is not None or any(len(columns) != 1 for kind in rows for columns in kind):
            raise WarmnasError(
                "nasbench101: its supernet computes single modules, no mixtures; take rsps, spos, enas, parsec or nao-ws"
            )
        genotype = np.array([columns[0] for kind in rows for columns in kind], dtype=np.int8)
        reached = bool(self.layout.space.connected(genotype))
        x: Tensor = self.stem(images)
        for i, stack in enumerate(self.stacks):
            x = functional.max_pool2d(x, 2, stride=2, ceil_mode=True) if i else x
            for module in cast(nn.ModuleList, stack):
                x = module(x, genotype) if reached else x.new_zeros(len(x), cast(SuperModule, module).outputs, *x.shape[2:])
        return x


@layout.register
def _(space: NASBench101Space) -> Layout:
    return NASBench101Layout(space)


@build_supernet.register
def _build(
    space: NASBench101Space, shape: Shape, classes: int, width: int, cells: int, partial: int = 1, running: bool = False
) -> Supernet:
    if partial != 1:
        raise WarmnasError("nasbench101: its supernet has no partial channels; take another method or space")
    return NASBench101Supernet(space, shape, classes, width, cells)
