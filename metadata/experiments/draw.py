"""Which architectures a plan trains: function classes of a space, in a fixed random order.

So a plan that asks for more keeps what it had.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...bench.errors import WarmnasError
from ...bench.spaces import Genotypes, IntArray, SearchSpace

ENUMERATED = 200_000  # spaces up to this size are drawn from by class, larger ones by their own ``sample``
SAMPLED = 20_000  # genotypes of a larger space that one draw chooses from, whatever the plan asks for
CLASSES = 10  # for live-params; its order does not depend on it
UNIFORM, UPPER, OWN = range(3)  # random streams of a plan


@dataclass(frozen=True)
class Draw:
    """How many architectures, and how they are drawn.

    Attributes:
        uniform: drawn uniformly over the function classes; "all" takes every one.
        upper_half: drawn uniformly over the half with the most live-params, none of them twice.
    """

    uniform: int | Literal["all"] = 0
    upper_half: int = 0


def architectures(space: SearchSpace, draw: Draw, seed: int, without: Genotypes | None = None, *stream: int) -> Genotypes:
    """Canonical genotypes of different function classes, shape (n, genes).

    The two kinds alternate in proportion, so that the first ones of the list are a fair part of it.

    Args:
        space: they come from; disconnected cells are left out.
        draw: how many of which kind.
        seed: of the plan.
        without: canonical genotypes not to draw, shape (m, genes).
        stream: numbers that tell this draw from the plan's other ones.

    Raises:
        WarmnasError: where the space has too few classes, or no live-params.
    """
    if draw.uniform == "all" and space.size > ENUMERATED:
        raise WarmnasError(f"{space.name} is too large to train all of it; say how many")
    pool = _in_order(space, False, seed, UNIFORM, *stream)
    taken = space.index(pool[:0] if without is None else without)
    free = _missing(space, pool, taken)
    number = len(free) if draw.uniform == "all" else draw.uniform
    first, second = free[:number], pool[:0]
    if draw.upper_half:
        upper = _missing(space, _in_order(space, True, seed, UPPER, *stream), taken)
        second = _missing(space, upper, space.index(first))[: draw.upper_half]
    if len(first) < number or len(second) < draw.upper_half:
        raise WarmnasError(f"{space.name} has {len(pool)} function classes to draw from, too few for this plan")
    places = np.concatenate([(np.arange(len(part)) + 0.5) / max(len(part), 1) for part in (first, second)])
    return np.concatenate([first, second])[np.argsort(places, kind="stable")]


def _in_order(space: SearchSpace, upper_half: bool, seed: int, *stream: int) -> Genotypes:
    """Canonical genotypes of different classes, in a random order of the stream: the first n are a draw of n."""
    rng = np.random.default_rng([seed, *stream])
    if space.size > ENUMERATED:
        pool = _classes(space, space.sample(SAMPLED, rng))
        return _upper(space, pool) if upper_half else pool
    genotypes = space.all_genotypes()
    pool = _classes(space, genotypes[space.valid(genotypes)])
    pool = _upper(space, pool) if upper_half else pool
    return pool[rng.permutation(len(pool))]


def _classes(space: SearchSpace, genotypes: Genotypes) -> Genotypes:
    """One of each connected class: the canonical genotype, where the first of the class stands."""
    connected = getattr(space, "connected", space.valid)
    canonical = space.canonical(genotypes[connected(genotypes)])
    return canonical[np.sort(np.unique(space.index(canonical), return_index=True)[1])]


def _upper(space: SearchSpace, pool: Genotypes) -> Genotypes:
    """Those whose live-params are above the median."""
    params = space.live_params(pool, CLASSES)
    if params is None:
        raise WarmnasError(f"{space.name} has no live-params, so no upper half to draw from")
    return pool[params > np.median(params)]


def _missing(space: SearchSpace, genotypes: Genotypes, taken: IntArray) -> Genotypes:
    """Those whose index is not taken, in their order."""
    return genotypes[~np.isin(space.index(genotypes), taken)]
