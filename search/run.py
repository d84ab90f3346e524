"""One optimizer on one task: propose, evaluate, learn, with the clocks apart."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from ..bench import IntArray, Table, WarmnasError
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
) -> Outcome:
    """One optimizer on one task; WarmnasError where it proposes an architecture twice or none of the candidates."""
    record = run_part(table, task, spec, problem, observe, report)
    return Outcome(**vars(record), table=table, task=task, optimizer=spec)


def run_part(
    table: Table, task: str, spec: str, problem: Problem, observe: Observe, report: Callable[[int], None] | None
) -> Record:
    """The loop of propose, evaluate and learn; see :func:`run_optimizer`."""
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
    return Record(
        rows=problem.candidates.table_rows[rows],
        observed=table.metrics[task].sign * values,
        seconds=seconds,
        fit_seconds=fit / problem.runs,
        proposal_seconds=proposal / problem.runs,
        wall_seconds=time.perf_counter() - started,
    )


def _check_once(rows: IntArray, spec: str) -> None:
    ordered = np.sort(rows, axis=1)
    if (rows < 0).any():
        raise WarmnasError(f"optimizer '{spec}' proposed an architecture that is not a candidate")
    if (ordered[:, 1:] == ordered[:, :-1]).any():
        raise WarmnasError(f"optimizer '{spec}' proposed an architecture twice in one run")
