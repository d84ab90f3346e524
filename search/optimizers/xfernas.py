"""The XferNAS search (Wistuba, ECML-PKDD 2020, arXiv 1907.08307, section 3) and NAO's, which is the same without sources.

(0) Fit everything on the sources. (1) From the best known architectures, those of the sources and those evaluated, move
codes along the gradient of the predicted score; (2) decode; (3) evaluate on the target the one with the best prediction
among what is new; (4) refit with the target's results; repeat. Without sources the search starts with a few random
architectures, as NAO starts with its seeds.

A proposal takes the best of a queue that is made anew at every refit. Refits come at growing intervals, so that the first
results count at once and a long search stays fast.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...bench import FloatArray, Genotypes, IntArray, UnknownName
from ..optimizer import CandidateOptimizer, optimizers
from ..problem import Problem

if TYPE_CHECKING:
    from ...transfer.xfernas import XferNAS

STEP_LENGTHS = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)  # how far a code moves, in units of a token's code; 0 keeps the seed
SEEDS = 50  # architectures whose codes are moved; twice as many where too few new ones come out


SIZES = ("small", "paper")


@optimizers("xfernas")
class XferNASSearch(CandidateOptimizer):
    """Universal network plus residual, gradient ascent in code space.

    Args:
        problem: what is searched.
        size: ``small``, or ``paper`` for the sizes of the papers.
        initial: random evaluations where there is no source.
        pretrain: training steps on the sources.
        steps: training steps of a refit.
        beta: weight of the residuals' mean square.
    """

    together = 16

    def __init__(
        self,
        problem: Problem,
        size: str = "small",
        initial: int = 10,
        pretrain: int = 300,
        steps: int = 30,
        beta: float = 0.3,
    ) -> None:
        super().__init__(problem)
        if size not in SIZES:
            raise UnknownName("size of the networks", size, SIZES)
        self.size, self.pretrain, self.steps, self.beta = size, pretrain, steps, beta
        self._known = self._best_of_sources()
        self._first = self.first_random(0 if problem.sources else max(initial, 1))
        self._refit_at = 1 if problem.sources else self._first.shape[1]
        self._queue = np.empty((problem.runs, 0), dtype=np.int64)

    @cached_property
    def model(self) -> XferNAS:
        """The networks, fitted on the sources when they are first needed."""
        from ...transfer.xfernas import XferNAS

        problem = self.problem
        model = XferNAS(problem.candidates.space, problem.runs, self.streams, size=self.size, beta=self.beta)
        return model.fit_sources([(s.genotypes, s.values) for s in problem.sources], self.pretrain)

    def propose(self) -> IntArray:
        """A random start without sources, then the first free one of the queue."""
        proposed = int((~self.free[0]).sum())
        if proposed < self._first.shape[1]:
            return self._first[:, proposed]
        if not self._queue.shape[1]:
            if not self.problem.sources and not self.evaluations:  # asked for more before anything was told
                return self.draw(np.full(len(self.runs), -1))
            self._queue = self._make_queue()
        queue = self._queue
        free = self._free.take(self._first_of_run[:, None] + queue)
        first = free.argmax(axis=1)
        return self.draw(np.where(free[self.runs, first], queue[self.runs, first], -1))

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """Refit and make a new queue, at 1, 2, 3, 5, 7, 10, 14, ... results."""
        if self.evaluations < self._refit_at or self.evaluations >= self.problem.budget:
            return
        self._refit_at = self.evaluations + 1 + self.evaluations // 3
        # One result alone says nothing: its score is where the networks believe it to be.
        if self.evaluations > 1 or not self.problem.sources:
            self.model.adapt(self.problem.candidates.genotypes[self.rows], self.values, self.steps)
        self._queue = self._make_queue()

    def _best_of_sources(self) -> Genotypes:
        """The best of each source, by its own values: (runs, seeds, genes)."""
        best = []
        for source in self.problem.sources:
            n = min(max(2 * SEEDS // len(self.problem.sources), 1), source.values.shape[1])
            values = source.values[:1] if source.values.strides[0] == 0 else source.values
            top = np.argsort(-values, axis=1, kind="stable")[:, :n]
            best.append(source.genotypes[self.runs[:, None], np.broadcast_to(top, (len(self.runs), n))])
        return np.concatenate(best, axis=1) if best else np.empty((len(self.runs), 0, 0), dtype=np.int8)

    def _seeds(self, n: int) -> Genotypes:
        """The ``n`` known architectures with the best prediction: (runs, n, genes)."""
        evaluated = self.problem.candidates.genotypes[self.rows]
        known = np.concatenate([self._known, evaluated], axis=1) if self.problem.sources else evaluated
        best = np.argsort(-self.model.predict(known), axis=1, kind="stable")[:, :n]
        return known[self.runs[:, None], best]

    def _make_queue(self) -> IntArray:
        """Decoded candidates by predicted score, best first: (runs, queue); what is no candidate is the never-free one."""
        candidates = self.problem.candidates
        rows = candidates.rows(self.model.improve(self._seeds(SEEDS), STEP_LENGTHS))
        nowhere = len(candidates)
        # What decoding finds is often known already; neighbours of the seeds keep the queue from running dry.
        seeds = candidates.rows(self._seeds(4))
        near = candidates.around(seeds)[seeds].reshape(len(rows), -1)
        rows = np.concatenate([np.where(rows < 0, nowhere, rows), near], axis=1)
        scores = self.model.predict(candidates.genotypes[np.minimum(rows, nowhere - 1)])
        scores[rows == nowhere] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")
        queue: IntArray = np.take_along_axis(rows, order, axis=1)
        return queue


@optimizers("nao")
class NAOSearch(XferNASSearch):
    """NAO (Luo et al. 2018): XferNAS without sources, its control."""

    def __init__(self, problem: Problem, size: str = "small", initial: int = 10, steps: int = 30) -> None:
        super().__init__(replace(problem, sources=()), size=size, initial=initial, steps=steps)
