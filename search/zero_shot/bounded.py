"""The best proxy under a bound on what the network costs, by evolution (Zen-NAS, Lin et al., ICCV 2021, algorithm 2).

A population is filled with drawn architectures within the bound. In each round children of drawn members, one mutation
each, are measured if they are within the bound and of a function not seen yet, and the worst by the proxy leave. Where no
child is new, architectures are drawn. Nothing is trained.

Where a proxy ranks relative to the other candidates (AZ-NAS, TE-NAS) these are all that the search has measured, ranked
anew in each round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...bench import FloatArray, Genotypes, IntArray, SearchSpace, WarmnasError
from ...surrogates.proxies import Inputs, Memory, ProbeRecipe, Proxy, Scores, make_proxies, score
from ..hypervolume import on_front
from .costs import Cost

TRIES = 100  # rounds of drawing without a candidate within the bound, or of mutation without a new one


@dataclass(frozen=True)
class Found:
    """What a search measured, the best first.

    Attributes:
        genotypes: (candidates, genes); ``scores`` and ``costs``: (candidates,).
    """

    genotypes: Genotypes
    scores: FloatArray
    costs: FloatArray


def search_within(
    space: SearchSpace,
    proxy: str,
    inputs: Inputs,
    recipe: ProbeRecipe,
    cost: Cost,
    bound: float,
    evaluations: int = 500,
    population: int = 64,
    memory: Memory | None = None,
    report: Callable[[int], None] | None = None,
) -> Found:
    """Search with ``evaluations`` measurements of the proxy among architectures that cost at most ``bound``.

    The seed is the recipe's. Raises WarmnasError where no architecture within the bound was found.
    """
    if evaluations < 1 or population < 2:
        raise WarmnasError("zero-shot search: evaluations from 1 and a population from 2")
    (judge,), rng = make_proxies([proxy]), np.random.default_rng([recipe.seed, 1])
    kept = memory or Memory(None)

    def measured(genotypes: Genotypes) -> Scores:
        return score(space, genotypes, [proxy], inputs, recipe, kept, report)

    pool = _first(space, cost, bound, min(population, evaluations), rng)
    parts = measured(pool).parts[proxy]
    seen = set(space.class_keys(pool).tolist())
    tries = 0
    while len(pool) < evaluations and tries < TRIES:
        alive = np.argsort(-_ranked(judge, parts), kind="stable")[:population]
        parents = pool[alive[rng.integers(len(alive), size=population)]]
        children = _new(space, space.mutate(parents, rng), cost, bound, seen)
        if not len(children):  # the population's surroundings are known: draw anew
            children = _new(space, space.sample(population, rng), cost, bound, seen)
        children = children[: evaluations - len(pool)]
        tries = 0 if len(children) else tries + 1
        if len(children):
            pool = np.concatenate([pool, children])
            parts = np.concatenate([parts, measured(children).parts[proxy]])
    scores = _ranked(judge, parts)
    order = np.argsort(-scores, kind="stable")
    return Found(pool[order], scores[order], cost(pool)[order])


def _ranked(judge: Proxy, parts: FloatArray) -> FloatArray:
    """Scores of the pool among itself, from (candidates, inits, parts)."""
    means = parts.mean(axis=1)
    return np.where(np.isneginf(means).all(axis=1), -np.inf, judge.combine(means))


def _first(space: SearchSpace, cost: Cost, bound: float, n: int, rng: np.random.Generator) -> Genotypes:
    """Up to ``n`` different functions within the bound, drawn: (n, genes)."""
    found = np.empty((0, len(space.genes)), dtype=np.int8)
    seen: set[int] = set()
    cheapest = np.inf
    for _ in range(TRIES):
        drawn = space.sample(n, rng)
        cheapest = min(cheapest, float(cost(drawn).min()))
        found = np.concatenate([found, _new(space, drawn, cost, bound, seen)])
        if len(found) >= n:
            return found[:n]
    if not len(found):
        raise WarmnasError(f"zero-shot search: nothing within {bound:g}; the cheapest of those drawn costs {cheapest:g}")
    return found


def _new(space: SearchSpace, genotypes: Genotypes, cost: Cost, bound: float, seen: set[int]) -> Genotypes:
    """Those that are connected, within the bound and of a function that is not in ``seen``, which grows."""
    within = genotypes[space.connected(genotypes)]
    within = within[cost(within) <= bound] if len(within) else within
    rows = []
    for row, key in enumerate(space.class_keys(within).tolist() if len(within) else []):
        if key not in seen:
            seen.add(key)
            rows.append(row)
    return within[rows]


def pareto(values: FloatArray, costs: FloatArray) -> IntArray:
    """Rows that no other is at least as good and at most as dear as, and better in one: cheapest first, (k,).

    Larger values and smaller costs are better; of equal pairs the first stands.
    """
    front = np.flatnonzero(on_front(values, costs))
    cheapest: IntArray = front[np.argsort(costs[front], kind="stable")]
    return cheapest


def proxy_front(scores: Scores, proxy: str, costs: FloatArray, bins: int = 5) -> IntArray:
    """The best by a proxy in each of ``bins`` classes of cost with equally many candidates: rows, cheapest first.

    What a search without training can offer where the bound is not known yet. A proxy that ranks relative to the candidates
    ranks those of a class among themselves. Candidates of unknown cost are left out.
    """
    known = np.flatnonzero(np.isfinite(costs))
    parts = np.array_split(known[np.argsort(costs[known], kind="stable")], bins)
    rows = [part[int(np.argmax(scores.of(proxy, part)))] for part in parts if len(part)]
    return np.array(rows, dtype=np.int64)
