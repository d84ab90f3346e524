"""One optimizer on one task: propose, evaluate, learn, with the clocks apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bench import Genotypes, IntArray, Table, WarmnasError
from .clock import Clock
from .evaluator import Evaluation, Observe, TableEvaluator
from .optimizer import CandidateOptimizer, Optimizer, make_optimizer
from .outcome import Outcome, Record, best_so_far
from .problem import Problem
from .streams import OBSERVED, Streams, child


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
    clock = time.perf_counter
    started = clock()
    streams = Streams([child(seed, OBSERVED) for seed in problem.seeds])
    evaluator = TableEvaluator(table, task, observe, streams, schedule)
    optimizer = make_optimizer(spec, problem)
    check_charged(optimizer, spec, seconds)
    timer = None if seconds is None else Clock.start(seconds, problem.runs)
    tape = _Tape(problem)
    for _ in range(problem.budget - optimizer.charged):
        t0 = clock()
        asked = optimizer.ask(1)
        t1 = clock()
        result = evaluator.evaluate(asked)
        granted = problem.runs if timer is None else int(timer.charge(result.seconds[:, 0]).sum())
        if not granted:
            break
        t2 = clock()
        optimizer.tell(asked, result.values)
        tape.write(asked, result, granted, t1 - t0, clock() - t2)
        if report is not None:
            report(granted)
    record = tape.record(problem, spec, table.metrics[task].sign, clock() - started)
    if optimizer.charged:
        return _charged(record, optimizer, table.metrics[task].sign)
    return record if timer is None else _granted(record, timer)


def check_charged(optimizer: Optimizer, spec: str, seconds: float | None) -> None:
    """WarmnasError where trainings before the first proposal would have to be charged in seconds, which nobody knows."""
    if optimizer.charged and seconds is not None:
        raise WarmnasError(
            f"{spec} trains {optimizer.charged} landmark networks on the target first, whose times no table has, and "
            "--seconds charges them; give --budget alone"
        )


def _charged(record: Record, optimizer: Optimizer, sign: int) -> Record:
    """The record behind the trainings that came first, during which a run would return a random candidate."""
    assert isinstance(optimizer, CandidateOptimizer)
    problem = optimizer.problem
    n = min(optimizer.charged, problem.budget)
    at_first = problem.candidates.table_rows[optimizer.first_random(1)].repeat(n, axis=1)
    best = np.take_along_axis(record.rows, best_so_far(sign * record.observed), axis=1)

    def behind(values: npt.NDArray[Any], value: float) -> npt.NDArray[Any]:
        return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(n, 0)], constant_values=value)

    return replace(
        record,
        rows=behind(record.rows, -1),
        observed=behind(record.observed, np.nan),
        seconds=behind(record.seconds, np.nan),
        fit_seconds=behind(record.fit_seconds, 0.0),
        proposal_seconds=behind(record.proposal_seconds, 0.0),
        chosen=np.concatenate([at_first, best], axis=1),
    )


class _Tape:
    """What the steps of some runs left behind."""

    def __init__(self, problem: Problem) -> None:
        shape = (problem.runs, problem.budget)
        self.steps, self.runs = 0, problem.runs
        self.genotypes = np.empty((*shape, problem.candidates.genotypes.shape[1]), dtype=np.int8)
        self.values, self.seconds = np.empty(shape), np.empty(shape)
        self.proposal, self.fit = np.empty(problem.budget), np.empty(problem.budget)

    def write(self, asked: Genotypes, result: Evaluation, granted: int, proposal: float, fit: float) -> None:
        """A step of all runs; a run that has ended has no more overhead."""
        step, share = self.steps, granted / self.runs**2
        self.proposal[step], self.fit[step] = share * proposal, share * fit
        self.genotypes[:, step] = asked[:, 0]
        self.values[:, step], self.seconds[:, step] = result.values[:, 0], result.seconds[:, 0]
        self.steps += 1

    def record(self, problem: Problem, spec: str, sign: int, wall_seconds: float) -> Record:
        """The record of all steps; WarmnasError where an architecture stands in it twice or is no candidate."""
        steps = self.steps
        rows = problem.candidates.rows(self.genotypes[:, :steps])
        _check_once(rows, spec)
        return Record(
            rows=problem.candidates.table_rows[rows],
            observed=sign * self.values[:, :steps],
            seconds=self.seconds[:, :steps],
            fit_seconds=self.fit[:steps],
            proposal_seconds=self.proposal[:steps],
            wall_seconds=wall_seconds,
        )


def _granted(record: Record, timer: Clock) -> Record:
    """The record without what was proposed after a run's end."""
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
