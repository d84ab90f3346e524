"""The oracle: it knows where every training ends. It bounds what one candidate after the other can reach."""

from __future__ import annotations

import numpy as np

from .stop_pool import Pool
from .stoppers import History, Stopper


class Oracle(Stopper):
    """After the first look a training goes on only if it will beat the incumbent. No method; it sees the future.

    Args:
        finals: final value of each genotype's bytes, larger being better.
    """

    prefix = False

    def __init__(self, finals: dict[bytes, float]) -> None:
        self.finals = finals

    @classmethod
    def of(cls, pool: Pool) -> Oracle:
        """For the candidates of a pool."""
        keys = [genotype.tobytes() for genotype in pool.genotypes.astype(np.int8)]
        values = (pool.metric.sign * pool.finals).tolist()
        return cls(dict(zip(keys, values, strict=True))).prepare(pool.setting(0))

    def check_epochs(self, total: int) -> list[int]:
        """After the first."""
        return [1] if total > 1 else []

    def goes_on(self, history: History, trial: int) -> bool:
        """See :class:`Stopper`."""
        return history.best is None or self.finals[history.genotype(trial).tobytes()] > history.metric.sign * history.best
