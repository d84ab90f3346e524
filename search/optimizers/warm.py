"""warm: a search that starts where earlier tasks point and lets the evidence decide how far to follow them.

1. The first evaluations are those of the best mean rank on the sources; the less the sources agree, the more these differ.
2. Then a Gaussian process says where the expected improvement is largest. Its kernel joins source scores, features with
   variances learned on the sources, and none of that, weighted by marginal likelihood (:mod:`warmnas.transfer.warm`).

Without sources the first evaluations are random, and the process has features and Hamming distances only.
"""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...bench import FloatArray, Genotypes, IntArray, WarmnasError
from ..optimizer import CandidateOptimizer, optimizers
from ..problem import Problem

if TYPE_CHECKING:
    from ...transfer.warm import WarmSurrogate

LISTED = 1024  # places of the sources' order that are kept: more than is evaluated before the first result


@optimizers("warm")
class Warm(CandidateOptimizer):
    """Transfer with a guard; see the module's head.

    Args:
        problem: what is searched.
        initial: evaluations before the model proposes.
    """

    together = 30

    def __init__(self, problem: Problem, initial: int = 5) -> None:
        super().__init__(problem)
        self._initial = max(initial, 1)
        self._random = self.first_random(self._initial)
        self._proposed = 0
        from ...transfer.warm import features_of

        space = problem.candidates.space
        # Made here and not when first needed: the processes of a study are forked later, and so share them.
        features_of(space, problem.candidates.genotypes)
        for source in problem.sources:
            try:
                space.check(source.genotypes[0])
            except WarmnasError as error:
                raise WarmnasError(
                    f"source {source.name} is not of the space {space.name} ({error}); leave it out"
                ) from error

    @cached_property
    def surrogate(self) -> WarmSurrogate:
        """What is learned, fitted on the sources when it is first needed."""
        from ...transfer.warm import Source, WarmSurrogate

        problem, candidates = self.problem, self.problem.candidates
        sources = [Source(s.name, s.genotypes, s.values, candidates.rows(s.genotypes)) for s in problem.sources]
        surrogate = WarmSurrogate(candidates.space, candidates.genotypes, sources, problem.runs)
        if problem.sources and all(prior is None for prior in surrogate.priors):
            warnings.warn("warm: no source can be learned from, so the search goes without transfer", stacklevel=2)
        return surrogate

    @cached_property
    def order(self) -> list[IntArray]:
        """Candidates of each run before the model proposes, best first: by the sources, else at random."""
        priors = {id(prior): prior for prior in self.surrogate.priors if prior is not None}
        listed = {key: np.argsort(-prior.order, kind="stable")[:LISTED] for key, prior in priors.items()}
        genotypes = self.problem.candidates.genotypes
        orders = {
            key: spread(order, genotypes[order], self._initial, 1 - max(priors[key].agreement, 0.0))
            for key, order in listed.items()
        }
        return [orders.get(id(prior), drawn) for prior, drawn in zip(self.surrogate.priors, self._random, strict=True)]

    def propose(self) -> IntArray:
        """The next of the order, then the largest expected improvement among what is free."""
        self._proposed += 1
        if self._proposed > self._initial and self.evaluations >= self._initial:
            return self.draw(self.surrogate.best(self.free))
        picked = np.full(len(self.runs), -1)
        for run, order in enumerate(self.order):
            left = order[self.free[run, order]]
            picked[run] = left[0] if len(left) else -1
        return self.draw(picked)

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """Hold the results; weigh the hypotheses once the model proposes."""
        if self.evaluations < self.problem.budget:
            self.surrogate.add(rows, values)
            if self.evaluations >= self._initial:
                self.surrogate.fit()


def spread(order: IntArray, genotypes: Genotypes, n: int, apart: float) -> IntArray:
    """The order with ``n`` unlike ones in front: each the next that differs from all before it in a share of the genes.

    Neighbours share their luck, and tell a model the same twice. If too few are unlike, the order goes on as it was.

    Args:
        order: candidates, best first, (listed,).
        genotypes: of them, (listed, genes).
        n: how many are wanted.
        apart: share of the genes, 0 to 1; of five genes .75 are three, for parts of a gene do not count.
    """
    fewest = int(apart * genotypes.shape[1] + 1e-9)
    far, front = np.ones(len(order), dtype=bool), list[int]()
    while len(front) < n and far.any():
        front.append(int(far.argmax()))
        far[front[-1]] = False
        far &= (genotypes != genotypes[front[-1]]).sum(axis=1) >= fewest
    return np.concatenate([order[front], np.delete(order, front)])
