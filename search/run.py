"""One optimizer on one task: propose, evaluate, learn, with the clocks apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..bench import IntArray, Table, WarmnasError
from .clock import Clock
from .evaluator import Observe, TableEvaluator
from .optimizer import make_optimizer
from .outcome import Outcome, Record
from .problem import Problem
from .streams import Streams, child

_NOISE = 2  # key of the child stream that draws observed seeds


def run_optimizer(
    table: Table,
    task: str,
    spec: str,
    problem: Problem,
    observe: Observe,
    report: Callable[[int], None] | None = None,
    *,
    schedule: int | None = None,
    seconds: float | None = None,
) -> Outcome:
    """One optimizer on one task; WarmnasError where it proposes an architecture twice or none of the candidates.

    With ``seconds`` a run ends as :mod:`warmnas.search.clock` says, and the outcome is as wide as its longest run.
    """
    record = run_part(table, task, spec, problem, observe, report, schedule=schedule, seconds=seconds)
    return Outcome(**vars(record), table=table, task=task, optimizer=spec, limit=seconds)


def run_part(
    table: Table,
    task: str,
    spec: str,
    problem: Problem,
    observe: Observe,
    report: Callable[[int], None] | None = None,
    *,
    schedule: int | None = None,
    seconds: float | None = None,
) -> Record:
    """The loop of propose, evaluate and learn; see :func:`run_optimizer`.

    Runs go on in lock-step until the last of them has spent its time; what a run that has ended still proposes is not
    recorded, and changes nothing for the others.
    """
    started = time.perf_counter()
    streams = Streams([child(seed, _NOISE) for seed in problem.seeds])
    evaluator = TableEvaluator(table, task, observe, streams, schedule)
    optimizer = make_optimizer(spec, problem)
    timer = None if seconds is None else Clock.start(seconds, problem.runs)
    shape = (problem.runs, problem.budget)
    values, charged = np.empty(shape), np.empty(shape)
    genotypes = np.empty((*shape, problem.candidates.genotypes.shape[1]), dtype=np.int8)
    fit, proposal, going = np.empty(problem.budget), np.empty(problem.budget), np.ones(problem.budget)
    clock = time.perf_counter
    steps = 0
    for step in range(problem.budget):
        t0 = clock()
        asked = optimizer.ask(1)
        t1 = clock()
        result = evaluator.evaluate(asked)
        if timer is not None:
            granted = int(timer.charge(result.seconds[:, 0]).sum())
            if not granted:
                break
            going[step] = granted / problem.runs
        t2 = clock()
        optimizer.tell(asked, result.values)
        proposal[step], fit[step] = t1 - t0, clock() - t2
        genotypes[:, step] = asked[:, 0]
        values[:, step], charged[:, step] = result.values[:, 0], result.seconds[:, 0]
        steps += 1
        if report is not None:
            report(problem.runs if timer is None else granted)
    rows = problem.candidates.rows(genotypes[:, :steps])
    _check_once(rows, spec)
    part = going[:steps] / problem.runs  # a run that has ended has no more overhead
    return _recorded(
        Record(
            rows=problem.candidates.table_rows[rows],
            observed=table.metrics[task].sign * values[:, :steps],
            seconds=charged[:, :steps],
            fit_seconds=fit[:steps] * part,
            proposal_seconds=proposal[:steps] * part,
            wall_seconds=time.perf_counter() - started,
        ),
        timer,
    )


def _recorded(record: Record, timer: Clock | None) -> Record:
    """The record without what was proposed after a run's end."""
    if timer is None:
        return record
    after = np.arange(record.rows.shape[1]) >= timer.evaluations[:, None]
    return replace(
        record,
        rows=np.where(after, -1, record.rows),
        observed=np.where(after, np.nan, record.observed),
        seconds=np.where(after, 0.0, record.seconds),
    )


def _check_once(rows: IntArray, spec: str) -> None:
    ordered = np.sort(rows, axis=1)
    if (rows < 0).any():
        raise WarmnasError(f"optimizer '{spec}' proposed an architecture that is not a candidate")
    if (ordered[:, 1:] == ordered[:, :-1]).any():
        raise WarmnasError(f"optimizer '{spec}' proposed an architecture twice in one run")
