"""The rules of a study as a value, and the problem that they make of a task: what an optimizer may know of it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..bench import Split, Table, UnknownName, WarmnasError
from ..transfer.rapidnas.described import Described, described
from .chains import chains_of
from .clock import charged_seconds
from .evaluator import Observe
from .model_source import model_source, refuse_relative
from .objectives import costs_of, live_params, scaled_costs
from .problem import Problem
from .sources import LeaveOut, draw_sources, source_tasks
from .streams import child


@dataclass(frozen=True)
class Protocol:
    """What makes two studies comparable.

    Attributes:
        tasks: target tasks.
        budget: evaluations per run; None for no limit but that of ``seconds``.
        runs: independent runs.
        seed: of the whole study; run r of a task derives from (seed, task, r).
        observe: what an optimizer sees.
        sources: ``all``, ``none`` or names with commas between.
        source_rows: rows that a run draws per source task; None for all.
        leave_out: what is left out with the target; None takes the table's own default.
        schedule: total epochs of the trainings that are observed and charged; None for the longest. Regret and test are
            those of the longest schedule in any case.
        seconds: simulated training time per run, see :mod:`warmnas.search.clock`; None for no limit.
        stopper: what ends trainings early, see :mod:`warmnas.search.stop_run`; None for nothing.
        objectives: the cost of a second objective, see :mod:`warmnas.search.objectives`; None for none.
        model: file of a fitted predictor, as one more source of every target, see :mod:`warmnas.search.model_source`.
    """

    tasks: tuple[str, ...]
    budget: int | None
    runs: int
    seed: int = 0
    observe: Observe = "mean"
    sources: str = "all"
    source_rows: int | None = 200
    leave_out: LeaveOut | None = None
    schedule: int | None = None
    seconds: float | None = None
    stopper: str | None = None
    objectives: str | None = None
    model: str | None = None

    def left_out(self, table: Table) -> LeaveOut:
        """``task`` or ``family``, the table's default where nothing was said."""
        default: LeaveOut = "family" if table.data.attrs.get("leave_out") == "family" else "task"
        return self.leave_out or default


def usual_source_rows(tables: Sequence[Table]) -> int | None:
    """Rows that a run draws per source task where nothing is said: 200, or all (None) where a task has fewer."""
    fewest = min((len(table.candidates(task)) for table in tables for task in table.tasks), default=0)
    return Protocol.source_rows if fewest >= (Protocol.source_rows or 0) else None


def find_tasks(tables: Sequence[Table], names: Sequence[str]) -> list[tuple[Table, str]]:
    """Tables and tasks of the given names; ``all`` stands for every task of every table that has validation values.

    Raises:
        UnknownName: for a task of none of the tables.
        WarmnasError: for one of two tables, or two tables of one name, which results could not tell apart.
    """
    called = [table.name for table in tables]
    if again := [name for i, name in enumerate(called) if name in called[:i]]:
        raise WarmnasError(f"two of the tables are called {again[0]}; import one of them under another --name")
    known: dict[str, Table] = {}
    twice: dict[str, Table] = {}
    for table in tables:
        twice |= {task: table for task in table.tasks if task in known}
        known |= {task: table for task in table.tasks if task not in known}
    if list(names) == ["all"]:
        names = [task for task, table in known.items() if table.has(task, Split.VAL)] or list(known)
    for name in names:
        if name not in known:
            raise UnknownName("task", name, ["all", *known])
        if name in twice:
            both = f"{known[name].name} and {twice[name].name}"
            raise WarmnasError(f"task '{name}' is in two of the tables, {both}; study them one at a time")
    return [(known[name], name) for name in dict.fromkeys(names)]


def run_seeds(seed: int, task: str, runs: int) -> tuple[np.random.SeedSequence, ...]:
    """One seed per run; they do not depend on the other tasks, on the optimizer or on how many runs there are."""
    root = np.random.SeedSequence(seed, spawn_key=(zlib.crc32(task.encode()),))
    return tuple(child(root, run) for run in range(runs))


def sources_of(table: Table, task: str, protocol: Protocol) -> tuple[str, ...]:
    """Names of the source tasks that a target has under a protocol, perhaps none."""
    return source_tasks(table, task, protocol.sources, protocol.left_out(table), protocol.schedule)


def make_problem(table: Table, task: str, protocol: Protocol) -> Problem:
    """What the optimizers of a study may know of one target task."""
    table.resolve(task, Split.VAL)  # refuses a table without validation values
    candidates = table.candidates(task)
    budget = _budget(table, task, protocol)
    if protocol.runs < 1:
        raise WarmnasError(f"--runs {protocol.runs}: at least one run is needed")
    missing = int(np.isnan(table.schedule_values(task, protocol.schedule)[candidates.table_rows]).sum())
    if missing:
        raise WarmnasError(
            f"--schedule {protocol.schedule}: {missing} of the {len(candidates)} candidates of {task} have no validation "
            f"value of that schedule in {table.name}"
        )
    seeds = run_seeds(protocol.seed, task, protocol.runs)
    names = sources_of(table, task, protocol)
    sources = draw_sources(table, names, protocol.source_rows, seeds, protocol.observe, protocol.schedule)
    images = tuple(described(table, name) for name in (task, *names))
    if protocol.model is not None:
        opinion, notes = model_source(protocol.model, table.space, candidates, protocol.runs)
        refuse_relative(protocol.model, notes, table, task, protocol.left_out(table))
        sources, images = (*sources, opinion), (*images, Described("", opinion.name, ""))
    chains = chains_of(table, task, names)
    costs = None if protocol.objectives is None else scaled_costs(costs_of(table, task, protocol.objectives))
    return Problem(candidates, seeds, budget, sources, live_params(table, task), images, chains, costs)


def _budget(table: Table, task: str, protocol: Protocol) -> int:
    """Evaluations that a run may make at most: --budget, or every candidate where only --seconds limits."""
    candidates = len(table.candidates(task))
    if protocol.seconds is not None:
        charged_seconds(table, task, protocol.schedule, protocol.seconds)  # refuses what cannot be charged
    elif protocol.budget is None:
        raise WarmnasError("no limit: give --budget, --seconds or both")
    # Not the number of trainings that could fit: that would tell of the times of architectures that nobody has trained.
    budget = candidates if protocol.budget is None else protocol.budget
    if not 1 <= budget <= candidates:
        raise WarmnasError(f"--budget {budget}: {task} has 1 to {candidates} candidates to evaluate")
    return budget
