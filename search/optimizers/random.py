"""Random search: candidates drawn uniformly without repetition (Li & Talwalkar, UAI 2019, as the baseline of NAS)."""

from __future__ import annotations

from ...bench import IntArray
from ..optimizer import OrderOptimizer, optimizers


@optimizers("random")
class RandomSearch(OrderOptimizer):
    """Uniform, without repetition."""

    def order(self) -> IntArray:
        """A random order per run, shape (runs, budget)."""
        return self.first_random(self.problem.budget)
