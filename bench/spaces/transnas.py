"""TransNAS-Bench-101 (Duan et al., CVPR 2021, arXiv 2105.11871): one set of backbones, measured on seven vision tasks.

A backbone is a stem, some modules of two blocks each, and what the task puts on top. The type of a module says what its
first block changes: 1 nothing, 2 twice the channels, 3 half the resolution, 4 both.

``transnas-micro``: five modules ``41414`` of cells, complete graphs on four nodes with one of ``none``, ``skip_connect``,
1x1 and 3x3 convolution on each edge: 4^6 = 4,096 strings such as ``64-41414-1_02_333`` (per node the operations on its
edges from node 0, 1, 2). ``transnas-macro``: four to six modules of ResNet's basic blocks, 1 to 4 of them halving the
resolution and 1 to 3 doubling the channels: 3,256 strings such as ``64-1234-basic``.

**Classes** of the micro space are those of NAS-Bench-201 with one difference: where a cell changes the resolution, a skip
from its input is not an identity but a layer of its own (1x1 convolutions of stride 2), so only skips between inner nodes
are taken out: 1,229 classes. In the macro space no two strings are one function.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import WarmnasError
from .base import CellGraph, FloatArray, Gene, Genotypes, IntArray, SearchSpace
from .complete_cell import EDGES, NONE, CompleteCellSpace
from .hashing import Hashes, first_of_class, key, scramble

if TYPE_CHECKING:
    from torch import nn

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
SKIP, CONV1, CONV3 = 1, 2, 3
MODULES = ("normal", "channels x2", "resolution /2", "channels x2, resolution /2")
MICRO_MODULES = (4, 1, 4, 1, 4)
WIDTH, BLOCKS = 64, 2
_MICRO = re.compile(r"(?:64-41414-)?([0-3])_([0-3])([0-3])_([0-3])([0-3])([0-3])")
_MACRO = re.compile(r"64-([1-4]{4,6})-basic")


def module_shapes(types: tuple[int, ...], width: int) -> list[tuple[int, int, int]]:
    """(input channels, output channels, stride) of each module."""
    shapes = []
    for kind in types:
        wide = width * (2 if kind % 2 == 0 else 1)
        shapes.append((width, wide, 2 if kind > 2 else 1))
        width = wide
    return shapes


def stem_params(width: int) -> int:
    """Parameters of the stem: two 3x3 convolutions of stride 2, to half the width and to the width, with batch norm."""
    half = width // 2
    return 27 * half + 2 * half + 9 * half * width + 2 * width


def cell_hashes(genotypes: Genotypes) -> Hashes:
    """Random value of each cell's function, 0 where it is disconnected: (n, 6) -> (n,)."""
    zero = np.uint64(0)
    nodes = [np.full(len(genotypes), key(0))] + [np.zeros(len(genotypes), np.uint64) for _ in range(3)]
    for edge, (source, target) in enumerate(EDGES):
        x, operation = nodes[source], genotypes[:, edge]
        layers = [np.where(x == zero, zero, scramble(x, kind)) for kind in (SKIP, CONV1, CONV3)]
        if source:
            layers[0] = x  # between inner nodes a skip is an identity
        nodes[target] = nodes[target] + np.select([operation == kind for kind in (SKIP, CONV1, CONV3)], layers, zero)
    return nodes[3]


class TransNASMicroSpace(CompleteCellSpace):
    """Six edges, four operations; see the module's head."""

    name = "transnas-micro"
    genes = tuple(Gene(f"{target}<-{source}", OPERATIONS) for source, target in EDGES)

    @cached_property
    def _representatives(self) -> Genotypes:
        genotypes = self.all_genotypes()
        return genotypes[first_of_class(cell_hashes(genotypes))]

    def canonical(self, genotypes: Genotypes, level: str = "function") -> Genotypes:
        """First genotype of the function class (there is one level)."""
        if level != "function":
            raise WarmnasError(f"unknown level '{level}' of function classes. Choices: function.")
        return self._representatives[self.index(genotypes)]

    def params(self, genotypes: Genotypes, classes: int, width: int = WIDTH, cells: int = BLOCKS) -> FloatArray:
        """Parameters of the classifier for colour images, dead edges included: (..., 6) -> (...,)."""
        total = np.full(np.shape(genotypes)[:-1], float(stem_params(width)))
        wide = width
        for before, wide, _ in module_shapes(MICRO_MODULES, width):
            total += _cell_params(genotypes, before, wide) + (cells - 1) * _cell_params(genotypes, wide, wide)
        return total + (wide + 1) * classes

    def live_params(self, genotypes: Genotypes, classes: int) -> FloatArray:
        """Parameters without those of edges that no path uses: (..., 6) -> (...,)."""
        return self.params(self.live(genotypes), classes)

    def to_string(self, genotype: Genotypes) -> str:
        """``64-41414-1_02_333``."""
        digits = "".join(str(int(gene)) for gene in genotype)
        return f"64-41414-{digits[0]}_{digits[1:3]}_{digits[3:]}"

    def from_string(self, text: str) -> Genotypes:
        """From the official string, or from its last part alone."""
        match = _MICRO.fullmatch(text.strip())
        if match is None:
            raise WarmnasError(f"'{text}' is no TransNAS-Bench-101 cell: write 64-41414-1_02_333 with digits 0 to 3")
        return np.array([int(digit) for digit in match.groups()], dtype=np.int8)

    def graph(self, genotype: Genotypes) -> CellGraph:
        """Four nodes; edges that carry nothing are left out."""
        short = {SKIP: "skip", CONV1: "conv 1x1", CONV3: "conv 3x3"}
        edges = ((s, t, short[int(op)]) for (s, t), op in zip(EDGES, genotype, strict=True) if op != NONE)
        return CellGraph(("in", "1", "2", "out"), tuple(edges))

    def build(self, genotype: Genotypes, shape: tuple[int, int, int], classes: int, **size: int) -> nn.Module:
        """The benchmark's classifier; ``width`` of the stem (64) and ``cells`` per module (2) may be given."""
        from ..networks.transnas import MicroCell, TransNASNetwork

        def cell(inputs: int, outputs: int, stride: int) -> nn.Module:
            return MicroCell(genotype, inputs, outputs, stride)

        return TransNASNetwork(cell, MICRO_MODULES, shape, classes, **size)


class TransNASMacroSpace(SearchSpace):
    """Four to six modules of four types; see the module's head."""

    name = "transnas-macro"
    genes = tuple(Gene(f"module {i + 1}", MODULES if i < 4 else ("none", *MODULES)) for i in range(6))
    encodings = ("one-hot", "tokens", "layers")
    layer_features = ("channels", "stride")

    def types(self, genotypes: Genotypes) -> IntArray:
        """Type of each module as in the string, 0 where there is none: (..., 6) -> (..., 6)."""
        types: IntArray = np.asarray(genotypes, dtype=np.int64) + np.array((1, 1, 1, 1, 0, 0))
        return types

    def valid(self, genotypes: Genotypes) -> npt.NDArray[np.bool_]:
        """No hole, 1 to 4 modules that halve the resolution, 1 to 3 that double the channels: (..., 6) -> (...,)."""
        types = self.types(genotypes)
        halving, doubling = (types > 2).sum(axis=-1), (types > 0).sum(axis=-1) - (types % 2).sum(axis=-1)
        whole = (types[..., 4] > 0) | (types[..., 5] == 0)
        return np.asarray(whole & (halving >= 1) & (halving <= 4) & (doubling >= 1) & (doubling <= 3))

    def canonical(self, genotypes: Genotypes, level: str = "function") -> Genotypes:
        """The genotypes themselves: no two are one function."""
        if level != "function":
            raise WarmnasError(f"unknown level '{level}' of function classes. Choices: function.")
        return np.array(genotypes, dtype=np.int8)

    def layer_sequence(self, genotypes: Genotypes) -> IntArray:
        """Channels and stride of each module, zeros behind the last: (..., 6) -> (..., 6, 2)."""
        types = self.types(genotypes)
        there = types > 0
        wide = WIDTH << np.cumsum(there & (types % 2 == 0), axis=-1)
        return np.stack([np.where(there, wide, 0), np.where(there, 1 + (types > 2), 0)], axis=-1)

    def params(self, genotypes: Genotypes, classes: int, width: int = WIDTH, cells: int = BLOCKS) -> FloatArray:
        """Parameters of the classifier for colour images: (..., 6) -> (...,)."""
        types = self.types(genotypes)
        total = np.full(types.shape[:-1], float(stem_params(width)))
        before = np.full(types.shape[:-1], width)
        for module in range(types.shape[-1]):
            kind = types[..., module]
            wide = np.where((kind > 0) & (kind % 2 == 0), 2 * before, before)
            first = 9 * before * wide + 9 * wide**2 + 4 * wide + np.where(kind > 1, (before + 2) * wide, 0)
            total += np.where(kind > 0, first + (cells - 1) * (18 * wide**2 + 4 * wide), 0)
            before = wide
        return np.asarray(total + (before + 1) * classes, dtype=np.float64)

    def live_params(self, genotypes: Genotypes, classes: int) -> FloatArray:
        """All of them."""
        return self.params(genotypes, classes)

    def to_string(self, genotype: Genotypes) -> str:
        """``64-1234-basic``."""
        return f"64-{''.join(str(kind) for kind in self.types(genotype) if kind)}-basic"

    def from_string(self, text: str) -> Genotypes:
        """From the official string."""
        match = _MACRO.fullmatch(text.strip())
        if match is None:
            raise WarmnasError(f"'{text}' is no TransNAS-Bench-101 skeleton: write 64-1234-basic with 4 to 6 digits 1 to 4")
        types = [int(digit) for digit in match.group(1)]
        genotype = np.array([*(kind - 1 for kind in types[:4]), *types[4:], *[0] * (6 - len(types))], dtype=np.int8)
        if not self.valid(genotype):
            raise WarmnasError(f"'{text}': 1 to 4 modules must be of type 3 or 4, and 1 to 3 of type 2 or 4")
        return genotype

    def graph(self, genotype: Genotypes) -> CellGraph:
        """The modules one after another."""
        types = [int(kind) for kind in self.types(genotype) if kind]
        edges = [(i, i + 1, MODULES[kind - 1]) for i, kind in enumerate(types)]
        return CellGraph(("in", *(str(i + 1) for i in range(len(types) - 1)), "out"), tuple(edges))

    def build(self, genotype: Genotypes, shape: tuple[int, int, int], classes: int, **size: int) -> nn.Module:
        """The benchmark's classifier; ``width`` of the stem (64) and ``cells`` per module (2) may be given."""
        from ..networks.transnas import BasicBlock, TransNASNetwork

        types = tuple(int(kind) for kind in self.types(genotype) if kind)
        return TransNASNetwork(BasicBlock, types, shape, classes, **size)


def _cell_params(genotypes: Genotypes, inputs: int, outputs: int) -> FloatArray:
    """Parameters of a cell; one that changes the channels has layers for the skips from its input."""
    array = np.asarray(genotypes)
    total = np.zeros(array.shape[:-1])
    for edge, (source, _) in enumerate(EDGES):
        before = outputs if source else inputs
        layer = before * outputs + 2 * outputs
        skip = layer if before != outputs else 0
        kinds = [array[..., edge] == kind for kind in (SKIP, CONV1, CONV3)]
        total += np.select(kinds, [skip, layer, layer + 8 * before * outputs], 0)
    return total
