"""The study: every optimizer on every task, many paired runs in lock-step, under the rules of an honest figure.

* A run sees the validation value of what it evaluated and the source rows that it drew, nothing else.
* Regret is on the mean over seeds, against the best of the task's candidates; test is only reported.
* An architecture is evaluated once per run; the candidates of every optimizer are the same.
* Run r of every optimizer has the same seed and the same source rows, so that differences are paired.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from ..bench import Table, WarmnasError
from .fronts import Attained, statistics_of
from .model_source import fingerprint
from .objectives import cost_name
from .optimizer import factory, make_optimizer, parse_spec
from .outcome import Outcome, Record, joined, padded
from .problem import Problem
from .protocol import Protocol, find_tasks, make_problem
from .ranks import compared
from .run import check_charged, run_part
from .statistics import across_tasks, within_task
from .workers import Part, run_parts

Progress = Callable[[str, str, int], None]  # (task, optimizer, evaluations just done)


@dataclass(frozen=True)
class StudyResult:
    """Outcomes of a study, in the order of tasks and optimizers."""

    protocol: Protocol
    tables: tuple[Table, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def tasks(self) -> list[str]:
        """Target tasks in the order of the study."""
        return list(dict.fromkeys(outcome.task for outcome in self.outcomes))

    def of(self, task: str) -> list[Outcome]:
        """The outcomes of one task."""
        return [outcome for outcome in self.outcomes if outcome.task == task]

    def protocol_hash(self) -> str:
        """Hash of tables, splits, sources, rows, budget and seeds: equal hashes may be compared."""
        tables = {t.name: [t.hash, t.splits, self.protocol.left_out(t)] for t in self.tables}
        # What is left out stands beside each table as it was applied, said or by default.
        said = asdict(replace(self.protocol, leave_out=None))
        for later in (
            "schedule",
            "seconds",
            "stopper",
            "objectives",
            "model",
        ):  # what older versions did not know does not change their hashes
            if said[later] is None:
                del said[later]
        if self.protocol.model is not None:  # what is in the file counts, not where it lies
            said["model"] = fingerprint(self.protocol.model)
        text = json.dumps([said, tables], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @cached_property
    def fronts(self) -> tuple[Attained, ...]:
        """What the outcomes attained of two objectives, in their order; nothing where there is one."""
        cost = self.protocol.objectives
        return () if cost is None else tuple(Attained(outcome, cost) for outcome in self.outcomes)

    @cached_property
    def statistics(self) -> dict[str, Any]:
        """Tests within each task at the final budget; per benchmark means with intervals and ranks over its tasks.

        Ranks are also over the tasks of all benchmarks together, where there are several. With two objectives the same of
        hypervolumes.
        """
        within = [row for task in self.tasks for row in within_task(self.of(task), self.of(task)[0].points[-1])]
        across = {
            table.name: across_tasks([o for o in self.outcomes if o.table is table], "source-ranking")
            for table in self.tables
        }
        ranked = [compared([o for o in self.outcomes if o.table is table], table.name) for table in self.tables]
        ranked += [compared(self.outcomes, None)] if len(self.tables) > 1 else []
        ranks = [entry for entry in ranked if entry is not None]
        found = {"within_task": within, "across_tasks": across, "ranks": ranks}
        return {**found, "hypervolume": statistics_of(self.fronts)} if self.fronts else found


def study(
    tables: Sequence[Table],
    specs: Sequence[str],
    protocol: Protocol,
    progress: Progress | None = None,
    workers: int = 1,
) -> StudyResult:
    """Run every optimizer on every task of ``protocol.tasks`` (``("all",)`` for all).

    Args:
        tables: benchmarks that hold the tasks.
        specs: optimizers, each ``name`` or ``name[option=value,...]``.
        protocol: what is compared with what.
        progress: told of evaluations as they are done; a run's evaluation counts as one.
        workers: processes; the result does not depend on it.

    Raises:
        WarmnasError: before anything is run, where a name, an option, a budget or a source does not exist.
    """
    targets = find_tasks(tables, protocol.tasks)
    protocol = _refined(replace(protocol, tasks=tuple(task for _, task in targets)))
    names = list(dict.fromkeys(specs))
    problems = {task: make_problem(table, task, protocol) for table, task in targets}
    _check(targets, problems, names, protocol)
    chunks = {spec: _chunks(spec, protocol.runs) for spec in names}
    parts = [(table, task, spec, chunk) for table, task in targets for spec in names for chunk in chunks[spec]]

    def start(table: Table, task: str, spec: str, chunk: tuple[int, int]) -> Part[Record]:
        return _part(table, task, spec, problems[task].part(*chunk), protocol)

    def tell(part: int, evaluations: int) -> None:
        if progress is not None:
            _, task, spec, _ = parts[part]
            progress(task, spec, evaluations)

    records = iter(run_parts([start(*part) for part in parts], workers, tell))
    complete = [joined([next(records) for _ in chunks[spec]]) for _ in targets for spec in names]
    width = protocol.budget or max(record.rows.shape[1] for record in complete)
    complete = [padded(record, width) for record in complete]
    settings = [(table, task, spec) for table, task in targets for spec in names]
    outcomes = [
        Outcome(**vars(record), table=table, task=task, optimizer=spec, limit=protocol.seconds)
        for record, (table, task, spec) in zip(complete, settings, strict=True)
    ]
    used = tuple(table for table in tables if any(table is t for t, _ in targets))
    return StudyResult(protocol, used, tuple(outcomes))


def _refined(protocol: Protocol) -> Protocol:
    """The protocol with the full name of its cost; WarmnasError where its parts exclude each other."""
    if protocol.objectives is None:
        return protocol
    if protocol.stopper is not None:
        raise WarmnasError(
            "--objectives with --stopper: a stopper ends what will not beat the best value, however cheap it is, so "
            "that much of a front stays untrained; leave one of them out"
        )
    return replace(protocol, objectives=cost_name(protocol.objectives))


def _check(
    targets: Sequence[tuple[Table, str]], problems: Mapping[str, Problem], specs: Sequence[str], protocol: Protocol
) -> None:
    """WarmnasError where an optimizer or the stopper cannot do with a task."""
    for problem in problems.values():
        for spec in specs:
            check_charged(make_optimizer(spec, problem.part(0, 1)), spec, protocol.seconds)
    if protocol.stopper is not None:
        from .stop_run import check_stopper

        for table, task in targets:
            check_stopper(table, task, protocol.stopper, protocol.schedule, protocol.budget)


def _part(table: Table, task: str, spec: str, problem: Problem, protocol: Protocol) -> Part[Record]:
    """Some runs of an optimizer: a record, which, unlike an outcome, comes back without a copy of the table."""
    limits: dict[str, Any] = {"schedule": protocol.schedule, "seconds": protocol.seconds}
    stopper, observe = protocol.stopper, protocol.observe
    if stopper is None:
        return lambda report: run_part(table, task, spec, problem, observe, report, **limits)
    from .stop_run import run_stopped

    return lambda report: run_stopped(table, task, spec, stopper, problem, observe, report, **limits)


def _chunks(spec: str, runs: int) -> list[tuple[int, int]]:
    """First and last + 1 of the runs that an optimizer computes together."""
    together = getattr(factory(parse_spec(spec)[0]), "together", None) or runs
    return [(first, min(first + together, runs)) for first in range(0, runs, together)]
