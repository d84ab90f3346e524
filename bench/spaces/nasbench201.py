"""NAS-Bench-201, also NATS-Bench's topology space (Dong & Yang, ICLR 2020, arXiv 2001.00326).

A cell is the complete DAG on four nodes, node 0 the input and node 3 the output; each of its six edges carries one of
five operations and a node is the sum of what enters it. The genotype lists the edges in the order of the official
string, 1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2.

Of the 15,625 strings 4,930 are different functions once zeros are propagated, identities removed and sums flattened
(the usual count of 6,466 keeps ``0 + 0`` apart from ``0``); with average pooling being linear, pool(a+b) =
pool(a)+pool(b), 4,660 remain.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..errors import WarmnasError
from .base import CellGraph, FloatArray, Gene, Genotypes, IntArray
from .complete_cell import EDGES, CompleteCellSpace
from .hashing import Hashes, first_of_class, key, scramble

if TYPE_CHECKING:
    from torch import nn

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NONE, SKIP, CONV1, CONV3, POOL = range(5)
_STRING = re.compile(r"\|(\w+)~0\|\+\|(\w+)~0\|(\w+)~1\|\+\|(\w+)~0\|(\w+)~1\|(\w+)~2\|")
LEVELS = ("function", "linear-pooling")


def cell_hashes(genotypes: Genotypes, linear_pooling: bool) -> Hashes:
    """Random value of each cell's function, 0 for the disconnected cell: (n, 6) -> (n,)."""
    zero = np.uint64(0)
    nodes = [np.full(len(genotypes), key(0))] + [np.zeros(len(genotypes), np.uint64) for _ in range(3)]
    for edge, (source, target) in enumerate(EDGES):
        x = nodes[source]
        dead = x == zero
        pooled = x * key(POOL) if linear_pooling else np.where(dead, zero, scramble(x, POOL))
        terms = [x, np.where(dead, zero, scramble(x, CONV1)), np.where(dead, zero, scramble(x, CONV3)), pooled]
        operation = genotypes[:, edge]
        nodes[target] = nodes[target] + np.select([operation == o for o in (SKIP, CONV1, CONV3, POOL)], terms, zero)
    return nodes[3]


def parameter_count(convs: IntArray, classes: int, width: int = 16, cells: int = 5) -> FloatArray:
    """Parameters of the benchmark's network: convs (..., 2) = number of 1x1 and 3x3 edges -> (...,)."""
    w = width

    def residual(c: int) -> int:
        return 9 * c * 2 * c + 9 * (2 * c) ** 2 + c * 2 * c + 4 * (2 * c)

    fixed = 27 * w + 2 * w + residual(w) + residual(2 * w) + 8 * w + 4 * w * classes + classes
    ones = sum(c * c + 2 * c for c in (w, 2 * w, 4 * w))
    threes = sum(9 * c * c + 2 * c for c in (w, 2 * w, 4 * w))
    return np.asarray(fixed + cells * (convs[..., 0] * ones + convs[..., 1] * threes), dtype=np.float64)


def _count(genotypes: Genotypes) -> IntArray:
    return np.stack([(genotypes == CONV1).sum(-1), (genotypes == CONV3).sum(-1)], axis=-1)


class NASBench201Space(CompleteCellSpace):
    """Six edges, five operations; see the module's head."""

    name = "nasbench201"
    genes = tuple(Gene(f"{target}<-{source}", OPERATIONS) for source, target in EDGES)

    @cache  # noqa: B019 -- one space object lives as long as the program
    def _representatives(self, level: str) -> Genotypes:
        genotypes = self.all_genotypes()
        return genotypes[first_of_class(cell_hashes(genotypes, level == "linear-pooling"))]

    def canonical(self, genotypes: Genotypes, level: str = "function") -> Genotypes:
        """First genotype of the function class, under ``function`` or the stricter ``linear-pooling``."""
        if level not in LEVELS:
            raise WarmnasError(f"unknown level '{level}' of function classes. Choices: {', '.join(LEVELS)}.")
        return self._representatives(level)[self.index(genotypes)]

    def params(self, genotypes: Genotypes, classes: int, width: int = 16, cells: int = 5) -> FloatArray:
        """Parameters of the whole network, dead edges included: (..., 6) -> (...,)."""
        return parameter_count(_count(np.asarray(genotypes)), classes, width, cells)

    def live_params(self, genotypes: Genotypes, classes: int) -> FloatArray:
        """Parameters without those of edges that no path uses: (..., 6) -> (...,)."""
        return parameter_count(_count(self.live(genotypes)), classes)

    def reference(self) -> Genotypes:
        """ResNet's cell: two 3x3 convolutions one after the other, and a skip connection around both."""
        return np.array([CONV3, NONE, CONV3, SKIP, NONE, SKIP], dtype=np.int8)

    def to_string(self, genotype: Genotypes) -> str:
        """``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``."""
        a, b, c, d, e, f = (OPERATIONS[int(g)] for g in genotype)
        return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"

    def from_string(self, text: str) -> Genotypes:
        """From the official string or from six digits such as ``334131`` (0 none, 1 skip, 2 1x1, 3 3x3, 4 pool)."""
        text = text.strip()
        if re.fullmatch("[0-4]{6}", text):
            return np.array([int(digit) for digit in text], dtype=np.int8)
        match = _STRING.fullmatch(text)
        if match is None or any(op not in OPERATIONS for op in match.groups()):
            raise WarmnasError(
                f"'{text}' is not a NAS-Bench-201 cell: write |op~0|+|op~0|op~1|+|op~0|op~1|op~2| "
                f"with op of {', '.join(OPERATIONS)}, or six digits 0-4"
            )
        return np.array([OPERATIONS.index(op) for op in match.groups()], dtype=np.int8)

    def graph(self, genotype: Genotypes) -> CellGraph:
        """Four nodes; edges that carry nothing are left out."""
        short = {SKIP: "skip", CONV1: "conv 1x1", CONV3: "conv 3x3", POOL: "avg pool"}
        edges = ((s, t, short[int(op)]) for (s, t), op in zip(EDGES, genotype, strict=True) if op != NONE)
        return CellGraph(("in", "1", "2", "out"), tuple(edges))

    def build(self, genotype: Genotypes, shape: tuple[int, int, int], classes: int, **size: int) -> nn.Module:
        """The benchmark's network; ``width`` (16) and ``cells`` (5) per stage may be given."""
        from ..networks.nasbench201 import NASBench201Network

        return NASBench201Network(genotype, shape, classes, **size)
