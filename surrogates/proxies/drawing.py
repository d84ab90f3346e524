"""Architectures to score: connected ones, drawn uniformly or one of every class of functions."""

from __future__ import annotations

import numpy as np

from ...bench import Genotypes, SearchSpace, WarmnasError

ROUNDS = 60  # of drawing as many again as are wanted: all of 15,284 connected cells need about a dozen


def draw_connected(space: SearchSpace, n: int, rng: np.random.Generator) -> Genotypes:
    """``n`` different connected genotypes as the space samples them, in the order of drawing: (n, genes).

    Different as genotypes: some may be the same function. Raises WarmnasError where the space seems to have fewer.
    """
    if n < 1:
        raise WarmnasError(f"a sample of {n} architectures: draw one or more")
    few = f"{space.name} has fewer than {n} connected architectures; draw less"
    if n > space.size:
        raise WarmnasError(few)
    found: dict[int, np.ndarray[tuple[int], np.dtype[np.int8]]] = {}
    for _ in range(ROUNDS):
        drawn = space.sample(n, rng)
        drawn = drawn[space.connected(drawn)]
        for index, genotype in zip(space.index(drawn).tolist(), drawn, strict=True):
            found.setdefault(index, genotype)
        if len(found) >= n:
            return np.stack([*found.values()][:n])
    raise WarmnasError(few)


def connected_classes(space: SearchSpace) -> Genotypes:
    """The first connected genotype of every class of functions, in index order: (classes, genes).

    Raises WarmnasError where the space is too large to be listed.
    """
    listed = space.all_genotypes()
    listed = listed[space.valid(listed)]
    listed = listed[space.connected(listed)]
    _, first = np.unique(space.class_keys(listed), return_index=True)
    return listed[np.sort(first)]
