"""NATS-Bench's size space (Dong, Liu, Musial & Gabrys, TPAMI 2021, arXiv 2009.00437): how wide each layer is.

The network has five layers: cell, residual block of stride 2, cell, residual block of stride 2, cell. The stem is as wide
as the first. Every layer has 8, 16, ..., 64 channels: 8^5 = 32,768 architectures, all different functions. The cell is the
same everywhere: five 3x3 convolutions and a skip from input to output (``CELL``; the benchmark's records name it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import WarmnasError
from .base import CellGraph, FloatArray, Gene, Genotypes, IntArray, SearchSpace

if TYPE_CHECKING:
    from torch import nn

CHOICES = tuple(range(8, 65, 8))
STRIDES = (1, 2, 1, 2, 1)
CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
_NAMES = ("cell 1", "residual 1", "cell 2", "residual 2", "cell 3")


def channels(genotypes: Genotypes, width: int = 64) -> IntArray:
    """Channels of each layer where the widest choice has ``width``: (..., 5) -> (..., 5)."""
    chosen: IntArray = np.array(CHOICES)[np.asarray(genotypes, dtype=np.int64)]
    return np.maximum(chosen * width // CHOICES[-1], 1)


class NATSSizeSpace(SearchSpace):
    """Five layers, eight widths; see the module's head."""

    name = "nats-size"
    genes = tuple(Gene(layer, tuple(map(str, CHOICES))) for layer in _NAMES)
    encodings = ("one-hot", "tokens", "layers")
    layer_features = ("channels", "stride")

    def canonical(self, genotypes: Genotypes, level: str = "function") -> Genotypes:
        """The genotypes themselves: different widths are different functions."""
        if level != "function":
            raise WarmnasError(f"unknown level '{level}' of function classes. Choices: function.")
        return np.array(genotypes, dtype=np.int8)

    def layer_sequence(self, genotypes: Genotypes) -> IntArray:
        """Channels and stride of the five layers: (..., 5) -> (..., 5, 2)."""
        wide = channels(genotypes)
        return np.stack([wide, np.broadcast_to(np.array(STRIDES), wide.shape)], axis=-1)

    def params(self, genotypes: Genotypes, classes: int, width: int = 64, cells: int = 1) -> FloatArray:
        """Parameters of the network for colour images, counted as in :mod:`..networks.nats_size`: (..., 5) -> (...,)."""
        c = channels(genotypes, width)
        total = 29 * c[..., 0] + 2 * c[..., 4] + (c[..., 4] + 1) * classes
        for inputs, outputs in ((0, 0), (1, 2), (3, 4)):
            total += _cell(c[..., inputs], c[..., outputs]) + (cells - 1) * _cell(c[..., outputs], c[..., outputs])
        for inputs, outputs in ((0, 1), (2, 3)):
            total += c[..., outputs] * (10 * c[..., inputs] + 9 * c[..., outputs] + 4)
        return np.asarray(total, dtype=np.float64)

    def live_params(self, genotypes: Genotypes, classes: int) -> FloatArray:
        """All parameters: every layer lies on the path."""
        return self.params(genotypes, classes)

    def to_string(self, genotype: Genotypes) -> str:
        """``64:64:64:64:64``."""
        return ":".join(str(CHOICES[int(gene)]) for gene in genotype)

    def from_string(self, text: str) -> Genotypes:
        """From five widths with colons between."""
        places = {str(width): place for place, width in enumerate(CHOICES)}
        widths = text.strip().split(":")
        if len(widths) != len(STRIDES) or any(width not in places for width in widths):
            some = ", ".join(places)
            raise WarmnasError(f"'{text}' is no NATS-Bench size: write five widths of {some} as in 64:8:16:24:32")
        return np.array([places[width] for width in widths], dtype=np.int8)

    def graph(self, genotype: Genotypes) -> CellGraph:
        """The layers one after the other, each edge with the channels of where it leads."""
        edges = [(layer, layer + 1, str(CHOICES[int(gene)])) for layer, gene in enumerate(genotype)]
        return CellGraph(("in", "c1", "r1", "c2", "r2", "c3", "out"), (*edges, (5, 6, "")))

    def build(self, genotype: Genotypes, shape: tuple[int, int, int], classes: int, **size: int) -> nn.Module:
        """The benchmark's network; ``width`` of the widest choice (64) and ``cells`` per stage (1) may be given."""
        from ..networks.nats_size import NATSSizeNetwork

        return NATSSizeNetwork(genotype, shape, classes, **size)


def _cell(inputs: IntArray, outputs: IntArray) -> IntArray:
    """Parameters of one cell: five 3x3 convolutions, two of them from the input, and the skip where widths differ."""
    convolutions = 2 * (9 * inputs + 2) * outputs + 3 * (9 * outputs + 2) * outputs
    return convolutions + np.where(inputs == outputs, 0, (inputs + 2) * outputs)
