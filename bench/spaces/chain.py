"""Chains of layers: the space of TAPAS (Istrate et al., AAAI 2019, arXiv 1806.00250), after Real et al. (ICML 2017).

A chain has 1 to 8 layers on a stem (3x3 convolution to C channels, batch norm, ReLU) and ends in global average pooling and
a linear classifier. A gene is a whole layer with its hyper-parameters; w is the number of output channels in units of C,
s the stride:

=====================  ===========================================================================================
``conv3x3-w2-s1``      convolution (kernel 1, 3 or 5; w 1, 2 or 4; s 1 or 2), batch norm, ReLU
``res-w2-s1``          residual block of two 3x3 convolutions (w 1, 2 or 4; s 1 or 2), He et al., CVPR 2016
``max-s2``, ``avg-s2`` 3x3 pooling (s 1 or 2)
``skip1``              adds the output of an earlier layer, jumping over 1, 2 or 3 layers: x(t) = x(t-1) + fit(x(t-1-d)),
                       x(0) being the stem's. ``fit`` has no parameters: it drops rows and columns where the image is
                       larger, and drops channels or adds zeros (Real et al., section 3.1)
``end``                no layer; only more of it may follow
=====================  ===========================================================================================

At most three layers halve the image. No table of the paper's own networks was published; the layer types are the paper's,
the hyper-parameters are ours.

The chain and all its prefixes are one experiment, so two genotypes are one function only if all their prefixes are: that
leaves nothing to rewrite but ``end`` in the middle, which is no layer and is taken out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import WarmnasError
from .base import CellGraph, FloatArray, Gene, Genotypes, IntArray, SearchSpace, UniformSource

if TYPE_CHECKING:
    from torch import nn

    from .chain_layers import ChainLayers

DEPTH, HALVINGS = 8, 3
KERNELS, WIDTHS, STRIDES, DISTANCES = (1, 3, 5), (1, 2, 4), (1, 2), (1, 2, 3)
KINDS = ("conv", "res", "max", "avg", "skip", "end")
CONV, RESIDUAL, MAX, AVERAGE, SKIP, NO_LAYER = range(6)


class Layer(NamedTuple):
    """What a gene says; 0 where a kind of layer has no such hyper-parameter."""

    kind: int
    kernel: int = 0
    width: int = 0
    stride: int = 0
    distance: int = 0

    def __str__(self) -> str:
        name = KINDS[self.kind] + (f"{self.kernel}x{self.kernel}" if self.kind == CONV else "")
        name += f"-w{self.width}" if self.width else ""
        return name + (f"-s{self.stride}" if self.stride else "") + (str(self.distance) if self.distance else "")


LAYERS: tuple[Layer, ...] = (
    *(Layer(CONV, k, w, s) for k in KERNELS for w in WIDTHS for s in STRIDES),
    *(Layer(RESIDUAL, 3, w, s) for w in WIDTHS for s in STRIDES),
    *(Layer(kind, 3, 0, s) for kind in (MAX, AVERAGE) for s in STRIDES),
    *(Layer(SKIP, distance=d) for d in DISTANCES),
    Layer(NO_LAYER),
)
END = len(LAYERS) - 1  # the last, so that chains without holes come first in the order of the index
LAYER_NAMES = tuple(map(str, LAYERS))
# A column per field of Layer, a row per gene's value.
KIND, KERNEL, WIDTH, STRIDE, DISTANCE = np.array(LAYERS, dtype=np.int64).T


class ChainSpace(SearchSpace):
    """Eight genes, 31 layers and ``end``; see the module's head."""

    name = "chain"
    genes = tuple(Gene(f"layer {place}", LAYER_NAMES) for place in range(1, DEPTH + 1))
    encodings = ("one-hot", "tokens", "layers")
    layer_features = Layer._fields

    def layer_sequence(self, genotypes: Genotypes) -> IntArray:
        """Kind (from 1, 0 for no layer) and hyper-parameters of every layer: (..., genes) -> (..., genes, 5)."""
        kinds = np.where(KIND == NO_LAYER, 0, KIND + 1)
        table = np.stack([kinds, KERNEL, WIDTH, STRIDE, DISTANCE], axis=-1)
        return table.take(np.asarray(genotypes), axis=0)

    def depth(self, genotypes: Genotypes) -> IntArray:
        """Number of layers: (..., genes) -> (...,)."""
        depth: IntArray = (np.asarray(genotypes) != END).sum(axis=-1)
        return depth

    def prefix(self, genotypes: Genotypes, layers: int) -> Genotypes:
        """The first so many layers of each: (..., genes) -> (..., genes)."""
        kept = np.array(genotypes, dtype=np.int8)
        kept[..., layers:] = END
        return kept

    def valid(self, genotypes: Genotypes) -> npt.NDArray[np.bool_]:
        """A layer at least, no hole, at most three halvings, and skips that begin at the stem or later."""
        array = np.asarray(genotypes)
        whole = ((array[..., :-1] != END) | (array[..., 1:] == END)).all(axis=-1) & (array[..., 0] != END)
        reached = (DISTANCE[array] <= np.arange(DEPTH)).all(axis=-1)
        valid: npt.NDArray[np.bool_] = whole & reached & ((STRIDE[array] == 2).sum(axis=-1) <= HALVINGS)
        return valid

    def canonical(self, genotypes: Genotypes, level: str = "function") -> Genotypes:
        """The chain without holes (there is one level)."""
        if level != "function":
            raise WarmnasError(f"unknown level '{level}' of function classes. Choices: function.")
        array = np.asarray(genotypes, dtype=np.int8)
        return np.take_along_axis(array, (array == END).argsort(axis=-1, kind="stable"), axis=-1)

    def sample(self, n: int, rng: UniformSource) -> Genotypes:
        """Draw ``n`` chains, shape (n, genes): the depth uniformly, then uniformly among the valid chains of that depth."""
        drawn = np.full((n, DEPTH), END, dtype=np.int8)
        depth = np.zeros(n, dtype=np.int64)
        open_rows = np.arange(n)
        while len(open_rows):
            u = rng.random((n, DEPTH + 1))[open_rows]
            fresh = depth[open_rows] == 0
            depth[open_rows[fresh]] = 1 + (u[fresh, 0] * DEPTH).astype(np.int64)
            there = np.arange(DEPTH) < depth[open_rows, None]
            drawn[open_rows] = np.where(there, u[:, 1:] * END, END).astype(np.int8)
            open_rows = open_rows[~self.valid(drawn[open_rows])]
        return drawn

    def mutate(self, genotypes: Genotypes, rng: UniformSource) -> Genotypes:
        """One mutation of each, of those of Real et al.; see :mod:`.chain_mutations`: (n, genes) -> (n, genes)."""
        from .chain_mutations import mutated

        children = np.array(genotypes, dtype=np.int8)
        n = len(children)
        open_rows = np.arange(n)
        while len(open_rows):
            u = rng.random((n, 3))[open_rows]
            new, possible = mutated(np.asarray(genotypes)[open_rows], u)
            children[open_rows] = new
            open_rows = open_rows[~(possible & self.valid(new))]
        return children

    def layers(
        self, genotypes: Genotypes, shape: tuple[int, int, int], classes: int, width: int = 16, cells: int = 1
    ) -> ChainLayers:
        """Every layer's type, hyper-parameters and size, and what the network costs up to it; see :class:`ChainLayers`."""
        from .chain_layers import describe

        return describe(self._sound(genotypes), shape, classes, width, cells)

    def live_params(self, genotypes: Genotypes, classes: int) -> FloatArray:
        """Parameters of the whole network, all of which are used, at C = 16 and on three channels: (..., 8) -> (...,)."""
        from .chain_layers import total

        return total(self.layers(genotypes, (3, 32, 32), classes).params).astype(np.float64)

    def adjacency(self, genotypes: Genotypes) -> IntArray:
        """Entry [from, to] = layer + 1 between the outputs of layers, 0 the stem's: (..., 8) -> (..., 9, 9)."""
        array = np.asarray(genotypes, dtype=np.int64)
        entries = np.where(array == END, 0, array + 1)
        matrices = np.zeros((*array.shape[:-1], DEPTH + 1, DEPTH + 1), dtype=np.int64)
        for t in range(1, DEPTH + 1):
            matrices[..., t - 1, t] = entries[..., t - 1]
            for d in DISTANCES[: t - 1]:
                skips = DISTANCE[array[..., t - 1]] == d
                matrices[..., t - 1 - d, t] = np.where(skips, entries[..., t - 1], 0)
        return matrices

    def from_adjacency(self, matrices: npt.NDArray[Any]) -> Genotypes:
        """Inverse of :meth:`adjacency`."""
        layers = np.diagonal(matrices, offset=1, axis1=-2, axis2=-1)
        return np.where(layers == 0, END, layers - 1).astype(np.int8)

    def to_string(self, genotype: Genotypes) -> str:
        """``conv3x3-w1-s1,max-s2,skip1``: the layers from the stem on, ``end`` left out at the end."""
        names = [LAYER_NAMES[int(gene)] for gene in genotype]
        while names and names[-1] == LAYER_NAMES[END]:
            names.pop()
        return ",".join(names)

    def from_string(self, text: str) -> Genotypes:
        """From the layers' names with commas between; WarmnasError names what is wrong."""
        names = [name.strip() for name in text.split(",")]
        for name in names:
            if name not in LAYER_NAMES[:END]:
                form = "conv3x3-w1-s1 (kernel 1, 3, 5; w 1, 2, 4; s 1, 2), res-w1-s1, max-s1, avg-s1, skip1 to skip3"
                raise WarmnasError(f"'{text}' is no chain: '{name[:40]}' is not a layer; write {form}, commas between")
        if len(names) > DEPTH:
            raise WarmnasError(f"'{text}' has {len(names)} layers; a chain has at most {DEPTH}")
        genotype = np.full(DEPTH, END, dtype=np.int8)
        genotype[: len(names)] = [LAYER_NAMES.index(name) for name in names]
        return self._sound(genotype)

    def _sound(self, genotypes: Genotypes) -> Genotypes:
        """The genotypes, or a WarmnasError that says what the first that is no chain lacks."""
        array = self.check(genotypes)
        valid = self.valid(array)
        if not valid.all():
            wrong = array[~valid][0] if array.ndim > 1 else array
            text = ",".join(LAYER_NAMES[int(gene)] for gene in wrong)
            raise WarmnasError(
                f"'{text}' is no chain: it needs a layer, none after end, at most {HALVINGS} of stride 2, "
                "and skips over layers that are there"
            )
        return array

    def graph(self, genotype: Genotypes) -> CellGraph:
        """The stem, the layers and the classifier; a skip joins from two sides."""
        depth = int(self.depth(genotype))
        layers = [LAYERS[int(gene)] for gene in genotype[:depth]]
        edges = [(t, t + 1, "" if layer.kind == SKIP else str(layer)) for t, layer in enumerate(layers)]
        joins = [(t - layer.distance, t + 1, "skip") for t, layer in enumerate(layers) if layer.kind == SKIP]
        nodes = ("stem", *(str(t + 1) for t in range(depth)), "out")
        return CellGraph(nodes, (*edges, *joins, (depth, depth + 1, "")))

    def build(self, genotype: Genotypes, shape: tuple[int, int, int], classes: int, **size: int) -> nn.Module:
        """The chain; ``width`` (16) is C, ``cells`` (1) says how often each convolution and residual block stands."""
        from ..networks.chain import ChainNetwork

        unknown = set(size) - {"width", "cells"}
        if unknown:
            raise WarmnasError(f"chain: a network has no {', '.join(sorted(unknown))}; give width and cells")
        width, cells = size.get("width", 16), size.get("cells", 1)
        return ChainNetwork(self._sound(genotype), shape, classes, width, cells)
