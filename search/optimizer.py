"""Optimizers: they propose architectures and learn what became of them, R independent runs in lock-step.

:class:`Optimizer` is the interface, :class:`CandidateOptimizer` its base for searches among a fixed list, and
:func:`per_run` turns an optimizer that was written for a single run into one for many.
"""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..bench import FloatArray, Genotypes, IntArray, Registry, UnknownName, WarmnasError
from .problem import Problem
from .streams import child


class Optimizer(ABC):
    """Proposes and learns. Larger values are better, whatever the metric.

    Attributes:
        together: how many runs a study computes in one lock-step; None for all. Fewer where the runs are heavy, so that
            they can be spread over processes.
        charged: trainings on the target that come before the first proposal, such as landmarks of a descriptor. They are
            part of the budget.
    """

    together: int | None = None
    charged: int = 0

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    @abstractmethod
    def ask(self, n: int = 1) -> Genotypes:
        """The next ``n`` architectures of every run, none of them proposed before in that run: (runs, n, genes)."""

    @abstractmethod
    def tell(self, genotypes: Genotypes, values: FloatArray) -> None:
        """Results of what was asked: (runs, n, genes) and (runs, n)."""

    def note(self, genotypes: Genotypes, values: FloatArray, epochs: int) -> None:  # noqa: B027 - for who asks at fidelities
        """What trainings had after so many epochs, where a stopper ended or interrupted them, before :meth:`tell`.

        Shapes are those of :meth:`tell`. The same training may be noted again after more epochs; whole ones are noted too.
        Larger is better. Most optimizers learn from ``tell`` alone.
        """


_FIRST = 4  # key of the child stream that draws what a run starts with
LOOKS = 5  # neighbours looked at before all of them are


class CandidateOptimizer(Optimizer):
    """An optimizer that works on rows of the problem's candidates.

    A method fills in :meth:`propose` and, where it learns, :meth:`learn`.

    Attributes:
        rows: what was evaluated, shape (runs, evaluations); values: what was observed, the same shape.
        free: what may still be proposed, shape (runs, candidates).
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.streams = problem.streams()
        self.runs = np.arange(problem.runs)
        # One more column, never free, stands for "no such neighbour"; the flat array is the same memory, and addressing it
        # by (first of the run + row) is twice as fast.
        width = len(problem.candidates) + 1
        self._free = np.ones(problem.runs * width, dtype=bool)
        self._first_of_run = self.runs * width
        self._free[self._first_of_run + width - 1] = False
        self.free = self._free.reshape(problem.runs, width)[:, :-1]
        self._rows = np.empty((problem.runs, problem.budget), dtype=np.int64)
        self._values = np.empty((problem.runs, problem.budget))
        self._last: tuple[Genotypes | None, IntArray] = None, np.empty((problem.runs, 0), dtype=np.int64)
        self.evaluations = 0

    @property
    def rows(self) -> IntArray:
        """Candidates evaluated so far, shape (runs, evaluations)."""
        return self._rows[:, : self.evaluations]

    @property
    def values(self) -> FloatArray:
        """Their observed values, shape (runs, evaluations)."""
        return self._values[:, : self.evaluations]

    @abstractmethod
    def propose(self) -> IntArray:
        """One free candidate per run, shape (runs,)."""

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """One new result per run, two arrays of shape (runs,). The history already holds it."""

    def ask(self, n: int = 1) -> Genotypes:
        """See :class:`Optimizer`."""
        rows = self._take()[:, None] if n == 1 else np.stack([self._take() for _ in range(n)], axis=1)
        genotypes = self.problem.candidates.genotypes.take(rows, axis=0)
        self._last = genotypes, rows
        return genotypes

    def _take(self) -> IntArray:
        rows = self.propose()
        self._free[self._first_of_run + rows] = False
        return rows

    def tell(self, genotypes: Genotypes, values: FloatArray) -> None:
        """See :class:`Optimizer`."""
        if genotypes is self._last[0]:
            rows = self._last[1]
        else:
            rows = self.problem.candidates.rows(genotypes)
            self.free[self.runs[:, None], rows] = False
        for i in range(rows.shape[1]):
            self._rows[:, self.evaluations] = rows[:, i]
            self._values[:, self.evaluations] = values[:, i]
            self.evaluations += 1
            self.learn(rows[:, i], values[:, i])

    def any_free(self, run: int) -> int:
        """A uniformly drawn free candidate of one run, from that run's own stream."""
        return int(self.streams.own(run).choice(np.flatnonzero(self.free[run])))

    def draw(self, rows: IntArray) -> IntArray:
        """``rows`` with every -1 replaced by a uniformly drawn free candidate, shape (runs,)."""
        if rows.min() < 0:
            for run in (rows < 0).nonzero()[0]:
                rows[run] = self.any_free(int(run))
        return rows

    def neighbour(self, rows: IntArray, u: FloatArray | None = None) -> IntArray:
        """A uniformly drawn free neighbour of each, -1 where there is none: (runs,) -> (runs,).

        The first free one of a few looks; a run that saw none draws among what is free around it. Together that is uniform
        among the free, and costs less than looking at all of them. ``u`` are LOOKS + 1 uniform numbers per run, drawn here
        where they are not given.
        """
        near = self.problem.candidates.around(rows)
        if u is None:
            u = self.streams.random((len(rows), LOOKS + 1))
        looks = (u[:, :LOOKS] * near.shape[1]).astype(np.int64) + (rows * near.shape[1])[:, None]
        seen = near.take(looks)
        free = self._free.take(self._first_of_run[:, None] + seen)
        first = free.argmax(axis=1) + self.runs * LOOKS
        picked: IntArray = seen.take(first)
        found = free.take(first)
        if not found.all():
            for run in (~found).nonzero()[0]:
                around = near[rows[run]]
                left = around[self._free[self._first_of_run[run] + around]]
                picked[run] = left[int(u[run, LOOKS] * len(left))] if len(left) else -1
        return picked

    def first_random(self, n: int) -> IntArray:
        """The first ``n`` of a random order of the candidates, shape (runs, n).

        Every optimizer of a study that starts at random starts with the same ones, so that differences are paired.
        """
        total, budget = len(self.problem.candidates), self.problem.budget
        generators = [np.random.default_rng(child(seed, _FIRST)) for seed in self.problem.seeds]
        first: IntArray = np.stack([rng.choice(total, budget, replace=False)[:n] for rng in generators])
        return first


class OrderOptimizer(CandidateOptimizer):
    """An optimizer whose order is fixed before the first result."""

    @abstractmethod
    def order(self) -> IntArray:
        """The first ``budget`` candidates of each run, shape (runs, budget)."""

    def propose(self) -> IntArray:
        """The next of the order."""
        if not hasattr(self, "_order"):
            self._order, self._next = self.order(), 0
        self._next += 1
        following: IntArray = self._order[:, self._next - 1]
        return following


optimizers: Registry[Callable[..., Optimizer]] = Registry("optimizer")


class SingleRun(Protocol):
    """An optimizer written for one run; ``__init__(problem, rng, **options)``."""

    def ask(self) -> npt.NDArray[np.int8]:
        """One genotype, shape (genes,), not asked before."""
        ...

    def tell(self, genotype: npt.NDArray[np.int8], value: float) -> None:
        """What became of it."""
        ...


def per_run(factory: Callable[..., SingleRun]) -> Callable[..., Optimizer]:
    """Loop an optimizer that was written for one run over all runs: put it between ``@optimizers(...)`` and the class."""

    class Looped(Optimizer):
        together = 4

        def __init__(self, problem: Problem, **options: Any) -> None:
            super().__init__(problem)
            generators = problem.streams().generators
            self._each = [factory(problem.single(r), generators[r], **options) for r in range(problem.runs)]

        def ask(self, n: int = 1) -> Genotypes:
            asked = np.stack([np.stack([one.ask() for _ in range(n)]) for one in self._each])
            return self.problem.candidates.space.check(asked)

        def tell(self, genotypes: Genotypes, values: FloatArray) -> None:
            for one, asked, told in zip(self._each, genotypes, values, strict=True):
                for genotype, value in zip(asked, told, strict=True):
                    one.tell(genotype, float(value))

    # inspect.signature follows this, so that an unknown option is refused by name.
    setattr(Looped, "__wrapped__", factory)  # noqa: B010
    return Looped


def make_optimizer(spec: str, problem: Problem) -> Optimizer:
    """An optimizer from its name and options, such as ``rea`` or ``rea[population=50,sample=10]``.

    Raises:
        UnknownName: for a name or an option that does not exist.
        WarmnasError: where the problem lacks what the optimizer needs, or an option's value is wrong.
    """
    name, options = check_spec(spec)
    try:
        return factory(name)(problem, **options)
    except (TypeError, ValueError) as error:
        if not options:
            raise
        raise WarmnasError(f"optimizer '{spec}': an option has a wrong value ({error})") from error


def factory(name: str) -> Callable[..., Optimizer]:
    """What makes the optimizer of that name: one of ours, or ``library:name`` of another library."""
    library, colon, theirs = name.partition(":")
    if not colon:
        return optimizers[name]
    from .adapters import adapted

    return adapted(library, theirs)


def check_spec(spec: str) -> tuple[str, dict[str, int | float | str]]:
    """Name and options of ``spec``; UnknownName where one of them does not exist."""
    name, options = parse_spec(spec)
    parameters = inspect.signature(factory(name)).parameters
    known = [p for p in parameters if p not in {"problem", "rng", "options"}]
    for option in options:
        if option not in known and "options" not in parameters:
            raise UnknownName(f"option of {name}", option, known)
    return name, options


def parse_spec(spec: str) -> tuple[str, dict[str, int | float | str]]:
    """Split ``name[option=value,...]``; numbers become numbers."""
    match = re.fullmatch(r"([^\[\]]+)(?:\[([^\[\]]*)\])?", spec.strip())
    if match is None:
        raise WarmnasError(f"'{spec}' is not of the form name or name[option=value,...]")
    options: dict[str, int | float | str] = {}
    for part in filter(None, (match.group(2) or "").split(",")):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise WarmnasError(f"'{part}' in '{spec}' is not of the form option=value")
        options[key.strip()] = _number(value.strip())
    return match.group(1), options


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
