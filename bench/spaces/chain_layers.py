"""What each layer of a chain is and costs, counted from the genotype: the input of TAPAS's predictor.

Parameters and multiply-adds are those of the prefix that ends with the layer, its own classifier included, exactly as
they are counted on the network itself: convolutions and linear layers; batch norm has parameters only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .base import FloatArray, Genotypes, IntArray
from .chain import CONV, DEPTH, DISTANCE, END, KERNEL, KIND, KINDS, NO_LAYER, RESIDUAL, STRIDE, WIDTH

FLOAT = 4  # bytes


@dataclass(frozen=True)
class ChainLayers:
    """Arrays of shape (..., layers); zeros where there is no layer.

    Attributes:
        present: whether there is a layer.
        kind: of ``KINDS``; ``kernel``, ``width`` (in units of C), ``stride`` and ``distance`` (of a skip) are 0 where the
            layer has none.
        ratio: elements of the layer's output over those of its input.
        number: layers so far, this one included.
        params: of the prefix that ends here, with its classifier.
        flops: multiply-adds per image of that prefix.
        memory: bytes of that prefix's parameters and of the outputs of its stem, layers and classifier for one image, in
            float32.
    """

    present: npt.NDArray[np.bool_]
    kind: IntArray
    kernel: IntArray
    width: IntArray
    stride: IntArray
    distance: IntArray
    ratio: FloatArray
    number: IntArray
    params: IntArray
    flops: IntArray
    memory: IntArray

    NAMES = (
        *KINDS[:NO_LAYER],
        *("kernel", "log2 width", "log2 stride", "distance", "log2 ratio", "number"),
        *("log10 params", "log10 flops", "log10 memory"),
    )

    def features(self) -> FloatArray:
        """Numbers between about -3 and 10 for a network to read, zeros where there is no layer: (..., layers, features).

        ``NAMES`` says which: one-hot kind, hyper-parameters, ratio, number of layers, accumulated costs.
        """
        one_hot = [self.kind == kind for kind in range(NO_LAYER)]
        logs = [np.log2(np.where(x > 0, x, 1)) for x in (self.width, self.stride, self.ratio)]
        costs = [np.log10(np.where(x > 0, x, 1)) for x in (self.params, self.flops, self.memory)]
        columns = [*one_hot, self.kernel, *logs[:2], self.distance, logs[2], self.number, *costs]
        return np.stack([np.where(self.present, column, 0.0) for column in columns], axis=-1)


def total(accumulated: IntArray) -> IntArray:
    """What the whole network has, of a quantity that grows along the chain: (..., layers) -> (...,)."""
    whole: IntArray = accumulated.max(axis=-1)
    return whole


def describe(
    genotypes: Genotypes, shape: tuple[int, int, int], classes: int, width: int = 16, cells: int = 1
) -> ChainLayers:
    """Layers of valid chains, (..., genes), on images of shape (channels, height, width)."""
    genes = np.asarray(genotypes, dtype=np.int64)
    channels = np.full(genes.shape[:-1], width)
    height, breadth = (np.full(genes.shape[:-1], side) for side in shape[1:])
    params, flops = np.full_like(channels, 9 * shape[0] * width + 2 * width), 9 * shape[0] * channels * height * breadth
    outputs = channels * height * breadth
    columns = []
    for t in range(DEPTH):
        gene, before = genes[..., t], channels * height * breadth
        inputs = channels
        channels = np.where(WIDTH[gene] > 0, WIDTH[gene] * width, inputs)
        halved = STRIDE[gene] == 2
        height, breadth = (np.where(halved, (side + 1) // 2, side) for side in (height, breadth))
        weights, norms = _weights(gene, inputs, channels, halved, cells)
        after = channels * height * breadth
        params, flops = params + weights + norms, flops + weights * height * breadth
        outputs = outputs + after * np.where(np.isin(KIND[gene], (CONV, RESIDUAL)), cells, gene != END)
        whole = params + channels * classes + classes
        columns.append((after / before, whole, flops + channels * classes, FLOAT * (whole + outputs + classes)))
    ratio, *costs = (np.stack(column, axis=-1) for column in zip(*columns, strict=True))
    there = genes != END
    kind, kernel, wide, stride, distance = (
        np.where(there, column[genes], 0) for column in (KIND, KERNEL, WIDTH, STRIDE, DISTANCE)
    )
    number, weight, work, memory = (np.where(there, x, 0) for x in (there.cumsum(axis=-1), *costs))
    ratio = np.where(there, ratio, 0.0)
    return ChainLayers(there, kind, kernel, wide, stride, distance, ratio, number, weight, work, memory)


def _weights(
    gene: IntArray, inputs: IntArray, outputs: IntArray, halved: npt.NDArray[np.bool_], cells: int
) -> tuple[IntArray, IntArray]:
    """Weights of the convolutions and parameters of the batch norms of one layer, each of shape (...,)."""
    area = KERNEL[gene] ** 2
    shortcut = (inputs != outputs) | halved
    kinds = [KIND[gene] == CONV, KIND[gene] == RESIDUAL]
    again = (cells - 1) * area * outputs**2
    weights = [
        area * inputs * outputs + again,
        (area + shortcut) * inputs * outputs + area * outputs**2 + 2 * again,
    ]
    norms = [2 * cells * outputs, 2 * (2 * cells + shortcut) * outputs]
    return np.select(kinds, weights, 0), np.select(kinds, norms, 0)
