"""Reading: candidates that the supernet evaluates, the best of which is the answer.

All candidates of a comparison see the same images: the authors' codes advance the loader between candidates, which adds the
batches' own luck to the ranking.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ....bench import FloatArray, Genotypes
from ....bench.spaces.base import ENUMERABLE
from ..method import ReadOut
from .controller import Controlled
from .paths import connected_genotypes

if TYPE_CHECKING:
    from ..state import Search

Draw = Callable[["Search"], Genotypes]


class BestOf(ReadOut):
    """Score candidates on the first images of the architecture's half, the best of them on all of it.

    Args:
        draw: gives the candidates, (n, genes).
        first: images of the first look; None: all of them at once.
        keep: candidates of the second look.
    """

    def __init__(self, draw: Draw, first: int | None = None, keep: int = 10) -> None:
        self.draw, self.first, self.keep = draw, first, keep

    def read(self, search: Search) -> Genotypes:
        """See :class:`ReadOut`; functions are evaluated once."""
        candidates = distinct(search, self.draw(search))
        if self.first is not None and len(candidates) > self.keep:
            candidates = candidates[best(accuracies(search, candidates, self.first), self.keep)]
        return np.asarray(candidates[best(accuracies(search, candidates), 1)[0]])


def accuracies(search: Search, genotypes: Genotypes, limit: int | None = None) -> FloatArray:
    """Percent right of each, (n,)."""
    return np.array([search.path_accuracy(genotype, limit) for genotype in genotypes])


def best(values: FloatArray, n: int) -> np.ndarray:
    """Places of the ``n`` highest, best first; of equals the earlier."""
    return np.argsort(-values, kind="stable")[:n]


def distinct(search: Search, genotypes: Genotypes) -> Genotypes:
    """The first of every function class, in the order given."""
    _, first = np.unique(search.space.class_keys(genotypes), return_index=True)
    return genotypes[np.sort(first)]


def random_genotypes(n: int, skips: int | None = None) -> Draw:
    """Uniform among connected ones, or among those with at most so many skips."""

    def draw(search: Search) -> Genotypes:
        found = connected_genotypes(search, n)
        if skips is None:
            return found
        while len(few := [g for g in found if search.layout.skips(g) <= skips]) < n:
            found = np.concatenate([few, connected_genotypes(search, n)]) if few else connected_genotypes(search, n)
        return np.stack(few[:n])

    return draw


def of_controller(n: int) -> Draw:
    """From the controller, connected ones; uniform ones if it gives none."""

    def draw(search: Search) -> Genotypes:
        assert isinstance(search.method.sampler, Controlled)
        drawn = search.method.sampler.draw(n)
        there = search.space.valid(drawn) & search.space.connected(drawn)
        return drawn[there] if there.any() else connected_genotypes(search, 1)

    return draw


def most_probable(n: int, of: int = 2000) -> Draw:
    """The ``n`` that the scores, taken for probabilities of independent edges, make most probable (SETN).

    Among all connected genotypes where the space can be listed, else among ``of`` uniform ones.
    """

    def draw(search: Search) -> Genotypes:
        listed = search.space.size <= ENUMERABLE
        known = search.space.all_genotypes() if listed else connected_genotypes(search, of)
        known = known[search.space.connected(known)]
        columns = search.layout.columns(known)
        total = np.zeros(len(known))
        for kind, scores in enumerate(search.method.sampler.scores(search)):
            logs = np.log(np.maximum(scores, 1e-20))
            for edge in range(columns.shape[-1]):
                chosen = columns[:, kind, edge]
                total += np.where(chosen >= 0, logs[edge, chosen], 0.0)
        return np.asarray(known[best(total, n)])

    return draw
