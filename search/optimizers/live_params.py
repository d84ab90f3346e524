"""Largest first: candidates in the order of their parameters on live paths, a zero-cost baseline without any learning."""

from __future__ import annotations

import numpy as np

from ...bench import IntArray, WarmnasError
from ..optimizer import OrderOptimizer, optimizers
from ..problem import Problem


@optimizers("live-params")
class LiveParams(OrderOptimizer):
    """The same order in every run; ties in the order of the table."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        if problem.live_params is None:
            raise WarmnasError("live-params: this benchmark has no parameter counts; leave the optimizer out")

    def order(self) -> IntArray:
        """Most parameters first, shape (runs, budget)."""
        assert self.problem.live_params is not None
        order = np.argsort(-self.problem.live_params, kind="stable")[: self.problem.budget]
        return np.broadcast_to(order, (self.problem.runs, len(order)))
