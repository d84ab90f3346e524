"""One optimizer with one stopper on one task of a table: what ``warmnas study --stopper`` runs.

The optimizer proposes, the stopper says who goes on, and only the epochs that were trained are charged on the simulated
clock. What an optimizer is told, once for each architecture:

* the final value of a training that went to its end;
* of one that was stopped: the incumbent's final value less the gap between the two after as many epochs, which is how far
  behind it was, on the scale of final values; never better than the incumbent;
* the worst value so far of one that was not trained at all (zero-epoch).

Whenever a training is put away an optimizer may also note the value that it has and after how many epochs, for a model per
budget (BOHB).

A training that is taken up again later counts for what is returned, and is not told a second time. After every evaluation
the incumbent is the best of the whole trainings (of those trained longest, before there is one).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from ..bench import FloatArray, IntArray, Table, WarmnasError
from .evaluator import Observe
from .optimizer import make_optimizer
from .outcome import Record, joined
from .problem import Problem
from .stop_pool import column_seconds, finite, recorded
from .stop_simulation import Recorded, Simulation, with_workers
from .stoppers import History, Setting, SourceCurves, Stopper, make_stopper, new_stopper
from .streams import OBSERVED, child


def check_stopper(table: Table, task: str, spec: str, schedule: int | None, budget: int | None) -> None:
    """WarmnasError where the table has no curves of the task, or the stopper cannot do with them or with the limits."""
    values, levels = recorded(table, task, schedule)
    rows = table.candidates(task).table_rows
    missing = int((~finite(values[rows]).any(axis=1)).sum())
    if missing:
        raise WarmnasError(
            f"--stopper {spec}: {missing} of the {len(rows)} candidates of {task} have no whole learning curve in "
            f"{table.name}; leave --stopper out"
        )
    setting = Setting(values.shape[2], table.space, table.metrics[task], levels=levels)
    if new_stopper(with_workers(spec)[0], setting).counts and budget is None:
        raise WarmnasError(
            f"--stopper {spec} looks at candidates without training them, and --seconds does not say at how many; "
            "give --budget too"
        )


def run_stopped(
    table: Table,
    task: str,
    spec: str,
    stopper: str,
    problem: Problem,
    observe: Observe,
    report: Callable[[int], None] | None = None,
    *,
    schedule: int | None = None,
    seconds: float | None = None,
) -> Record:
    """Every run of one optimizer with one stopper, one after the other; as wide as the longest."""
    curves = TaskCurves(table, task, observe, schedule)
    name, workers = with_workers(stopper)
    prepared: dict[tuple[bytes, ...], Stopper] = {}
    records = []
    for run in range(problem.runs):
        single = problem.single(run)
        rows = [table.rows(source.genotypes[0]) for source in single.sources]
        key = tuple(part.tobytes() for part in rows)
        if key not in prepared:  # runs that know the same sources share what was learned of them
            prepared = {key: make_stopper(name, curves.setting(single, rows))}
        records.append(_run(curves, spec, prepared[key], single, workers, seconds))
        if report is not None:
            report(int((records[-1].rows >= 0).sum()))
    return joined(records)


class TaskCurves:
    """The recorded curves of a task's candidates, as a run observes them.

    Args:
        table, task: where they are from.
        observe: their mean over the recorded seeds, or one of these drawn for each candidate and run.
        schedule: total epochs of the trainings, None for the longest.
    """

    def __init__(self, table: Table, task: str, observe: Observe, schedule: int | None) -> None:
        self.table, self.task, self.observe, self.schedule = table, task, observe, schedule
        self.metric = table.metrics[task]
        self.rows: IntArray = table.candidates(task).table_rows
        self.values, self.levels = recorded(table, task, schedule)
        self.whole = finite(self.values)
        self.total = int(self.values.shape[2])
        of_seeds = [self._seconds(seed) for seed in range(self.values.shape[1])]
        known = [seconds for seconds in of_seeds if seconds is not None]
        self.seconds = np.stack(known, axis=1) if len(known) == len(of_seeds) else None

    def _seconds(self, seed: int) -> FloatArray | None:
        """Of every candidate with its first whole seed from this one on: (candidates, columns)."""
        later = np.roll(self.whole[self.rows], -seed, axis=1).argmax(axis=1)
        seeds = (later + seed) % self.whole.shape[1]
        return column_seconds(self.table, self.task, self.schedule, self.levels, self.rows, seeds, self.total)

    def observed(self, problem: Problem) -> Recorded:
        """What the one run of a problem would see, and its costs: seconds, or epochs where the table has no times."""
        values, whole = self.values[self.rows], self.whole[self.rows]
        epochs = np.ones(self.total) if self.levels is None else np.array(self.levels, dtype=np.float64)
        costs = np.broadcast_to(epochs, (len(values), self.total))
        if self.observe == "mean":
            weights = whole[:, :, None]
            seen = np.where(weights, values, 0.0).sum(axis=1) / weights.sum(axis=1)
            costs = costs if self.seconds is None else self.seconds.mean(axis=1)
        else:
            rng = np.random.default_rng(child(problem.seeds[0], OBSERVED))
            draws = (rng.random(len(values)) * whole.sum(axis=1)).astype(np.int64)
            pick = np.argsort(~whole, axis=1, kind="stable")[np.arange(len(values)), draws]
            seen = values[np.arange(len(values)), pick]
            costs = costs if self.seconds is None else self.seconds[np.arange(len(values)), pick]
        return Recorded(problem.candidates.genotypes, seen, costs, self.metric, None, self.levels is not None)

    def setting(self, problem: Problem, source_rows: list[IntArray]) -> Setting:
        """What a stopper may know: of the sources the rows that the run knows."""
        sources = []
        for source, rows in zip(problem.sources, source_rows, strict=True):
            if source.name not in self.table.tasks or self.table.metrics[source.name] != self.metric:
                continue  # a model's opinion has no curves
            values, levels = recorded(self.table, source.name, self.schedule)
            whole = finite(values)
            rows = rows[whole[rows].any(axis=1)]
            if levels == self.levels and values.shape[2] == self.total and len(rows):
                first = whole[rows].argmax(axis=1)
                sources.append(
                    SourceCurves(
                        source.name, self.table.genotypes[rows], values[rows, first], family=self.table.family(source.name)
                    )
                )
        seed = int(problem.seeds[0].generate_state(1)[0])
        return Setting(self.total, self.table.space, self.metric, problem.budget, tuple(sources), seed, self.levels)


class Proposals:
    """An optimizer of one run as a stream of candidates; it writes down what was told and who led at every proposal."""

    def __init__(self, spec: str, problem: Problem, sign: int) -> None:
        self.problem, self.sign = problem, sign
        self.optimizer = make_optimizer(spec, problem)
        self.asked: list[int] = []
        self.told: dict[int, float] = {}
        self.proposal, self.fit = np.zeros(problem.budget), np.zeros(problem.budget)
        self.states: list[tuple[int, float]] = []  # leading candidate and cost, when the next one is asked for
        self.look: Callable[[], tuple[int, float]] = lambda: (-1, 0.0)

    def next(self) -> int:
        """See :class:`~warmnas.search.stop_simulation.Stream`."""
        if self.asked:
            self.states.append(self.look())
        if len(self.asked) == self.problem.budget:
            return -1
        start = time.perf_counter()
        genotype = self.optimizer.ask(1)
        self.proposal[len(self.asked)] = time.perf_counter() - start
        candidate = int(self.problem.candidates.rows(genotype)[0, 0])
        if candidate < 0 or candidate in self.asked:
            what = "twice in one run" if candidate >= 0 else "that is not a candidate"
            raise WarmnasError(f"the optimizer proposed an architecture {what}")
        self.asked.append(candidate)
        return candidate

    def left(self) -> int:
        """See :class:`~warmnas.search.stop_simulation.Stream`."""
        return self.problem.budget - len(self.asked)

    def stopped(self, candidate: int, history: History, trial: int) -> None:
        """What it has at this budget, and a result once: unless the optimizer was told of this candidate before."""
        genotype = self.problem.candidates.genotypes[candidate][None, None]
        if seen := int(history.seen[trial]):
            value = self.sign * history.values[trial, seen - 1]
            self.optimizer.note(genotype, np.array([[value]]), seen)
        if candidate in self.told:
            return
        worst = history.metric.bounds[0 if self.sign > 0 else 1]
        lowest = min((self.sign * v for v in self.told.values()), default=self.sign * worst)
        self.told[candidate] = told_value(history, trial, self.sign * lowest)
        start = time.perf_counter()
        self.optimizer.tell(genotype, np.array([[self.sign * self.told[candidate]]]))
        self.fit[len(self.asked) - 1] += time.perf_counter() - start


def told_value(history: History, trial: int, worst: float) -> float:
    """What an optimizer is told of a training, in the metric's unit; see the head of this file."""
    seen, sign = int(history.seen[trial]), history.metric.sign
    if not seen:
        return worst if np.isfinite(worst) else 0.0
    value = float(history.values[trial, seen - 1])
    if seen == history.total or history.best is None:
        return value
    ahead = history.values[history.incumbent, seen - 1]
    if np.isnan(ahead):  # a schedule that the incumbent was not trained for
        return value if sign * (value - history.best) <= 0 else history.best
    told = history.best - sign * max(sign * (float(ahead) - value), 0.0)
    low, high = history.metric.bounds
    return float(np.clip(told, low, high))


def _run(curves: TaskCurves, spec: str, stopper: Stopper, problem: Problem, workers: int, limit: float | None) -> Record:
    """One run."""
    started = time.perf_counter()
    stream = Proposals(spec, problem, curves.metric.sign)
    simulation = Simulation(stopper, curves.observed(problem), stream, workers, limit)
    search = simulation.search

    def look() -> tuple[int, float]:
        leader = search.history.leader()
        return (search.candidates[leader] if leader >= 0 else stream.asked[0]), search.spent

    stream.look = look
    simulation.run()
    begun = zip(search.candidates, search.history.seen, strict=True)
    done = [
        candidate for candidate, seen in begun if seen or candidate in stream.told
    ]  # not what the time had none left for
    states = [*stream.states[: len(done) - 1], look()]
    steps = len(done)
    for trial, candidate in enumerate(search.candidates):  # cut off by the end of the time
        stream.told.setdefault(candidate, told_value(search.history, trial, np.nan))
    spent = np.array([cost for _, cost in states])
    seconds = np.diff(spent, prepend=0.0) if curves.seconds is not None else np.full(steps, np.nan)
    return Record(
        rows=curves.rows[done][None],
        observed=np.array([[stream.told[candidate] for candidate in done]]),
        seconds=seconds[None],
        fit_seconds=stream.fit[:steps] + search.overhead / steps,
        proposal_seconds=stream.proposal[:steps],
        wall_seconds=time.perf_counter() - started,
        chosen=curves.rows[[leader for leader, _ in states]][None],
    )
