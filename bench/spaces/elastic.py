"""A small elastic space in the manner of Once-for-All (Cai et al., ICLR 2020, arXiv 1908.09791, section 3.1).

The network has two units of one to three inverted bottlenecks; every bottleneck has a kernel of 3, 5 or 7 and expands its
channels by 3, 4 or 6: the choices of the paper's mobile space, which has five units of two to four. Of a unit with d layers
the first d are there, so the genes of the others mean nothing: 3^14 = 4.8 million genotypes are (9 + 9^2 + 9^3)^2 = 670,761
functions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ..errors import WarmnasError
from .base import CellGraph, FloatArray, Gene, Genotypes, SearchSpace

if TYPE_CHECKING:
    from torch import nn

UNITS, LAYERS = 2, 3
DEPTHS, KERNELS, EXPANSIONS = (1, 2, 3), (3, 5, 7), (3, 4, 6)
GENES = 1 + 2 * LAYERS  # of a unit: its depth, then kernel and expansion of each layer
WIDTH = 16
_LAYER = r"k([357])e([346])"
_UNIT = rf"d([123]):{','.join([_LAYER] * LAYERS)}"
_STRING = re.compile(r"\|".join([_UNIT] * UNITS))


def layers_of(genotype: Genotypes) -> list[list[tuple[int, int]]]:
    """(kernel, expansion) of the layers that each unit has."""
    units = np.asarray(genotype, dtype=np.int64).reshape(UNITS, GENES)
    return [
        [(KERNELS[kernel], EXPANSIONS[expansion]) for kernel, expansion in unit[1:].reshape(LAYERS, 2)[: DEPTHS[unit[0]]]]
        for unit in units
    ]


class ElasticSpace(SearchSpace):
    """Depth, kernels and expansions; see the module's head."""

    name = "elastic"
    genes = tuple(
        gene
        for unit in range(1, UNITS + 1)
        for gene in (
            Gene(f"unit {unit} depth", tuple(map(str, DEPTHS))),
            *(
                Gene(f"unit {unit} layer {layer} {what}", tuple(map(str, choices)))
                for layer in range(1, LAYERS + 1)
                for what, choices in (("kernel", KERNELS), ("expansion", EXPANSIONS))
            ),
        )
    )

    def _used(self, genotypes: Genotypes) -> FloatArray:
        """1 where a gene means something, else 0: (..., genes) -> (..., genes)."""
        array = np.asarray(genotypes)
        units = array.reshape(*array.shape[:-1], UNITS, GENES)
        layer = np.concatenate([[-1], np.repeat(np.arange(LAYERS), 2)])
        used = layer < np.array(DEPTHS)[units[..., :1].astype(np.int64)]
        return used.astype(np.float64).reshape(array.shape)

    def canonical(self, genotypes: Genotypes, level: str = "function") -> Genotypes:
        """The first genotype with the same layers."""
        if level != "function":
            raise WarmnasError(f"unknown level '{level}' of function classes. Choices: function.")
        return np.where(self._used(genotypes) > 0, genotypes, 0).astype(np.int8)

    def live_params(self, genotypes: Genotypes, classes: int) -> FloatArray:
        """Parameters of the network of width 16 for colour images: (..., genes) -> (...,)."""
        array = np.asarray(genotypes, dtype=np.int64)
        units = array.reshape(*array.shape[:-1], UNITS, GENES)
        there = self._used(genotypes).reshape(units.shape)
        total = np.full(array.shape[:-1], 29.0 * WIDTH)
        inputs = WIDTH
        for unit in range(UNITS):
            outputs = 2 * inputs
            for layer in range(LAYERS):
                kernel, expansion = (units[..., unit, 1 + 2 * layer + i] for i in (0, 1))
                mid = np.array(EXPANSIONS)[expansion] * inputs
                cost = mid * (inputs + np.array(KERNELS)[kernel] ** 2 + outputs + 4) + 2 * outputs
                total = total + there[..., unit, 1 + 2 * layer] * cost
                inputs = outputs
        return total + inputs * classes + classes

    def to_string(self, genotype: Genotypes) -> str:
        """``d2:k3e4,k5e6,k7e3|d1:k3e3,k3e3,k3e3``: the depth of each unit, and all its layers, there or not."""
        units = np.asarray(genotype, dtype=np.int64).reshape(UNITS, GENES)
        texts = []
        for unit in units:
            layers = (f"k{KERNELS[k]}e{EXPANSIONS[e]}" for k, e in unit[1:].reshape(LAYERS, 2))
            texts.append(f"d{DEPTHS[unit[0]]}:{','.join(layers)}")
        return "|".join(texts)

    def from_string(self, text: str) -> Genotypes:
        """Inverse of :meth:`to_string`."""
        match = _STRING.fullmatch(text.strip())
        if match is None:
            form = "d2:k3e4,k5e6,k7e3|d1:k3e3,k3e3,k3e3"
            raise WarmnasError(
                f"'{text}' is no elastic network: write it as in {form}, kernels 3, 5, 7, expansions 3, 4, 6"
            )
        numbers = [int(number) for number in match.groups()]
        choices = [DEPTHS, *[KERNELS, EXPANSIONS] * LAYERS] * UNITS
        return np.array([known.index(number) for known, number in zip(choices, numbers, strict=True)], dtype=np.int8)

    def graph(self, genotype: Genotypes) -> CellGraph:
        """The layers one after the other."""
        texts = [
            f"{u}.{i} k{kernel} e{expansion}"
            for u, unit in enumerate(layers_of(genotype), 1)
            for i, (kernel, expansion) in enumerate(unit, 1)
        ]
        nodes = ("in", *map(str, range(1, len(texts))), "out")
        return CellGraph(nodes, tuple((i, i + 1, text) for i, text in enumerate(texts)))

    def build(self, genotype: Genotypes, shape: tuple[int, int, int], classes: int, **size: int) -> nn.Module:
        """The network alone; ``width`` of the stem (16) may be given, and ``cells`` as 1."""
        from ..networks.elastic import ElasticNetwork

        return ElasticNetwork(genotype, shape, classes, **size)


def largest() -> Genotypes:
    """The network of which all others are parts."""
    return np.full(UNITS * GENES, 2, dtype=np.int8)
