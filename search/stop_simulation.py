"""One search with a stopper over recorded curves: simulated workers train, the stopper decides, nobody looks ahead.

A worker that is free takes up a stopped training again where the stopper wants one, else it begins the next candidate. A
training advances from one look of the stopper to the next; what it costs is what was recorded for those epochs, or all of a
schedule where the columns are schedules. The order of candidates comes from a :class:`Stream`: a fixed order in the
replay, an optimizer in a study.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..bench import FloatArray, Genotypes, IntArray, Metric, WarmnasError
from .optimizer import parse_spec
from .stop_reserve import Reserve
from .stoppers import Decision, History, Stopper


class Stream(Protocol):
    """Where candidates come from."""

    def next(self) -> int:
        """The next candidate, a place in the recorded curves; -1 where there are no more."""
        ...

    def left(self) -> int | None:
        """How many are still to come."""
        ...

    def stopped(self, candidate: int, history: History, trial: int) -> None:
        """A training has come to its end, or was stopped for the first time."""
        ...


class FixedOrder:
    """Candidates in a given order."""

    def __init__(self, order: Iterable[int]) -> None:
        self._order = [int(candidate) for candidate in order]
        self._next = 0

    def next(self) -> int:
        """See :class:`Stream`."""
        self._next += 1
        return self._order[self._next - 1] if self._next <= len(self._order) else -1

    def left(self) -> int:
        """See :class:`Stream`."""
        return len(self._order) - min(self._next, len(self._order))

    def stopped(self, candidate: int, history: History, trial: int) -> None:
        """Nobody listens."""


@dataclass(frozen=True)
class Recorded:
    """Curves to replay.

    Attributes:
        genotypes: (candidates, genes).
        values: in the metric's unit, (candidates, columns).
        costs: of each column, such as seconds, (candidates, columns).
        metric: of the values.
        losses: training losses, (candidates, columns), or None.
        schedules: each column is a training of its own. Who goes to one pays for all of it, and sees nothing of those that
            were passed over.
    """

    genotypes: Genotypes
    values: FloatArray
    costs: FloatArray
    metric: Metric
    losses: FloatArray | None = None
    schedules: bool = False

    def cost(self, candidate: int, seen: int, until: int) -> float:
        """Of going from so many columns seen to so many."""
        return float(self.costs[candidate, until - 1 if self.schedules else seen : until].sum())

    def values_between(self, candidate: int, seen: int, until: int) -> FloatArray:
        """What is seen on that way, (until - seen,)."""
        values = self.values[candidate, seen:until]
        return np.where(np.arange(seen, until) == until - 1, values, np.nan) if self.schedules else values


@dataclass
class Search:
    """What came of one search.

    Attributes:
        history: its trainings; candidates: which each is of, in the order of their beginning.
        spent: sum of the costs of all columns trained; elapsed: cost at which the last worker ended.
        overhead: seconds of the stopper's own computing.
        leaders: candidate that would be returned after the first stop or end of each training, and spent by then.
    """

    history: History
    candidates: list[int] = field(default_factory=list)
    spent: float = 0.0
    elapsed: float = 0.0
    overhead: float = 0.0
    leaders: list[tuple[int, float]] = field(default_factory=list)

    @property
    def returned(self) -> int:
        """The candidate that is returned."""
        return self.candidates[self.history.leader()]

    @property
    def seen(self) -> IntArray:
        """Columns seen of each training, (trainings,)."""
        return self.history.seen


def with_workers(spec: str) -> tuple[str, int]:
    """A stopper's spec without the option ``workers``, which any may have in a simulation; and how many they are."""
    name, options = parse_spec(spec)
    workers = options.pop("workers", 1)
    if not isinstance(workers, int) or workers < 1:
        raise WarmnasError(f"stopper '{spec}': workers is a whole number of at least 1, not {workers}")
    rest = ",".join(f"{key}={value}" for key, value in options.items())
    return (f"{name}[{rest}]" if rest else name), workers


class Simulation:
    """See the head of this file.

    Args:
        stopper: prepared for these curves.
        recorded: the curves.
        stream: of candidates.
        workers: that train side by side.
        limit: cost that may be spent in all; the chunk that would overrun it is not granted and ends the search, except
            that the very first training is granted whatever it costs. No candidate is begun that would leave too little for
            what the stopper still wants to take up again, see :mod:`warmnas.search.stop_reserve`.
    """

    def __init__(
        self, stopper: Stopper, recorded: Recorded, stream: Stream, workers: int = 1, limit: float | None = None
    ) -> None:
        self.stopper, self.recorded, self.stream = stopper, recorded, stream
        self.workers, self.limit = workers, limit
        total = recorded.values.shape[1]
        self.search = Search(History(total, recorded.metric, stream.left()))
        checks = np.array([*sorted(stopper.checks), total])
        self._until = checks[np.searchsorted(checks, np.arange(total), side="right")]
        self._events: list[tuple[float, int, int]] = []  # (when, worker, trial)
        self._ended = self._closed = False
        levels = stopper.setting.levels
        weights = np.ones(total) if levels is None else np.array(levels, dtype=np.float64)
        self._reserve = None if limit is None else Reserve(limit, weights)

    def run(self) -> Search:
        """From the first candidate to the last promotion."""
        stopper, search = self.stopper, self.search
        stopper.saved_seconds()
        idle = [(0.0, worker) for worker in range(self.workers)]
        while True:
            idle = [(now, worker) for now, worker in sorted(idle) if not self._employ(now, worker)]
            if not self._events:
                break
            now, worker, trial = heapq.heappop(self._events)
            search.elapsed = now
            if not self._advance(now, worker, trial):
                idle = [(max(now, since), other) for since, other in idle] + [(now, worker)]
        search.overhead += stopper.saved_seconds()
        return search

    def _employ(self, now: float, worker: int) -> bool:
        """Give a free worker something to do; False where there is nothing."""
        search, history = self.search, self.search.history
        while not self._ended:
            start = time.thread_time()
            waiting = self.stopper.resume(history)
            search.overhead += time.thread_time() - start
            if waiting:
                trial = waiting[0]
                history.go_on(trial)
                return self._begin_chunk(now, worker, trial)
            if self._closes():
                continue
            candidate = -1 if self._closed else self.stream.next()
            history.left = self.stream.left() if candidate >= 0 else 0
            if candidate < 0:
                return False
            trial = history.add(self.recorded.genotypes[candidate])
            search.candidates.append(candidate)
            if self._goes_on(trial):
                return self._begin_chunk(now, worker, trial)
            self._put_away(trial)
        return False

    def _closes(self) -> bool:
        """From now on no more candidates, since their promotions could not be paid; True the first time."""
        history, owed = self.search.history, None
        if self._reserve is not None and not self._closed and len(history):
            owed = self.stopper.owed(history)
        if self._reserve is None or owed is None or self._reserve.enough(self.search.spent, history.seen, *owed):
            return False
        history.left, self._closed = 0, True
        return True

    def _begin_chunk(self, now: float, worker: int, trial: int) -> bool:
        search, candidate = self.search, self.search.candidates[trial]
        seen = int(search.history.seen[trial])
        cost = self.recorded.cost(candidate, seen, int(self._until[seen]))
        first = trial == 0 and search.history.incumbent < 0
        if self.limit is not None and search.spent + cost > self.limit and not first:
            search.history.stop(trial)
            self._ended = True
            return False
        search.spent += cost
        if self._reserve is not None:
            self._reserve.pay(trial, cost, seen, int(self._until[seen]), self.recorded.schedules)
        heapq.heappush(self._events, (now + cost, worker, trial))
        return True

    def _advance(self, now: float, worker: int, trial: int) -> bool:
        """A chunk of epochs has come to its end; whether the worker is busy with the next one."""
        history, candidate = self.search.history, self.search.candidates[trial]
        first = int(history.seen[trial])
        end = int(self._until[first])
        losses = None if self.recorded.losses is None else self.recorded.losses[candidate, first:end]
        history.extend(trial, self.recorded.values_between(candidate, first, end), losses)
        if end < history.total and self._goes_on(trial):
            return self._begin_chunk(now, worker, trial)
        self._put_away(trial)
        return False

    def _goes_on(self, trial: int) -> bool:
        start = time.thread_time()
        goes_on = self.stopper.decide(self.search.history, trial) is Decision.CONTINUE
        self.search.overhead += time.thread_time() - start
        return goes_on

    def _put_away(self, trial: int) -> None:
        search = self.search
        search.history.stop(trial)
        self.stream.stopped(search.candidates[trial], search.history, trial)
        leader = search.history.leader()
        search.leaders.append((search.candidates[leader] if leader >= 0 else search.candidates[trial], search.spent))
