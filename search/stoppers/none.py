"""No early termination: every training goes to its end. What the time and the regret of the others are measured against."""

from __future__ import annotations

from .history import History
from .stopper import Stopper, stoppers


@stoppers("none")
class NoStopper(Stopper):
    """Nothing is stopped."""

    prefix = False

    def check_epochs(self, total: int) -> list[int]:
        """Never."""
        return []

    def goes_on(self, history: History, trial: int) -> bool:
        """See :class:`Stopper`."""
        return True
