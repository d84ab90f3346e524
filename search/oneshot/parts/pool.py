"""Sampling, update and reading of NAO with weight sharing.

(Luo et al., Neural architecture optimization, NeurIPS 2018, section 3.3.) A pool of architectures shares the supernet's
weights; each step trains one of them. Round by round the pool is evaluated on the architecture's half, NAO's encoder,
predictor and decoder learn from it, and the best architectures, moved along the predictor's gradient and decoded, take
the places of the worst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....bench import Genotypes
from ....bench.networks.mixture import Mixture
from ....surrogates.nao import NAO
from ..method import ReadOut, Sampler, Update
from .candidates import accuracies, best, distinct
from .paths import connected_genotypes

if TYPE_CHECKING:
    from ..state import Search

LENGTHS = (1.0, 3.0, 10.0)  # of the moves of a code


class Pool(Sampler):
    """``size`` architectures, at first drawn uniformly."""

    def __init__(self, size: int) -> None:
        self.size = size

    def start(self, search: Search) -> None:
        """Draw the first pool."""
        self.genotypes = connected_genotypes(search, self.size)

    def weights(self, search: Search) -> Mixture:
        """A member, drawn uniformly."""
        return search.layout.path(self.genotypes[search.rng.integers(len(self.genotypes))])

    def state(self) -> dict[str, Any]:
        """The members."""
        return {"genotypes": self.genotypes.tolist()}

    def load(self, state: dict[str, Any]) -> None:
        """See :meth:`state`."""
        self.genotypes = np.array(state["genotypes"], dtype=np.int8)


class Optimize(Update):
    """``rounds`` of evaluation and optimisation; ``seeds`` architectures are improved, ``steps`` train NAO's networks."""

    def __init__(self, rounds: int, seeds: int, steps: int) -> None:
        self.rounds, self.seeds, self.steps = rounds, seeds, steps

    def epoch(self, search: Search) -> None:
        """A round, where one is due."""
        n = min(self.rounds, search.settings.epochs)
        if search.epoch not in {round(search.settings.epochs * (i + 1) / n) for i in range(n)}:
            return
        pool = search.method.sampler
        assert isinstance(pool, Pool)
        values = accuracies(search, pool.genotypes)
        order = best(values, len(values))
        nao = NAO(search.space, 1, search.rng)
        nao.fit(pool.genotypes[None], values[None], self.steps)
        improved = nao.improve(pool.genotypes[order[: self.seeds]][None], LENGTHS)[0]
        fresh = self._fresh(search, improved, pool.genotypes[order])
        kept = max(len(order) - len(fresh), 1)
        pool.genotypes = np.concatenate([pool.genotypes[order[:kept]], fresh])
        search.notes["pool"] = float(values.mean())

    def _fresh(self, search: Search, improved: Genotypes, known: Genotypes) -> Genotypes:
        """Connected architectures that are not in the pool, no function twice, at most half a pool."""
        there = improved[search.space.valid(improved) & search.space.connected(improved)]
        both = distinct(search, np.concatenate([known, there]))
        old = set(search.space.class_keys(known).tolist())
        new = [genotype for genotype in both if int(search.space.class_keys(genotype[None])[0]) not in old]
        return np.array(new[: len(known) // 2], dtype=np.int8).reshape(-1, known.shape[1])


class BestOfPool(ReadOut):
    """The member with the best accuracy on the architecture's half."""

    def read(self, search: Search) -> Genotypes:
        """See :class:`ReadOut`."""
        pool = search.method.sampler
        assert isinstance(pool, Pool)
        return np.asarray(pool.genotypes[best(accuracies(search, pool.genotypes), 1)[0]])
