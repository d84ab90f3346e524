"""Mutations of a chain, those of Real et al. (Large-Scale Evolution of Image Classifiers, ICML 2017, section 3.2).

One of seven is chosen uniformly, and drawn again where it cannot be done: insert a layer (the paper's INSERT-CONVOLUTION
and INSERT-ONE-TO-ONE; here convolution, residual block or pooling), remove one, alter a stride, a kernel (FILTER-SIZE) or a
number of channels, add a skip, remove one. The paper's other three (learning rate, weights, identity) change no
architecture.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .base import FloatArray, Genotypes, IntArray
from .chain import DEPTH, DISTANCES, END, KIND, LAYERS, SKIP

Bools = npt.NDArray[np.bool_]
Mutation = Callable[[Genotypes, FloatArray, FloatArray], tuple[Genotypes, Bools]]
FIRST_SKIP = LAYERS.index(next(layer for layer in LAYERS if layer.kind == SKIP))
PLACES = np.arange(DEPTH)


def mutated(genotypes: Genotypes, u: FloatArray) -> tuple[Genotypes, Bools]:
    """Children, and whether the drawn mutation could be done: (n, genes), (n, 3) -> (n, genes), (n,).

    Some children are not valid.
    """
    kind = (u[:, 0] * len(MUTATIONS)).astype(np.int64)
    children, possible = genotypes.copy(), np.zeros(len(genotypes), dtype=bool)
    for number, mutation in enumerate(MUTATIONS):
        rows = np.flatnonzero(kind == number)
        children[rows], possible[rows] = mutation(genotypes[rows], u[rows, 1], u[rows, 2])
    return children, possible


def _chosen(eligible: Bools, u: FloatArray) -> IntArray:
    """A uniform place among the eligible ones: (n, genes), (n,) -> (n,); 0 where there is none."""
    rank = (u * eligible.sum(axis=1)).astype(np.int64)
    place: IntArray = (eligible & (eligible.cumsum(axis=1) == rank[:, None] + 1)).argmax(axis=1)
    return place


def _insert(first: int, number: int) -> Mutation:
    """Put one of ``number`` layers, from ``first`` on, before any layer or at the end."""

    def mutation(genotypes: Genotypes, u: FloatArray, v: FloatArray) -> tuple[Genotypes, Bools]:
        depth = (genotypes != END).sum(axis=1)
        place = (u * (depth + 1)).astype(np.int64)[:, None]
        shifted = np.roll(genotypes, 1, axis=1)
        layer = (first + v * number).astype(np.int8)[:, None]
        children = np.select([place > PLACES, place == PLACES], [genotypes, layer], shifted)
        return children, np.asarray(depth < DEPTH)

    return mutation


def _remove(skips: bool) -> Mutation:
    """Take out a skip, or another layer."""

    def mutation(genotypes: Genotypes, u: FloatArray, v: FloatArray) -> tuple[Genotypes, Bools]:
        eligible = ((KIND[genotypes] == SKIP) == skips) & (genotypes != END)
        place = _chosen(eligible, u)[:, None]
        shifted = np.roll(genotypes, -1, axis=1)
        shifted[:, -1] = END
        return np.where(place > PLACES, genotypes, shifted), np.asarray(eligible.any(axis=1))

    return mutation


def _alter(field: str) -> Mutation:
    """Give a layer another value of a hyper-parameter."""
    without = [layer._replace(**{field: 0}) for layer in LAYERS]
    others = [[i for i, other in enumerate(without) if other == same and i != own] for own, same in enumerate(without)]
    number = np.array([len(found) for found in others])
    table = np.array([found + [0] * (number.max() - len(found)) for found in others], dtype=np.int8)

    def mutation(genotypes: Genotypes, u: FloatArray, v: FloatArray) -> tuple[Genotypes, Bools]:
        eligible = number[genotypes] > 0
        place = _chosen(eligible, u)[:, None]
        old = np.take_along_axis(genotypes, place, axis=1)[:, 0]
        new = table[old, (v * number[old]).astype(np.int64)]
        return np.where(place == PLACES, new[:, None], genotypes), np.asarray(eligible.any(axis=1))

    return mutation


MUTATIONS: tuple[Mutation, ...] = (
    _insert(0, FIRST_SKIP),
    _remove(skips=False),
    _alter("stride"),
    _alter("kernel"),
    _alter("width"),
    _insert(FIRST_SKIP, len(DISTANCES)),
    _remove(skips=True),
)
