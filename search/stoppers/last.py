"""Last value: a training goes on while it is no worse than the incumbent was after as many epochs.

The comparison that a person at a screen makes; no extrapolation, no metadata. What the curve models have to beat.
"""

from __future__ import annotations

from .history import History
from .stopper import Stopper, require, stoppers


@stoppers("last")
class LastValue(Stopper):
    """Compared with the best whole training so far, at the same epoch.

    Args:
        grace: epochs before the first comparison.
        slack: how much worse a value may be, in the metric's unit.
    """

    knob, front = "slack", (0.0, 1.0, 3.0, 10.0)

    def __init__(self, grace: int = 1, slack: float = 0.0) -> None:
        require("last: grace", grace, 1)
        require("last: slack", slack, 0)
        self.grace, self.slack = grace, slack

    def goes_on(self, history: History, trial: int) -> bool:
        """See :class:`Stopper`."""
        seen = int(history.seen[trial])
        if history.incumbent < 0 or seen < self.grace:
            return True
        gap = history.values[history.incumbent, seen - 1] - history.values[trial, seen - 1]
        return bool(history.metric.sign * gap <= self.slack)
