"""LCRankNet: the probability that a training will beat the incumbent, learned from trainings on other tasks.

Wistuba & Pedapati, "Learning to rank learning curves", ICML 2020: a training is stopped where p(it ends above the
incumbent) <= delta, the incumbent being seen whole. The network (:mod:`warmnas.transfer.lcranknet`) learns from the source
tasks, and anew from the target whenever the number of trainings begun has doubled; what was stopped is censored there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...bench import FloatArray
from ...surrogates.curves.partial import to_unit
from .extrapolating import Extrapolating
from .history import History
from .stopper import require, stoppers

if TYPE_CHECKING:
    from ...transfer.lcranknet import LCRankNet

FIRST_REFIT = 10  # trainings begun
PERCENT = 100.0


@stoppers("lcrank")
class LCRankStopper(Extrapolating):
    """One comparison with the incumbent per look.

    Args:
        delta: probability of beating the incumbent at which a training is given up.
        grace: epochs before the first look; 0 looks at the architecture alone.
        refit: whether the target's own trainings are learned from; "no" leaves it at the sources.
        steps, members: of the training on the sources.
    """

    front = (0.05, 0.15, 0.25, 0.35, 0.45)

    def __init__(
        self, delta: float = 0.25, grace: int = 1, refit: str = "yes", steps: int = 1000, members: int = 4
    ) -> None:
        require("lcrank: delta", delta, 0, 1)
        require("lcrank: grace", grace, 0)
        require("lcrank: steps", steps, 1)
        require("lcrank: members", members, 1)
        self.delta, self.grace, self.refit, self.steps, self.members = delta, grace, refit, steps, members

    def check_epochs(self, total: int) -> list[int]:
        """From the end of the grace on."""
        return [0] * (self.grace == 0) + [epoch for epoch in super().check_epochs(total) if epoch >= self.grace]

    def learn(self) -> None:
        """Fit the network on the sources, in percent with larger being better."""
        from ...transfer.lcranknet import LCRankNet
        from ...transfer.lcranknet.remembered import fitted

        curves = {s.task: (s.genotypes, self._percent(s.values)) for s in self.setting.sources}
        families = {s.task: s.family or s.task for s in self.setting.sources}  # members leave out whole families
        model = LCRankNet(members=self.members, steps=self.steps)
        self._prior = fitted(model, curves, self.setting.space, self.setting.seed, families)
        self._adapted: dict[bytes, LCRankNet] = {}

    def _percent(self, values: FloatArray) -> FloatArray:
        return PERCENT * to_unit(values, self.setting.metric)

    def p_better(self, history: History, trial: int, best: float) -> float:
        """See :class:`Extrapolating`."""
        genotypes = history.genotype(trial)[None], history.genotype(history.incumbent)[None]
        curves = self._percent(history.values[[trial, history.incumbent]])
        return float(self._model(history, trial).p_better(genotypes[0], curves[:1], genotypes[1], curves[1:])[0])

    def _model(self, history: History, trial: int) -> LCRankNet:
        """What was learned from the sources and from the trainings before the last doubling."""
        if self.refit == "no" or trial < FIRST_REFIT:
            return self._prior
        before = FIRST_REFIT
        while 2 * before <= trial:
            before *= 2
        seen = np.flatnonzero((history.seen[:before] > 0) & ~history.failed[:before] & ~history.running[:before])
        if not history.complete[seen].any():
            return self._prior
        values = self._percent(history.values[seen])
        key = values.tobytes()
        if key not in self._adapted:
            self._adapted = {key: self._prior.copy().adapt(history.genotypes[seen], values, history.complete[seen])}
        return self._adapted[key]
