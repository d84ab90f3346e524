"""Rungs: numbers of epochs at which trainings wait to be compared, and the promotions of successive halving."""

from __future__ import annotations

import numpy as np

from ...bench import IntArray, WarmnasError
from .history import History
from .stopper import Stopper, name_of, require


def rungs(total: int, first: int, eta: int, levels: tuple[int, ...] | None) -> list[int]:
    """Epochs seen at which a training waits: first, first eta, first eta^2, ... short of the whole.

    Where the columns are schedules each of them is a rung.
    """
    if levels is not None:
        return list(range(1, total))
    steps = []
    while first < total:
        steps.append(first)
        first *= eta
    return steps


def check_options(name: str, first: int, eta: int) -> None:
    """WarmnasError for options that make no rungs."""
    require(f"{name}: epochs", first, 1)
    if not isinstance(eta, int) or eta < 2:
        raise WarmnasError(f"{name}: eta is a whole number of at least 2, not {eta}")


def ranked(history: History, trials: IntArray, epoch: int) -> list[int]:
    """Trainings by their value after an epoch that all of them have, the best first, the earlier first in a tie."""
    values = -history.metric.sign * history.values[trials, epoch - 1]
    return [int(t) for t in trials[values.argsort(kind="stable")]]


def halved(history: History, members: IntArray, steps: list[int], eta: int) -> list[int]:
    """Synchronous successive halving among some trainings: whom to take up again now.

    A rung is decided when all of its members have come to it or failed; the best 1/eta of them, one at least, go on.
    """
    for step in steps:
        alive = members[~history.failed[members]]
        if not len(alive) or (history.seen[alive] < step).any():
            return []
        count = max(len(members) // eta, 1)
        members = np.array(ranked(history, alive, step)[:count])
        waiting = [int(t) for t in members if history.seen[t] == step and not history.running[t]]
        if waiting:
            return waiting
    return []


def owed_to(history: History, members: IntArray, more: int, steps: list[int], eta: int) -> tuple[IntArray, int]:
    """What synchronous successive halving still owes if ``more`` candidates came to the members of a bracket and then none.

    Those that go on are the best by their values so far; who has none at a rung stays behind those who have.

    Returns:
        Columns of each training of the history, (trials,), and columns of those to come, which go on only where there are
        too few others.
    """
    owed = np.zeros(len(history), dtype=np.int64)
    alive = members[~history.failed[members]]
    owed[alive] = np.maximum(steps[0] - history.seen[alive], 0)
    count, fresh = len(members) + more, more * steps[0]
    for step, following in zip(steps, [*steps[1:], history.total], strict=True):
        came = history.seen[alive] >= step
        alive = np.concatenate([np.array(ranked(history, alive[came], step), dtype=np.int64), alive[~came]])
        count = max(count // eta, 1)
        alive = alive[:count]
        owed[alive] = np.maximum(following - history.seen[alive], 0)
        fresh += max(count - len(alive), 0) * (following - step)
    return owed, fresh


class OneBracket(Stopper):
    """All candidates of a search climb the same rungs, and wait at each.

    Args:
        epochs: of the first rung; each further one has ``eta`` times as many.
        eta: one in so many goes on.
    """

    prefix = False
    knob, front = "epochs", (1, 2, 4, 8)

    def __init__(self, epochs: int = 1, eta: int = 3) -> None:
        check_options(name_of(type(self)), epochs, eta)
        self.epochs, self.eta = epochs, eta

    def check_epochs(self, total: int) -> list[int]:
        """The rungs."""
        return rungs(total, self.epochs, self.eta, self.setting.levels)

    def goes_on(self, history: History, trial: int) -> bool:
        """Waits at every rung."""
        return False
