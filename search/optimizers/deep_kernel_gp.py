"""Search with a meta-learned deep kernel (FSBO, Wistuba & Grabocka 2021; TNAS, Shala et al. 2023).

The first evaluations are a warm start from the sources: of the best architectures of each, those are taken one after
another that raise the most the sum over the sources of the best predicted value so far (FSBO evolves such a set). Then
expected improvement over all candidates by :mod:`warmnas.transfer.deep_kernel`, fine-tuned at growing intervals. Without a
source the first evaluations are random, and the kernel is learned on the target alone.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...bench import FloatArray, Genotypes, IntArray
from ...surrogates.acquisition import expected_improvement, normal_scores
from ..optimizer import CandidateOptimizer, optimizers
from ..problem import Problem

if TYPE_CHECKING:
    from ...transfer.deep_kernel import DeepKernelGP

BEST = 10  # rows of each source that the warm start chooses from


@optimizers("deep-kernel-gp")
class DeepKernelSearch(CandidateOptimizer):
    """GP on learned features.

    Args:
        problem: what is searched.
        initial: evaluations of the warm start.
        encoding: of the space, that the features are made of.
        pretrain: training steps on the sources.
        steps: training steps on the target at a refit.
        width: units of a layer.
    """

    together = 8

    def __init__(
        self,
        problem: Problem,
        initial: int = 5,
        encoding: str = "one-hot",
        pretrain: int = 400,
        steps: int = 20,
        width: int = 32,
    ) -> None:
        super().__init__(problem)
        if min(pretrain, steps) < 0 or width < 1:
            raise ValueError(f"pretrain {pretrain}, steps {steps} or width {width} is too small")
        space = problem.candidates.space
        space.encode(space.sample(1, np.random.default_rng(0)), encoding)  # refuses what the space has not
        self.encoding, self.pretrain, self.steps, self.width = encoding, pretrain, steps, width
        self._initial = min(max(initial, 1), problem.budget)
        self._refit_at = self._initial
        self._asked = 0

    @cached_property
    def model(self) -> DeepKernelGP:
        """The kernel, trained on the sources when it is first needed."""
        from ...transfer.deep_kernel import DeepKernelGP

        candidates = self.problem.candidates
        model = DeepKernelGP(
            candidates.space, candidates.genotypes, self.problem.runs, self.streams, self.encoding, self.width
        )
        return model.fit_sources([(s.genotypes, s.values) for s in self.problem.sources], self.pretrain)

    @cached_property
    def first(self) -> IntArray:
        """The warm start, (runs, initial); random without sources."""
        if not self.model.sources:
            return self.first_random(self._initial)
        pool = self._best_of_sources()
        rows = self.problem.candidates.rows(pool)
        value = self.model.predict_sources(pool)
        reached = np.full((*value.shape[:2], 1), -np.inf)
        chosen = np.full((len(self.runs), self._initial), -1)
        for place in range(self._initial):
            gain = np.maximum(reached, value).sum(axis=1)
            taken = (rows[:, :, None] == chosen[:, None]).any(axis=2) | (rows < 0)
            best = np.where(taken, -np.inf, gain).argmax(axis=1)
            chosen[:, place] = np.where(taken[self.runs, best], -1, rows[self.runs, best])
            reached = np.maximum(reached, value[self.runs, :, best][..., None])
        return chosen

    def _best_of_sources(self) -> Genotypes:
        """The best rows of each source by its own values: (runs, rows, genes)."""
        from ...transfer.pooling import usable

        best = []
        for genotypes, values in usable(
            [(s.genotypes, s.values) for s in self.problem.sources], self.problem.candidates.space
        ):
            top = np.argsort(-values, axis=1, kind="stable")[:, :BEST]
            best.append(genotypes[self.runs[:, None], top])
        return np.concatenate(best, axis=1)

    def propose(self) -> IntArray:
        """The warm start, then the largest expected improvement."""
        self._asked += 1
        if self._asked <= self._initial:
            rows = self.first[:, self._asked - 1]
            return self.draw(np.where((rows >= 0) & self.free[self.runs, rows], rows, -1))
        if self.evaluations < self._initial:  # asked for more before the warm start was told
            return self.draw(np.full(len(self.runs), -1))
        mean, deviation = self.model.predict()
        best = normal_scores(self.values).max(axis=1, keepdims=True).astype(mean.dtype)
        gain = expected_improvement(mean, deviation, best)
        gain[~self.free] = -np.inf
        return np.asarray(gain.argmax(axis=1))

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """Fine-tune at growing intervals once the warm start is over, and take in every result."""
        if not self._initial <= self.evaluations < self.problem.budget:
            return
        if self.evaluations >= self._refit_at:
            self._refit_at = self.evaluations + 1 + self.evaluations // 4
            self.model.adapt(self.rows, self.values, self.steps)
        else:
            self.model.observe(self.rows, self.values)
