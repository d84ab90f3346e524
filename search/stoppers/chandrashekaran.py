"""Chandrashekaran & Lane 2017: earlier builds' curves, moved and stretched onto the new one, say how it goes on.

"Speeding up hyper-parameter optimization by extrapolation of learning curves using previous builds", ECML-PKDD 2017, with
the stopping rule of Domhan et al. The extrapolation is that of :mod:`warmnas.surrogates.curves.chandrashekaran`; the builds
are whole trainings of the same search, so that their time is paid.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...bench import FloatArray, IntArray
from ...surrogates.curves.chandrashekaran import ASKED, FEWEST_BUILDS, STRETCHES, lines, nearest
from ...surrogates.curves.partial import to_unit
from .builds import FromBuilds
from .extrapolating import Mixture, on_unit
from .history import History
from .stopper import stoppers


class Library(NamedTuple):
    """Earlier builds at every stretch, and what they err by when they predict each other.

    Attributes:
        moved: values on [0, 1] at the epochs seen and at the last one, (stretches x builds, seen + 1).
        builds: how many.
        slip: root mean squared error of the builds' ends.
    """

    moved: FloatArray
    builds: int
    slip: float = 0.0

    def ends(self, targets: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Where each build says that curves (curves, seen) end, at its best stretch, and its error: (curves, builds)."""
        ends, errors = (part.reshape(len(targets), -1, self.builds) for part in lines(targets, self.moved))
        best = errors.argmin(axis=1)[:, None]
        ends, errors = (np.take_along_axis(part, best, axis=1)[:, 0] for part in (ends, errors))
        return np.clip(ends, 0, 1), errors


def stretched(whole: FloatArray, seen: int) -> FloatArray:
    """Curves (builds, epochs) at b, 2 b, ..., seen b and b times the last epoch, for every stretch b."""
    last = whole.shape[1] - 1
    asked = np.concatenate([np.arange(1, seen + 1), [last + 1]])
    at = np.clip(np.array(STRETCHES)[:, None] * asked, 1, last + 1) - 1
    low = np.minimum(at.astype(np.int64), max(last - 1, 0))
    part = at - low
    moved = whole[:, low] * (1 - part) + whole[:, np.minimum(low + 1, last)] * part
    by_stretch: FloatArray = np.swapaxes(moved, 0, 1)
    return by_stretch.reshape(-1, seen + 1)


@stoppers("chandrashekaran")
class ChandrashekaranStopper(FromBuilds[Library]):
    """Regression on the curves of earlier builds.

    Args:
        delta: probability of beating the incumbent at which a training is given up.
        builds: candidates that are trained to the end first.
        neighbours: builds that are averaged.
    """

    fewest = FEWEST_BUILDS

    def __init__(self, delta: float = 0.05, builds: int = 10, neighbours: int = 5) -> None:
        super().__init__(delta, builds)
        self.neighbours = neighbours

    def learn_at(self, history: History, library: IntArray, seen: int) -> Library:
        """See :class:`FromBuilds`."""
        whole = to_unit(history.values[library], history.metric)
        learned = Library(stretched(whole, seen), len(whole))
        asked = np.unique(np.linspace(0, len(whole) - 1, min(ASKED, len(whole))).astype(int))
        ends, errors = learned.ends(whole[asked, :seen])
        errors[np.arange(len(asked)), asked] = np.inf  # a build does not predict itself
        _, guess, _ = nearest(ends, errors, min(self.neighbours, len(whole) - 1))
        return learned._replace(slip=float(np.sqrt(np.mean((guess.mean(axis=1) - whole[asked, -1]) ** 2))))

    def p_of(self, learned: Library, history: History, trial: int, best: float) -> float:
        """See :class:`FromBuilds`."""
        seen = int(history.seen[trial])
        ends, errors = learned.ends(to_unit(history.values[trial, :seen], history.metric)[None])
        count = min(self.neighbours, learned.builds - 1)
        weights, places, error = (part[0] for part in nearest(ends, errors, count))
        stds = np.clip(np.sqrt(error**2 + learned.slip**2), 1e-4, 1)
        mixture = Mixture(weights / weights.sum(), np.clip(places, 0, 1), stds)
        return mixture.above(on_unit(best, history.metric))
