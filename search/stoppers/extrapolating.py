"""The rule of all methods that extrapolate: stop what will hardly beat the incumbent.

A training is stopped as soon as p(its final value is better than the incumbent's) <= delta (Domhan et al. 2015, section 4).
"""

from __future__ import annotations

import time
from abc import abstractmethod
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from ...bench import FloatArray, Metric
from ...surrogates.curves import CurveModel, Curves, NormalMixture
from ...surrogates.curves.partial import to_unit
from .history import History
from .stopper import Stopper


class Extrapolating(Stopper):
    """A method fills in :meth:`p_better`.

    Attributes:
        delta: probability of beating the incumbent at which a training is given up.
    """

    knob, front = "delta", (0.01, 0.05, 0.15, 0.3, 0.45)
    delta: float = 0.05

    def goes_on(self, history: History, trial: int) -> bool:
        """See :class:`Stopper`."""
        return history.best is None or self.p_better(history, trial, history.best) > self.delta

    @abstractmethod
    def p_better(self, history: History, trial: int, best: float) -> float:
        """Probability that a training ends better than ``best``, in the metric's unit."""


def on_unit(value: float, metric: Metric) -> float:
    """One value in the metric's unit on [0, 1], larger being better."""
    return float(to_unit(np.array([value]), metric)[0])


class Mixture(NamedTuple):
    """One curve's mixture of normals truncated to [0, 1], as :class:`NormalMixture` has it; arrays (normals,)."""

    weights: FloatArray
    locations: FloatArray
    stds: FloatArray

    def above(self, u: float) -> float:
        """P(final > u) for u in [0, 1]."""
        low = ndtr(-self.locations / self.stds)
        mass = ndtr((1 - self.locations) / self.stds) - low
        part = (ndtr((u - self.locations) / self.stds) - low) / mass
        return float(1 - np.clip(self.weights @ part, 0, 1))


def rows_of(mixture: NormalMixture) -> list[Mixture]:
    """One for each curve."""
    return [Mixture(*row) for row in zip(mixture.weights, mixture.locations, mixture.stds, strict=True)]


class SingleCurve(Extrapolating):
    """A curve model that looks at one curve at a time and at nothing else; what it said of a prefix is remembered.

    A method sets ``model`` in ``__init__``.
    """

    model: CurveModel

    def learn(self) -> None:
        """Nothing is known yet."""
        self._known: dict[bytes, Mixture] = {}
        self._cost: dict[int, float] = {}
        self._saved = 0.0

    def p_better(self, history: History, trial: int, best: float) -> float:
        """See :class:`Extrapolating`."""
        seen = int(history.seen[trial])
        key = history.values[trial, :seen].tobytes()
        if key in self._known:
            self._saved += self._cost.get(seen, 0.0)
        else:
            self._known[key] = rows_of(self._predict(history.curves([trial]).until(seen)))[0]
        return self._known[key].above(on_unit(best, history.metric))

    def _predict(self, curves: Curves) -> NormalMixture:
        return self.model.final_values(curves).mixture

    def foresee(self, values: FloatArray) -> None:
        """See :class:`Stopper`."""
        whole = Curves(values, self.setting.metric, trusted=True)
        for seen in sorted(self.checks):
            start = time.process_time()
            mixtures = rows_of(self._predict(whole.until(seen)))
            self._cost[seen] = (time.process_time() - start) / len(values)
            self._known.update((line[:seen].tobytes(), mixture) for line, mixture in zip(values, mixtures, strict=True))

    def saved_seconds(self) -> float:
        """See :class:`Stopper`."""
        saved, self._saved = self._saved, 0.0
        return saved
