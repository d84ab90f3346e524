"""Reading: the strongest operations of the architecture's parameters, without a look at accuracies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ....bench import FloatArray, Genotypes
from ....bench.networks.supernets import NONE, SKIP
from ..method import ReadOut

if TYPE_CHECKING:
    from ..state import Search


class ArgMax(ReadOut):
    """What the sampler scores highest, by the space's rule: ``none`` counts in NAS-Bench-201, and not in DARTS."""

    def read(self, search: Search) -> Genotypes:
        """See :class:`ReadOut`."""
        return search.layout.read(barred(search, search.method.sampler.scores(search)))


class Threshold(ReadOut):
    """FairDARTS (section 4.2): the best operation of an edge stays where its score is at least ``least``, else ``none``.

    Nodes of a DARTS cell keep two edges, the best ones, in any case: the space knows no others. A cell that the threshold
    disconnects is read by the highest scores alone.
    """

    def __init__(self, least: float = 0.85) -> None:
        self.least = least

    def read(self, search: Search) -> Genotypes:
        """See :class:`ReadOut`."""
        scores = barred(search, search.method.sampler.scores(search))
        whole = search.layout.read(scores)
        if search.layout.kept is not None:
            return whole
        for array, places in zip(scores, search.layout.column_of(NONE), strict=True):
            weak = (array.max(axis=1) < self.least) & (places >= 0)
            array[weak, places[weak]] = np.inf
        found = search.layout.read(scores)
        return found if bool(search.space.connected(found)) else whole


class FewSkips(ReadOut):
    """P-DARTS (Chen et al., ICCV 2019, section 3.3.2): the weakest skip is taken out again and again until few are left.

    Operations named in ``without`` are not read where an edge has others.
    """

    def __init__(self, most: int = 2, without: tuple[str, ...] = ()) -> None:
        self.most, self.without = most, without

    def read(self, search: Search) -> Genotypes:
        """See :class:`ReadOut`; the first kind of cell (the normal one) is bounded."""
        scores = barred(search, search.method.sampler.scores(search))
        for name in self.without:
            for array, places in zip(scores, search.layout.column_of(name), strict=True):
                others = (array >= 0).sum(axis=1) > 1
                array[others & (places >= 0), places[others & (places >= 0)]] = -0.5
        column = search.layout.column_of(SKIP)[0]
        while True:
            found = search.layout.read(scores)
            chosen = np.flatnonzero((search.layout.columns(found)[0] == column) & (column >= 0))
            if len(chosen) <= self.most:
                return found
            weakest = chosen[np.argmin(scores[0][chosen, column[chosen]])]
            scores[0][weakest, column[weakest]] = -1.0


def barred(search: Search, scores: list[FloatArray]) -> list[FloatArray]:
    """Copies in which what is no longer allowed can not be the highest; a row that allows nothing is lowest of all."""
    found = []
    for array, mask in zip(scores, search.allowed, strict=True):
        found.append(np.where(mask.cpu().numpy(), array, -1.0 - (~mask.any(dim=1)).cpu().numpy()[:, None]))
    return found
