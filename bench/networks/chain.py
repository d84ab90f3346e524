"""The network of a chain of layers; what the layers are says :mod:`warmnas.bench.spaces.chain`.

Prefixes are networks of their own that share stem and layers with the whole chain: whoever trains one layer at a time
trains ``network.prefix(1)``, ``network.prefix(2)``, ... (TAPAS, Istrate et al., AAAI 2019). Each has its own classifier.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import WarmnasError
from ..spaces.base import Genotypes
from ..spaces.chain import AVERAGE, CONV, END, LAYERS, MAX, RESIDUAL, Layer
from .pointwise import PointwiseConv2d


def conv(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
    """Convolution without bias and batch norm; the side becomes ceil(side / stride)."""
    if kernel == 1:
        return [PointwiseConv2d(inputs, outputs, stride), nn.BatchNorm2d(outputs)]
    return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)]


class Residual(nn.Module):
    """Basic block of He et al. (CVPR 2016): (batch, c, h, w) -> (batch, outputs, h / stride, w / stride)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *conv(inputs, outputs, kernel, stride), nn.ReLU(), *conv(outputs, outputs, kernel, stride=1)
        )
        same = inputs == outputs and stride == 1
        self.shortcut: nn.Module = nn.Identity() if same else nn.Sequential(*conv(inputs, outputs, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        """ReLU of body plus shortcut."""
        return functional.relu(self.body(x) + self.shortcut(x))


class Skip(nn.Module):
    """Adds an earlier output: (batch, c, h, w), (batch, c', h', w') -> (batch, c, h, w)."""

    def __init__(self, distance: int) -> None:
        super().__init__()
        self.distance = distance

    def forward(self, x: Tensor, earlier: Tensor) -> Tensor:
        """The sum, with the earlier output brought to the size of ``x`` as in Real et al. (ICML 2017, section 3.1)."""
        down, across = (-(-earlier.shape[axis] // x.shape[axis]) for axis in (2, 3))  # the halvings between, in all
        earlier = earlier[:, : x.shape[1], ::down, ::across]
        return x + functional.pad(earlier, (0, 0, 0, 0, 0, x.shape[1] - earlier.shape[1]))


def layer(kind: Layer, inputs: int, outputs: int, cells: int) -> nn.Module:
    """One layer of a chain; a convolution or residual block stands ``cells`` times, the first time with the stride."""
    if kind.kind == CONV:
        blocks = [conv(inputs, outputs, kind.kernel, kind.stride)]
        blocks += [conv(outputs, outputs, kind.kernel, stride=1) for _ in range(cells - 1)]
        return nn.Sequential(*(module for block in blocks for module in (*block, nn.ReLU())))
    if kind.kind == RESIDUAL:
        again = [Residual(outputs, outputs, kind.kernel, stride=1) for _ in range(cells - 1)]
        return nn.Sequential(Residual(inputs, outputs, kind.kernel, kind.stride), *again)
    if kind.kind == MAX:
        return nn.MaxPool2d(3, kind.stride, padding=1)
    if kind.kind == AVERAGE:
        return nn.AvgPool2d(3, kind.stride, padding=1, count_include_pad=False)
    return Skip(kind.distance)


class ChainNetwork(nn.Module):
    """Images (batch, channels, height, width) -> logits (batch, classes).

    Args:
        genotype: a valid chain, shape (genes,).
        shape: (channels, height, width) of an image.
        classes: of the task.
        width: C, the stem's channels.
        cells: how often each convolution and residual block stands.
        within: a chain that begins with this one; its stem and layers are used and not built anew.
    """

    def __init__(
        self,
        genotype: Genotypes,
        shape: tuple[int, int, int],
        classes: int,
        width: int = 16,
        cells: int = 1,
        within: ChainNetwork | None = None,
    ) -> None:
        super().__init__()
        if width < 1 or cells < 1:
            raise WarmnasError(f"chain: width and cells must be whole numbers from 1, not {width} and {cells}")
        self.genotype, self.shape, self.classes, self.width, self.cells = genotype, shape, classes, width, cells
        kinds = [LAYERS[int(gene)] for gene in genotype if gene != END]
        sizes = [width]
        for kind in kinds:
            sizes.append(kind.width * width or sizes[-1])
        if within is None:
            self.stem = nn.Sequential(*conv(shape[0], width, kernel=3, stride=1), nn.ReLU())
            built = (layer(kind, sizes[t], sizes[t + 1], cells) for t, kind in enumerate(kinds))
            self.layers = nn.ModuleList(built)
        else:
            self.stem, self.layers = within.stem, within.layers[: len(kinds)]
        self.classifier = nn.Linear(sizes[-1], classes)

    def prefix(self, layers: int) -> ChainNetwork:
        """The chain of the first so many layers: these very layers and the stem, and a classifier with fresh weights.

        Raises WarmnasError where the chain is shorter.
        """
        if not 1 <= layers <= len(self.layers):
            raise WarmnasError(f"a chain of {len(self.layers)} layers has no prefix of {layers}")
        genotype = self.genotype.copy()
        genotype[layers:] = END
        prefix = ChainNetwork(genotype, self.shape, self.classes, self.width, self.cells, within=self)
        return prefix.to(self.classifier.weight)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of a batch."""
        outputs = [self.stem(images)]
        for step in self.layers:
            more = (outputs[-1 - step.distance],) if isinstance(step, Skip) else ()
            outputs.append(step(outputs[-1], *more))
        features = torch.flatten(functional.adaptive_avg_pool2d(outputs[-1], 1), 1)
        logits: Tensor = self.classifier(features)
        return logits
