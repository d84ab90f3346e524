"""The study: every optimizer on every task, many paired runs in lock-step, under the rules of an honest figure.

* A run sees the validation value of what it evaluated and the source rows that it drew, nothing else.
* Regret is on the mean over seeds, against the best of the task's candidates; test is only reported.
* An architecture is evaluated once per run; the candidates of every optimizer are the same.
* Run r of every optimizer has the same seed and the same source rows, so that differences are paired.
"""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..bench import Split, Table, UnknownName, WarmnasError
from .evaluator import Observe, TableEvaluator
from .optimizer import make_optimizer, optimizers, parse_spec
from .outcome import Outcome, joined
from .problem import Problem
from .sources import LeaveOut, draw_sources, source_tasks
from .statistics import across_tasks, within_task
from .streams import Streams, child
from .workers import Part, run_parts

Progress = Callable[[str, str, int], None]  # (task, optimizer, evaluations just done)
_NOISE = 2  # key of the child stream that draws observed seeds


@dataclass(frozen=True)
class Protocol:
    """What makes two studies comparable.

    Attributes:
        tasks: target tasks.
        budget: evaluations per run.
        runs: independent runs.
        seed: of the whole study; run r of a task derives from (seed, task, r).
        observe: what an optimizer sees.
        sources: ``all``, ``none`` or names with commas between.
        source_rows: rows that a run draws per source task; None for all.
        leave_out: what is left out with the target; None takes the table's own default.
    """

    tasks: tuple[str, ...]
    budget: int
    runs: int
    seed: int = 0
    observe: Observe = "mean"
    sources: str = "all"
    source_rows: int | None = 200
    leave_out: LeaveOut | None = None

    def left_out(self, table: Table) -> LeaveOut:
        """``task`` or ``family``, the table's default where nothing was said."""
        default: LeaveOut = "family" if table.data.attrs.get("leave_out") == "family" else "task"
        return self.leave_out or default


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
        text = json.dumps([asdict(self.protocol), tables], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def statistics(self) -> dict[str, Any]:
        """Tests within each task at the final budget, and means with intervals over tasks per benchmark."""
        within = [row for task in self.tasks for row in within_task(self.of(task), self.protocol.budget)]
        across = {
            table.name: across_tasks([o for o in self.outcomes if o.table is table], "source-ranking")
            for table in self.tables
        }
        return {"within_task": within, "across_tasks": across}


def find_tasks(tables: Sequence[Table], names: Sequence[str]) -> list[tuple[Table, str]]:
    """Tables and tasks of the given names; ``all`` stands for every task of every table."""
    known = {task: table for table in tables for task in table.tasks}
    if list(names) == ["all"]:
        return [(table, task) for task, table in known.items()]
    for name in names:
        if name not in known:
            raise UnknownName("task", name, ["all", *known])
    return [(known[name], name) for name in dict.fromkeys(names)]


def run_seeds(seed: int, task: str, runs: int) -> tuple[np.random.SeedSequence, ...]:
    """One seed per run; they do not depend on the other tasks, on the optimizer or on how many runs there are."""
    root = np.random.SeedSequence(seed, spawn_key=(zlib.crc32(task.encode()),))
    return tuple(child(root, run) for run in range(runs))


def make_problem(table: Table, task: str, protocol: Protocol) -> Problem:
    """What the optimizers of a study may know of one target task."""
    if not table.has(task, Split.VAL):
        table.resolve(task, Split.VAL)
    candidates = table.candidates(task)
    if not 1 <= protocol.budget <= len(candidates):
        raise WarmnasError(f"--budget {protocol.budget}: {task} has 1 to {len(candidates)} candidates to evaluate")
    if protocol.runs < 1:
        raise WarmnasError(f"--runs {protocol.runs}: at least one run is needed")
    seeds = run_seeds(protocol.seed, task, protocol.runs)
    names = source_tasks(table, task, protocol.sources, protocol.left_out(table))
    sources = draw_sources(table, names, protocol.source_rows, seeds, protocol.observe)
    return Problem(candidates, seeds, protocol.budget, sources, live_params(table, task))


def live_params(table: Table, task: str) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Parameters on live paths of a task's candidates: by the space's own formula, else the table's counts.

    A canonical NAS-Bench-Graph architecture has no dead operations, so there the table counts live parameters.
    """
    candidates = table.candidates(task)
    classes = int(table.data["classes"].values[table.tasks.index(task)]) if "classes" in table.data.coords else 10
    by_formula = table.space.live_params(candidates.genotypes, classes)
    if by_formula is not None:
        return by_formula
    counts = table.column("params", task)
    return None if counts is None else counts[candidates.table_rows]


def run_optimizer(
    table: Table,
    task: str,
    spec: str,
    problem: Problem,
    observe: Observe,
    report: Callable[[int], None] | None = None,
) -> Outcome:
    """One optimizer on one task; WarmnasError where it proposes an architecture twice or none of the candidates."""
    started = time.perf_counter()
    evaluator = TableEvaluator(table, task, observe, Streams([child(seed, _NOISE) for seed in problem.seeds]))
    optimizer = make_optimizer(spec, problem)
    shape = (problem.runs, problem.budget)
    values, seconds = np.empty(shape), np.empty(shape)
    genotypes = np.empty((*shape, problem.candidates.genotypes.shape[1]), dtype=np.int8)
    fit, proposal = np.empty(problem.budget), np.empty(problem.budget)
    clock = time.perf_counter
    for step in range(problem.budget):
        t0 = clock()
        asked = optimizer.ask(1)
        t1 = clock()
        result = evaluator.evaluate(asked)
        t2 = clock()
        optimizer.tell(asked, result.values)
        proposal[step], fit[step] = t1 - t0, clock() - t2
        genotypes[:, step] = asked[:, 0]
        values[:, step], seconds[:, step] = result.values[:, 0], result.seconds[:, 0]
        if report is not None:
            report(problem.runs)
    rows = problem.candidates.rows(genotypes)
    _check_once(rows, spec)
    return Outcome(
        table=table,
        task=task,
        optimizer=spec,
        rows=problem.candidates.table_rows[rows],
        observed=table.metrics[task].sign * values,
        seconds=seconds,
        fit_seconds=fit / problem.runs,
        proposal_seconds=proposal / problem.runs,
        wall_seconds=time.perf_counter() - started,
    )


def _check_once(rows: np.ndarray[Any, np.dtype[np.int64]], spec: str) -> None:
    ordered = np.sort(rows, axis=1)
    if (rows < 0).any():
        raise WarmnasError(f"optimizer '{spec}' proposed an architecture that is not a candidate")
    if (ordered[:, 1:] == ordered[:, :-1]).any():
        raise WarmnasError(f"optimizer '{spec}' proposed an architecture twice in one run")


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
    protocol = replace(protocol, tasks=tuple(task for _, task in targets))
    names = list(dict.fromkeys(specs))
    problems = [make_problem(table, task, protocol) for table, task in targets]
    for problem in problems:
        for spec in names:
            make_optimizer(spec, problem.part(0, 1))
    kinds = [(target, problem, spec) for target, problem in zip(targets, problems, strict=True) for spec in names]
    parts = [(kind, chunk) for kind in kinds for chunk in _chunks(kind[2], protocol.runs)]

    def start(kind: tuple[tuple[Table, str], Problem, str], chunk: tuple[int, int]) -> Part[Outcome]:
        (table, task), problem, spec = kind
        return lambda report: run_optimizer(table, task, spec, problem.part(*chunk), protocol.observe, report)

    def tell(part: int, evaluations: int) -> None:
        if progress is not None:
            (_, task), _, spec = parts[part][0]
            progress(task, spec, evaluations)

    pieces = iter(run_parts([start(*part) for part in parts], workers, tell))
    outcomes = [joined([next(pieces) for _ in _chunks(spec, protocol.runs)]) for _, _, spec in kinds]
    used = tuple(table for table in tables if any(table is t for t, _ in targets))
    return StudyResult(protocol, used, tuple(outcomes))


def _chunks(spec: str, runs: int) -> list[tuple[int, int]]:
    """First and last + 1 of the runs that an optimizer computes together."""
    together = getattr(optimizers[parse_spec(spec)[0]], "together", None) or runs
    return [(first, min(first + together, runs)) for first in range(0, runs, together)]
