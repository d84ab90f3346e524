"""TAPAS (Istrate et al., AAAI 2019) on a table of chains: nothing is trained on the target until the best few are.

TAP (:mod:`warmnas.surrogates.predictors.tap`) learns from the prefixes of the chains that a run drew of its sources; for
the target it needs the DCN alone. The fitness is mean - kappa * deviation. Where there are no more than ``predictions``
candidates all are judged; else they come from the evolution of :func:`warmnas.search.tapas.evolve`, which judges so many.
They are evaluated in the order of their fitness, and no result changes it.

The DCN comes from trainings of a landmark network on the target, one per seed. A table holds it, but a search would have to
train them: they are the first evaluations of the budget, without a result. (A search on images charges all landmarks,
``TapasResult.trainings``.) Without sources no DCN is needed, and the order is random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...bench import IntArray, WarmnasError
from ...metadata.descriptors import SEEDS
from ..optimizer import OrderOptimizer, optimizers
from ..problem import Problem

if TYPE_CHECKING:
    from ...surrogates.predictors.tap import TAP
    from ..chains import Chains


@optimizers("tapas")
class TapasSearch(OrderOptimizer):
    """A fixed order by predicted accuracy.

    Args:
        problem: what is searched; of chains, with DCNs.
        kappa: deviations that are subtracted.
        predictions: candidates that are judged at most.
        members, epochs: of TAP.

    Raises:
        WarmnasError: where the space is no list of layers, or the table has no DCNs.
    """

    together = 4

    def __init__(
        self, problem: Problem, kappa: float = 1.0, predictions: int = 20_000, members: int = 3, epochs: int = 60
    ) -> None:
        super().__init__(problem)
        if problem.chains is None:
            raise WarmnasError(
                "tapas needs chains of layers that were trained one by one, and the DCN of every task; take the table "
                "chains-v1, or one of your own from warmnas metadata export --describe"
            )
        if predictions < 4 or members < 1 or epochs < 1:
            raise ValueError(f"predictions {predictions}, members {members} or epochs {epochs} is too small")
        self.chains: Chains = problem.chains
        if self.chains.sources:
            self.charged = len(SEEDS)
        self.kappa, self.predictions, self.members, self.epochs = kappa, predictions, members, epochs

    def order(self) -> IntArray:
        """Candidates by fitness, (runs, budget)."""
        rows = self.first_random(self.problem.budget)
        if self.chains.sources:
            for run in range(len(self.runs)):
                best = self._best(self._fitted(run), self.streams.own(run))
                rest = rows[run, ~np.isin(rows[run], best)]
                rows[run] = np.concatenate([best, rest])[: self.problem.budget]
        return rows

    def _fitted(self, run: int) -> TAP:
        """TAP of what one run drew of its sources."""
        from ...surrogates.predictors.tap import TAP
        from ..chains import together

        space = self.problem.candidates.space
        drawn = []
        # The opinion of a fitted model (--model) comes last among the sources, and has no prefixes.
        for source, known in zip(self.problem.sources, self.chains.sources, strict=False):
            measured = source.genotypes[run][np.isfinite(source.values[run])]
            drawn.append(known.drawn(space.index(measured), space.index(known.genotypes)))
        seed = int(self.streams.own(run).integers(2**31))
        model = TAP(space, seed=seed, members=self.members, epochs=self.epochs)
        return model.fit_experiments(together(drawn), self.chains.dcn, self.chains.images)

    def _best(self, model: TAP, rng: np.random.Generator) -> IntArray:
        """The best candidates, at most the budget, none twice."""
        candidates, budget = self.problem.candidates, self.problem.budget
        if len(candidates) <= self.predictions:
            mean, deviation = model.predict(candidates.genotypes, return_std=True)
            return np.argsort(-(mean - self.kappa * deviation), kind="stable")[:budget]
        from ..tapas import evolve

        population = min(1000, self.predictions // 4 * 2)
        found = evolve(model, rng, self.predictions, population, self.kappa, keep=4 * budget)
        rows = candidates.rows(found.genotypes)
        rows = rows[rows >= 0]
        _, first = np.unique(rows, return_index=True)
        best: IntArray = rows[np.sort(first)][:budget]
        return best
