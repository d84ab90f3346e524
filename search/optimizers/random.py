"""Random search: candidates drawn uniformly without repetition (Li & Talwalkar, UAI 2019, as the baseline of NAS)."""

from __future__ import annotations

import numpy as np

from ...bench import IntArray
from ..optimizer import OrderOptimizer, optimizers


@optimizers("random")
class RandomSearch(OrderOptimizer):
    """Uniform, without repetition."""

    def order(self) -> IntArray:
        """A random order per run, shape (runs, budget)."""
        total, budget = len(self.problem.candidates), self.problem.budget
        return np.stack([rng.choice(total, budget, replace=False) for rng in self.streams.generators])
