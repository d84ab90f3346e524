"""Sampling: one path, the same in all cells of a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ....bench import Genotypes
from ....bench.networks.mixture import Mixture
from ..method import Sampler

if TYPE_CHECKING:
    from ..state import Search


def connected_genotypes(search: Search, n: int) -> Genotypes:
    """Genotypes drawn uniformly among those whose input reaches the output: (n, genes)."""
    found = search.space.sample(n, search.rng)
    while not (there := search.space.connected(found)).all():
        found[~there] = search.space.sample(int((~there).sum()), search.rng)
    return found


class Uniform(Sampler):
    """Each step one architecture, drawn uniformly (Li & Talwalkar, UAI 2019; Guo et al., ECCV 2020).

    Args:
        joint: whether a step of the architecture's parameters computes DARTS's mixture instead, as SETN does.
    """

    def __init__(self, joint: bool = False) -> None:
        self.joint = joint

    def weights(self, search: Search) -> Mixture:
        """A path of the space; disconnected cells, which have nothing to train, are drawn again."""
        return search.layout.path(connected_genotypes(search, 1)[0])

    def architecture(self, search: Search) -> Mixture:
        """A path, or all operations weighted by softmax(alpha)."""
        if not self.joint:
            return self.weights(search)
        return Mixture(search.open(), tuple(search.probabilities()))


class Categorical(Sampler):
    """One operation per edge, drawn from softmax(alpha): the factorised distribution of PARSEC and ProxylessNAS."""

    def draw(self, search: Search) -> Mixture:
        """A path of all edges."""
        active = []
        for p in search.probabilities():
            rows = p.detach().cpu()
            picked = torch.multinomial(rows.clamp(min=1e-12), 1)[:, 0].tolist()
            active.append(tuple((int(column),) for column in picked))
        return Mixture(tuple(active))

    def weights(self, search: Search) -> Mixture:
        """See :class:`Sampler`."""
        return self.draw(search)
