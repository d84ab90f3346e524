"""Stoppers: after an epoch they say whether a training goes on, and which of those that were stopped are taken up again.

A stopper reads a :class:`~warmnas.search.stoppers.history.History` and the setting that it was prepared for, nothing
else, and keeps no state of its own: the same history gives the same decision, so that a search that was killed goes on as
if it had not been. Whoever trains, really or in a replay of a table, does this::

    stopper = make_stopper("lc-pfn[delta=0.1]", Setting(total=20, space=space, sources=sources))
    history = History(total=20, left=budget)
    # whenever a worker is free:
    if waiting := stopper.resume(history):            # take the first of them up again, before anything new
        history.go_on(trial := waiting[0])
    else:
        trial, history.left = history.add(genotype), history.left - 1
        if stopper.decide(history, trial) is Decision.STOP:   # before its first epoch: zero-epoch looks at no curve
            history.stop(trial)
    while history.running[trial]:
        history.record(trial, value, train_loss)      # of one more epoch
        if stopper.decide(history, trial) is Decision.STOP:
            history.stop(trial)
    # when nothing is left to begin or to take up again:
    best = history.leader()
"""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self

import numpy as np

from ...bench import ACCURACY, FloatArray, Genotypes, IntArray, Metric, Registry, SearchSpace, UnknownName, WarmnasError
from ..optimizer import parse_spec
from .history import History

MOST_CHECKS = 20  # of one training, by those that look at whole curves


class Decision(StrEnum):
    """What becomes of a training."""

    CONTINUE = "continue"
    STOP = "stop"


@dataclass(frozen=True)
class SourceCurves:
    """Whole learning curves of one earlier task.

    Attributes:
        task: its name.
        genotypes: (trainings, genes).
        values: validation values after each epoch in the metric's unit, (trainings, epochs).
        losses: training losses, the same shape, or None.
        family: of the task; relatives share it. Its own name where nothing is said.
    """

    task: str
    genotypes: Genotypes
    values: FloatArray
    losses: FloatArray | None = None
    family: str = ""


@dataclass(frozen=True)
class Setting:
    """What a stopper knows before the first training.

    Attributes:
        total: epochs of a whole training, or how many schedules there are where ``levels`` says so.
        space: of the genotypes.
        metric: of the values.
        candidates: how many trainings the search will begin; None where nobody knows.
        sources: earlier tasks, perhaps none; thresholds, temperatures and scalers are set on them.
        seed: of whatever is drawn.
        levels: epochs that the columns stand for where each is a training of its own (a schedule), None where column e is
            epoch e of one training. The two are never mixed.
    """

    total: int
    space: SearchSpace
    metric: Metric = ACCURACY
    candidates: int | None = None
    sources: tuple[SourceCurves, ...] = ()
    seed: int = 0
    levels: tuple[int, ...] | None = None


class Stopper(ABC):
    """A method fills in :meth:`goes_on`, and :meth:`promote` where it takes trainings up again.

    Attributes:
        counts: whether it must be told how many candidates come, because looking at one costs no time.
        prefix: whether it needs the epochs of one training, and cannot do with schedules.
        knob: the option that trades time for regret, None where there is none; front: values of it for a curve.
    """

    counts: ClassVar[bool] = False
    prefix: ClassVar[bool] = True
    knob: ClassVar[str | None] = None
    front: ClassVar[tuple[Any, ...]] = ()
    setting: Setting

    def prepare(self, setting: Setting) -> Self:
        """Get ready for searches of one setting; whatever is learned from the sources is learned here.

        Raises:
            WarmnasError: where the setting lacks what the method needs.
        """
        self.refuse(setting)
        self.setting = setting
        self.checks = frozenset(self.check_epochs(setting.total))
        self.learn()
        return self

    def refuse(self, setting: Setting) -> None:
        """WarmnasError where the method cannot do with a setting."""
        if self.prefix and setting.levels is not None:
            raise WarmnasError(
                f"stopper '{name_of(type(self))}' reads learning curves, and trainings of {setting.levels} epochs are no "
                "prefixes of each other; take none, i-epoch, zero-epoch, successive-halving, hyperband or asha"
            )

    def learn(self) -> None:  # noqa: B027 - most learn nothing
        """Learn from ``self.setting.sources``."""

    def check_epochs(self, total: int) -> list[int]:
        """Numbers of epochs seen after which it is asked; 0 is before the first. At other times a training goes on."""
        return spread_epochs(total)

    def decide(self, history: History, trial: int) -> Decision:
        """Whether a training that stands where the history says goes on."""
        seen = int(history.seen[trial])
        if seen == history.total:
            return Decision.STOP
        if seen not in self.checks or self.goes_on(history, trial):
            return Decision.CONTINUE
        return Decision.STOP

    @abstractmethod
    def goes_on(self, history: History, trial: int) -> bool:
        """Whether a training goes on, after one of :meth:`check_epochs` and short of its end."""

    def resume(self, history: History) -> list[int]:
        """Stopped trainings to take up again now, the most urgent first. Asked whenever a worker is free.

        Where a search would end without one whole training, the leader is trained to its end: a value after some epochs is
        none that could be returned.
        """
        if again := self.promote(history):
            return again
        ends = history.left == 0 and history.incumbent < 0 and not history.running.any()
        return [history.leader()] if ends and history.leader() >= 0 else []

    def promote(self, history: History) -> list[int]:
        """Stopped trainings that the method itself takes up again, the most urgent first."""
        return []

    def owed(self, history: History) -> tuple[IntArray, int] | None:
        """What would still be trained if one more candidate came and then none; None where nothing is taken up again.

        Returns:
            Columns that each training would still get, as far as one can tell from the values so far, (trials,), and
            columns of those that are not there yet.
        """
        return None

    def varied(self, value: Any) -> Self:
        """The same stopper, prepared alike, with another value of its knob; what both know of the curves is shared."""
        if self.knob is None:
            raise WarmnasError(f"stopper '{name_of(type(self))}' has no knob to turn")
        twin = copy.copy(self)
        setattr(twin, self.knob, value)
        twin.checks = frozenset(twin.check_epochs(self.setting.total))
        return twin

    def foresee(self, values: FloatArray) -> None:  # noqa: B027 - only those that gain by it
        """Curves (n, total) whose prefixes will be asked about: what is said of each prefix alone may be computed at once.

        It changes no decision and is for replays, where many orders of the same candidates follow.
        """

    def saved_seconds(self) -> float:
        """Computing that was done in :meth:`foresee` and that the decisions since then would have cost."""
        return 0.0


stoppers: Registry[Callable[..., Stopper]] = Registry("stopper")


def name_of(kind: type[Stopper]) -> str:
    """The name that a class is registered under, or its own."""
    return next((name for name, entry in stoppers.items() if entry is kind), kind.__name__)


def make_stopper(spec: str, setting: Setting) -> Stopper:
    """A prepared stopper from its name and options, such as ``i-epoch[epochs=4]``; see :func:`new_stopper`."""
    return new_stopper(spec, setting).prepare(setting)


def new_stopper(spec: str, setting: Setting) -> Stopper:
    """A stopper that has learned nothing yet, checked against a setting.

    Raises:
        UnknownName: for a name or an option that does not exist.
        WarmnasError: where an option's value is wrong, or the method cannot do with the setting.
    """
    name, options = parse_spec(spec)
    kind = stoppers[name]
    known = list(inspect.signature(kind).parameters)
    for option in options:
        if option not in known:
            raise UnknownName(f"option of {name}", option, known)
    try:
        stopper = kind(**options)
        stopper.refuse(setting)
        return stopper
    except (TypeError, ValueError) as error:
        if not options:
            raise
        raise WarmnasError(f"stopper '{spec}': an option has a wrong value ({error})") from error


def spread_epochs(total: int) -> list[int]:
    """Every epoch but the last, or MOST_CHECKS of them, denser at the beginning."""
    if total - 1 <= MOST_CHECKS:
        return list(range(1, total))
    step = (total - 1) ** (1 / (MOST_CHECKS - 1))
    epochs: list[int] = []
    for place in range(MOST_CHECKS):
        epochs.append(max(round(step**place), epochs[-1] + 1 if epochs else 1))
    return [epoch for epoch in np.minimum(epochs, total - 1).tolist() if epoch < total]


def require(name: str, value: float, low: float, high: float = np.inf) -> None:
    """WarmnasError where an option is not a number between ``low`` and ``high``."""
    if isinstance(value, str) or not low <= value <= high:
        bounds = f"at least {low:g}" if high == np.inf else f"{low:g} to {high:g}"
        raise WarmnasError(f"{name} is a number of {bounds}, not {value}")
