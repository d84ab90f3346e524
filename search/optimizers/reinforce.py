"""REINFORCE: a controller without weight sharing.

(Zoph & Le, Neural architecture search with reinforcement learning, ICLR 2017; Williams, Machine Learning 1992.) The
controller draws an architecture; what it is worth, minus a moving average b of that, is its reward:

    b <- moving average of the values with the newest in it,   parameters: Adam along grad log p(architecture) * (value - b)

``policy=factorised`` with its rate .01 and momentum .9 is the baseline of NAS-Bench-201 (Dong & Yang, ICLR 2020). What the
controller draws again is not evaluated again, but teaches again: its value is known. After so many draws without anything
new a free neighbour of the last one is evaluated.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...bench import FloatArray, IntArray, UnknownName
from ..optimizer import CandidateOptimizer, optimizers
from ..problem import Problem

if TYPE_CHECKING:
    from .policies import Adam, Policy

RATES = {"lstm": 0.003, "factorised": 0.01}  # of Adam, by policy
DRAWS = 8  # at most, for one evaluation


@optimizers("reinforce")
class Reinforce(CandidateOptimizer):
    """Policy gradient.

    Args:
        problem: what is searched.
        policy: ``lstm`` (the paper's controller) or ``factorised``.
        rate: of Adam; None: .003 or .01, by policy.
        momentum: of the moving average.
    """

    together = 32

    def __init__(self, problem: Problem, policy: str = "lstm", rate: float | None = None, momentum: float = 0.9) -> None:
        super().__init__(problem)
        if policy not in RATES:
            raise UnknownName("policy", policy, RATES)
        rate = RATES[policy] if rate is None else rate
        if not (rate > 0 and 0 <= momentum < 1):
            raise ValueError("rate is above 0, momentum from 0 to below 1")
        self.kind, self.rate, self.momentum = policy, rate, momentum
        self._sum, self._weight = np.zeros(problem.runs), np.zeros(problem.runs)
        self._known = np.full((problem.runs, len(problem.candidates) + 1), np.nan)

    @cached_property
    def policy(self) -> Policy:
        """The controllers, made when they are first needed."""
        from .policies import POLICIES

        return POLICIES[self.kind](self.problem.candidates.space, self.problem.runs, self.streams)

    @cached_property
    def adam(self) -> Adam:
        """Of the controllers."""
        from .policies import Adam

        return Adam(self.policy.parameters, self.rate)

    def propose(self) -> IntArray:
        """The first free candidate that the controller draws."""
        genes, policy = self.problem.candidates.genotypes.shape[1], self.policy
        u = self.streams.random((len(self.runs), DRAWS, genes))
        found, last = np.full(len(self.runs), -1), np.full(len(self.runs), -1)
        for attempt in range(DRAWS):
            drawn = self.problem.candidates.rows(policy.draw(u[:, attempt]))
            seeking, there = found < 0, drawn >= 0
            last = np.where(seeking & there, drawn, last)
            found = np.where(seeking & there & self.free[self.runs, drawn], drawn, found)
            if (found >= 0).all():
                return self.draw(found)
            values = self._known[self.runs, drawn]
            self._teach(drawn, values, seeking & (found < 0) & np.isfinite(values))
        near = self.neighbour(np.maximum(last, 0))
        return self.draw(np.where(found >= 0, found, np.where(last >= 0, near, -1)))

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """One policy gradient."""
        self._known[self.runs, rows] = values
        self._teach(rows, values, np.ones(len(rows), dtype=bool))

    def _teach(self, rows: IntArray, values: FloatArray, who: np.ndarray) -> None:
        """A step of the runs ``who`` for these candidates and values, (runs,) each."""
        import torch

        if not who.any():
            return
        policy, keep = self.policy, np.where(who, self.momentum, 1.0)
        self._sum = keep * self._sum + (1 - keep) * np.where(who, values, 0.0)
        self._weight = keep * self._weight + (1 - keep)
        advantage = np.where(who, values - self._sum / np.maximum(self._weight, 1e-12), 0.0)
        logs = policy.log_probability(self.problem.candidates.genotypes[np.maximum(rows, 0)])
        loss = -(logs * torch.from_numpy(advantage).float()).sum()
        slopes = torch.autograd.grad(loss, policy.parameters)
        self.adam.step(list(slopes), torch.from_numpy(who))
