"""The loop of a live search: propose, train, stop or go on, learn.

Several trainings run at once, and how long each takes depends on the machine. For the same answer whenever and however
often the search is interrupted, what happens is decided on a clock of its own: an epoch lasts as long as its network has
multiply-adds, and of the trainings under way the one whose epoch ends first by that clock is heard first. Workers are
hardly ever kept waiting by it, because that clock and the real one agree on the average.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...bench import Genotypes
from ...metadata.training.recipe import Epoch
from ..optimizer import Optimizer
from ..problem import Problem
from ..stop_run import told_value
from ..stoppers import Decision, History, Stopper
from .evaluator import Failure, LiveEvaluator

DONE, STOPPED, FAILED, CUT = "done", "stopped", "failed", "out of time"
RETRIES = 50  # proposals of what was proposed before, until one is drawn
Genotype = npt.NDArray[np.int8]


@dataclass
class Training:
    """One training of a search.

    Attributes:
        genotype: (genes,), canonical.
        epochs: what was measured.
        state: ``done``, ``stopped``, ``failed``, or ``out of time``; empty while it is under way.
        reason: why it failed.
        params, flops: of its network; multiply-adds per image.
        batch: images of a batch that it was trained with at last.
        proposal_seconds, fit_seconds: the optimizer's own time for it.
        trial: id in the experiment store.
    """

    genotype: Genotype
    epochs: list[Epoch] = field(default_factory=list)
    state: str = ""
    reason: str = ""
    params: int = 0
    flops: int = 0
    batch: int = 0
    proposal_seconds: float = 0.0
    fit_seconds: float = 0.0
    trial: str = ""

    @property
    def value(self) -> float:
        """Validation accuracy after the last epoch that it has, in percent; NaN before the first."""
        return self.epochs[-1].val_accuracy if self.epochs else float("nan")

    @property
    def seconds(self) -> float:
        """Of its training passes."""
        return sum(epoch.seconds for epoch in self.epochs)


@dataclass
class Pace:
    """How fast this machine trains: wall seconds per unit of the loop's clock, of one slot."""

    units: float = 0.0
    seconds: float = 0.0

    def take(self, units: float) -> float | None:
        """Seconds that so many units will take; None where nothing was measured yet."""
        return units * self.seconds / self.units if self.units else None


class LiveLoop:
    """A search under way.

    Args:
        problem: of one run.
        optimizer: proposes.
        stopper: says who goes on.
        evaluator: trains.
        total: epochs of a whole training.
        budget: trainings.
        reference: an architecture that is trained first in any case, (genes,), or None.
        cost: parameters and multiply-adds per image of a genotype's network.
        unit: multiply-adds that an epoch has beside those of its network.
        until: monotonic time at which everything ends.
        room: whether one more training of so many units of the clock may begin, given the pace.
        chance: accuracy in percent that a training is taken to have reached where it failed.
        progress: told after every epoch.
    """

    def __init__(
        self,
        problem: Problem,
        optimizer: Optimizer,
        stopper: Stopper,
        evaluator: LiveEvaluator,
        *,
        total: int,
        budget: int,
        reference: Genotype | None,
        cost: Callable[[Genotype], tuple[int, int]],
        unit: float,
        until: float = float("inf"),
        room: Callable[[float, LiveLoop], bool] | None = None,
        chance: float = 0.0,
        progress: Callable[[LiveLoop], None] | None = None,
    ) -> None:
        self.problem, self.optimizer, self.stopper, self.evaluator = problem, optimizer, stopper, evaluator
        self.total, self.budget, self.reference = total, budget, reference
        self._cost, self.unit, self.until, self._room = cost, unit, until, room
        self.chance, self._progress = chance, progress
        self.history = History(total, left=budget)
        self.trainings: list[Training] = []
        self.pace = Pace()
        self.ended = False  # whether time was up
        self._told: set[int] = set()
        self._measured = False  # whether there is an epoch of any training
        self._taken: set[int] = set()
        self._active: dict[int, int] = {}  # slot -> training
        self._events: list[tuple[float, int]] = []
        self._begun: dict[int, float] = {}  # slot -> monotonic time of its last epoch that was really waited for

    def run(self) -> list[Training]:
        """All trainings, in the order in which they were begun."""
        now = 0.0
        while True:
            for slot in range(self.evaluator.crew.size):
                while slot not in self._active and self._begin(slot, now):
                    pass
            if not self._events:
                break
            now, slot = heapq.heappop(self._events)
            if not self._hear(slot, now):
                self._out_of_time()
                break
        return self.trainings

    # --- beginning -------------------------------------------------------------------------------------------------
    def _begin(self, slot: int, now: float) -> bool:
        """Begin or take up a training on a free slot; whether the slot may be asked again at once."""
        if waiting := self.stopper.resume(self.history):
            number = waiting[0]
            self.history.go_on(number)
        elif len(self.trainings) < self.budget and self._allowed():
            number = self._new()
            if self.stopper.decide(self.history, number) is Decision.STOP:  # at the sight of the architecture
                self._stop(number)
                return True
        else:
            return False
        training = self.trainings[number]
        training.state = ""
        self._active[slot] = number
        self._begun[slot] = time.monotonic()
        self.evaluator.begin(slot, training.genotype)
        for _ in training.epochs:  # what it had before it was stopped
            self.evaluator.row(slot, self.until)
            self.evaluator.go_on(slot)
        heapq.heappush(self._events, (now + training.flops + self.unit, slot))
        return False

    def _allowed(self) -> bool:
        if self.trainings and time.monotonic() >= self.until:
            return False
        return not self.trainings or self._room is None or self._room(self._next_cost(), self)

    def _next_cost(self) -> float:
        """Units that a training takes: the mean so far, as nobody knows what will be proposed."""
        return self.total * (float(np.mean([t.flops for t in self.trainings])) + self.unit)

    def _new(self) -> int:
        started = time.perf_counter()
        genotype = self._propose()
        seconds = time.perf_counter() - started
        training = Training(genotype, proposal_seconds=seconds)
        training.params, training.flops = self._cost(genotype)
        self.trainings.append(training)
        number = self.history.add(genotype)
        if self.history.left is not None:
            self.history.left -= 1
        return number

    def _propose(self) -> Genotype:
        """The reference first, then what the optimizer proposes, nothing twice."""
        listed = self.problem.candidates
        if not self.trainings and self.reference is not None:
            return self._take(int(listed.rows(self.reference[None])[0]))
        for _ in range(RETRIES):
            row = int(listed.rows(self.optimizer.ask(1)[0])[0])
            if row >= 0 and row not in self._taken:
                return self._take(row)
        rng = np.random.default_rng([len(self.trainings), *self.problem.seeds[0].generate_state(2)])
        free = np.setdiff1d(np.arange(len(listed)), list(self._taken))
        return self._take(int(rng.choice(free)))

    def _take(self, row: int) -> Genotype:
        self._taken.add(row)
        genotype: Genotype = self.problem.candidates.genotypes[row]
        return genotype

    # --- hearing ---------------------------------------------------------------------------------------------------
    def _hear(self, slot: int, now: float) -> bool:
        """Take in the epoch that ends now by the loop's clock; False where real time was up before."""
        number = self._active[slot]
        training = self.trainings[number]
        # The very first epoch is granted whatever it takes: a search that ends with nothing has nothing to hand out.
        row = self.evaluator.row(slot, self.until if self._told or self._measured else float("inf"))
        if row is None:
            return False
        training.trial, training.batch = self.evaluator.trial(slot).id, self.evaluator.trial(slot).recipe.batch
        if isinstance(row, Failure):
            self._failed(number, row.reason)
        else:
            self._measured = True
            self._measure(slot, training, row)
            training.epochs.append(row)
            self.history.record(number, row.val_accuracy, row.train_loss)
            if len(training.epochs) == self.total:
                training.state = DONE
                self._learn(number, row.val_accuracy)
            elif self.stopper.decide(self.history, number) is Decision.STOP:
                self._stop(number)
            else:
                self.evaluator.go_on(slot)
                heapq.heappush(self._events, (now + training.flops + self.unit, slot))
        if training.state:
            self.evaluator.end(slot)
            del self._active[slot]
        if self._progress is not None:
            self._progress(self)
        return True

    def _measure(self, slot: int, training: Training, row: Epoch) -> None:
        """How long this epoch took by the clock on the wall; one that was read from disk says nothing."""
        waited = time.monotonic() - self._begun[slot]
        if waited > row.seconds / 2:
            self.pace.units += training.flops + self.unit
            self.pace.seconds += waited
        self._begun[slot] = time.monotonic()

    def _stop(self, number: int) -> None:
        self.history.stop(number)
        self.trainings[number].state = STOPPED
        if self.trainings[number].epochs:
            # On the scale of final values, as in a study: an optimizer cannot tell one from the other.
            self._learn(number, told_value(self.history, number, self.chance), self.trainings[number].value)

    def _failed(self, number: int, reason: str) -> None:
        self.history.fail(number)
        self.trainings[number].state, self.trainings[number].reason = FAILED, reason
        self._learn(number, self.chance)

    def _learn(self, number: int, value: float, reached: float | None = None) -> None:
        """Tell the optimizer, once, what a training is worth; it may note at each stop what it had ``reached``."""
        told: Genotypes = self.trainings[number].genotype[None, None]
        if epochs := len(self.trainings[number].epochs):
            self.optimizer.note(told, np.array([[value if reached is None else reached]]), epochs)
        if number in self._told:
            return
        self._told.add(number)
        started = time.perf_counter()
        self.optimizer.tell(told, np.array([[value]]))
        self.trainings[number].fit_seconds = time.perf_counter() - started

    def _out_of_time(self) -> None:
        self.ended = True
        for slot, number in self._active.items():
            self.history.stop(number)
            self.trainings[number].state = CUT
            self.evaluator.end(slot)
        self._active.clear()
