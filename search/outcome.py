"""What came of one optimizer on one task: arrays over (runs, evaluations), and the figures made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..bench import FloatArray, IntArray, Split, Table

if TYPE_CHECKING:
    import pandas as pd

REPORTED = (1, 2, 5, 10, 20, 40, 50, 60, 100, 200, 500, 1000)
PARTS = (0.1, 0.2, 0.5, 1.0)  # of a time budget, where regret is reported
NEAR = 0.3  # percentage points: differences below are within the benchmark's own seed noise


@dataclass(frozen=True)
class Record:
    """What happened in some runs of one optimizer on one task.

    Runs that end by the clock make different numbers of evaluations. The arrays are as wide as the longest run; after the
    end of a run ``rows`` is -1, ``observed`` NaN and ``seconds`` 0. Trainings that come before the first evaluation
    (:attr:`~warmnas.search.optimizer.Optimizer.charged`) are such places too, of unknown time.

    Attributes:
        rows: table rows in the order of evaluation, shape (runs, evaluations).
        observed: what the optimizer saw, in the metric's unit, the same shape.
        seconds: what each training took on the simulated clock, the same shape; NaN where the table does not say.
        fit_seconds: learning time of one run at each evaluation, shape (evaluations,), the mean over all runs, of which
            those that have ended take none; likewise proposal_seconds.
        wall_seconds: of all runs together.
        chosen: table row of what a run would return after each evaluation, (runs, evaluations), where that is not the best
            observed (some trainings were stopped early and others taken up again); else None.
    """

    rows: IntArray
    observed: FloatArray
    seconds: FloatArray
    fit_seconds: FloatArray
    proposal_seconds: FloatArray
    wall_seconds: float
    chosen: IntArray | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Outcome(Record):
    """One optimizer on one task of a table, and the figures made of its record."""

    table: Table
    task: str
    optimizer: str
    limit: float | None = None  # simulated seconds of each run, where they end by the clock

    @cached_property
    def incumbents(self) -> IntArray:
        """Table row of the best observed so far, the earlier one in a tie: (runs, evaluations).

        A run that has ended keeps its last one.
        """
        if self.chosen is not None:
            return self.chosen
        seen = self.table.metrics[self.task].sign * self.observed
        return np.take_along_axis(self.rows, best_so_far(np.where(self.rows < 0, -np.inf, seen)), axis=1)

    @cached_property
    def validation(self) -> FloatArray:
        """Mean over seeds of the incumbent's validation value: (runs, evaluations)."""
        return self.table.values(self.task, self.incumbents, Split.VAL)

    @cached_property
    def test(self) -> FloatArray | None:
        """Mean over seeds of the incumbent's test value, or None where the source has none. No optimizer sees it."""
        has_test = self.table.has(self.task, Split.TEST)
        return self.table.values(self.task, self.incumbents, Split.TEST) if has_test else None

    @cached_property
    def regret(self) -> FloatArray:
        """Distance of the incumbent from the best candidate, in the metric's unit: (runs, evaluations)."""
        optimum = self.table.optimum(self.task, Split.VAL)
        return self.table.metrics[self.task].sign * (optimum - self.validation)

    @property
    def budget(self) -> int:
        """Evaluations per run."""
        return int(self.rows.shape[1])

    @property
    def evaluations(self) -> IntArray:
        """How many evaluations each run made, shape (runs,)."""
        made: IntArray = (self.rows >= 0).sum(axis=1)
        return made

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.rows)

    @property
    def deterministic(self) -> bool:
        """Whether all runs are one and the same, so that their spread says nothing."""
        same = (self.rows == self.rows[0]) & ((self.observed == self.observed[0]) | (self.rows < 0))
        return self.runs > 1 and bool(same.all())

    def median_evaluations(self, reached: npt.NDArray[np.bool_]) -> float | None:
        """Median over runs of the first evaluation at which ``reached`` (runs, evaluations); None if most never do."""
        first = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)
        median = float(np.median(first))
        return median if np.isfinite(median) else None

    def row(self) -> dict[str, Any]:
        """The row of ``summary.json``."""
        budgets = reported_budgets(self.budget)
        at = np.array(budgets) - 1
        sem = standard_error(self.regret)
        test = self.test
        metric = self.table.metrics[self.task]
        test_regret = None
        if test is not None:
            test_regret = float((metric.sign * (self.table.optimum(self.task, Split.TEST) - test[:, -1])).mean())
        simulated = float(self.seconds.sum(axis=1).mean())
        return {
            "task": self.task,
            "optimizer": self.optimizer,
            "runs": self.runs,
            "budget": self.budget,
            "metric": f"{metric.name} ({metric.unit})",
            "deterministic": self.deterministic,
            "regret": {str(b): float(v) for b, v in zip(budgets, self.regret[:, at].mean(axis=0), strict=True)},
            "regret_sem": {str(b): float(v) for b, v in zip(budgets, sem[at], strict=True)},
            "evaluations_to_optimum": self.median_evaluations(self.regret <= 1e-9),
            "evaluations_to_near": self.median_evaluations(self.regret <= NEAR),
            "test_accuracy": None if test is None else float(test[:, -1].mean()),
            "test_regret": test_regret,
            "simulated_seconds": simulated if np.isfinite(simulated) else None,
            "overhead_seconds": float(self.fit_seconds.sum() + self.proposal_seconds.sum()),
            "wall_seconds": self.wall_seconds,
            **self._by_seconds(),
        }

    @property
    def unit(self) -> str:
        """What the study's budget counts: evaluations, or simulated seconds where runs end by the clock."""
        return "evaluation" if self.limit is None else "simulated second"

    @property
    def points(self) -> list[float]:
        """Where regret is reported, in that unit; the last is the end of a run."""
        return [*reported_budgets(self.budget)] if self.limit is None else [self.limit * part for part in PARTS]

    def regret_at(self, points: Sequence[float]) -> FloatArray:
        """Regret of the incumbent after so many evaluations or simulated seconds: (n,) -> (runs, n).

        NaN where a run had no result by then.
        """
        done = self.done_at(points)
        regret: FloatArray = np.take_along_axis(self.regret, np.maximum(done - 1, 0), axis=1)
        return np.where(done > 0, regret, np.nan)

    def done_at(self, points: Sequence[float]) -> IntArray:
        """Evaluations that each run had made after so many evaluations or simulated seconds: (n,) -> (runs, n)."""
        at = np.asarray(points)
        if self.limit is None:
            return np.broadcast_to(at.astype(np.int64), (self.runs, len(at)))
        spent = zip(np.cumsum(self.seconds, axis=1), self.evaluations, strict=True)
        done = np.stack([np.searchsorted(run[:n], at, side="right") for run, n in spent])
        done[:, at >= self.limit] = self.budget  # also where a first training alone was longer
        return done

    def _by_seconds(self) -> dict[str, Any]:
        """What only a study with a time budget has: evaluations that a run came to, and regret after parts of its time."""
        if self.limit is None:
            return {}
        regret = self.regret_at(self.points)

        def by_point(values: FloatArray) -> dict[str, float | None]:
            known = [None if np.isnan(value) else float(value) for value in values]
            return {f"{point:g}": value for point, value in zip(self.points, known, strict=True)}

        final = None if self.test is None or self.runs < 2 else self.test[:, -1]
        return {
            "seconds": self.limit,
            "evaluations": float(self.evaluations.mean()),
            "test_accuracy_sd": None if final is None else float(final.std(ddof=1)),
            "regret_by_seconds": by_point(regret.mean(axis=0)),
            "regret_by_seconds_sem": by_point(standard_error(regret)),
        }

    def trajectory(self) -> pd.DataFrame:
        """A row per evaluation, as ``trajectories.parquet`` holds it."""
        import pandas as pd

        shape = self.rows.shape
        names = np.array(self.table.names, dtype=object)
        columns = {
            "run": np.broadcast_to(np.arange(shape[0])[:, None], shape),
            "evaluation": np.broadcast_to(np.arange(1, shape[1] + 1), shape),
            "architecture": names[self.rows],
            "observed": self.observed,
            "incumbent_validation": self.validation,
            "incumbent_test": np.full(shape, np.nan) if self.test is None else self.test,
            "simulated_seconds": np.cumsum(self.seconds, axis=1),
            "fit_seconds": np.broadcast_to(self.fit_seconds, shape),
            "proposal_seconds": np.broadcast_to(self.proposal_seconds, shape),
        }
        made = self.rows >= 0
        frame = pd.DataFrame({name: values[made] for name, values in columns.items()})
        frame.insert(0, "task", self.task)
        frame.insert(1, "optimizer", self.optimizer)
        return frame


def best_so_far(seen: FloatArray) -> IntArray:
    """Place of the best so far, the earlier one in a tie: values (runs, evaluations), larger better -> the same shape."""
    best = np.maximum.accumulate(seen, axis=1)
    improved = np.concatenate([np.ones_like(seen[:, :1], dtype=bool), best[:, 1:] > best[:, :-1]], axis=1)
    places: IntArray = np.maximum.accumulate(np.where(improved, np.arange(seen.shape[1]), 0), axis=1)
    return places


def padded(record: Record, width: int) -> Record:
    """The same record with room for ``width`` evaluations: every run has ended after those that it made."""
    more = width - record.rows.shape[1]
    if not more:
        return record

    def fill(values: npt.NDArray[Any], value: float) -> npt.NDArray[Any]:
        return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, more)], constant_values=value)

    return replace(
        record,
        rows=fill(record.rows, -1),
        observed=fill(record.observed, np.nan),
        seconds=fill(record.seconds, 0.0),
        fit_seconds=fill(record.fit_seconds, 0.0),
        proposal_seconds=fill(record.proposal_seconds, 0.0),
        chosen=None if record.chosen is None else np.pad(record.chosen, [(0, 0), (0, more)], mode="edge"),
    )


def joined(parts: Sequence[Record]) -> Record:
    """The record of all runs from those of some runs each, in order; as wide as the widest."""
    width = max(part.rows.shape[1] for part in parts)
    parts = [padded(part, width) for part in parts]
    runs = np.array([len(part.rows) for part in parts])
    chosen = [part.chosen for part in parts if part.chosen is not None]
    return Record(
        rows=np.concatenate([part.rows for part in parts]),
        observed=np.concatenate([part.observed for part in parts]),
        seconds=np.concatenate([part.seconds for part in parts]),
        fit_seconds=np.average([part.fit_seconds for part in parts], axis=0, weights=runs),
        proposal_seconds=np.average([part.proposal_seconds for part in parts], axis=0, weights=runs),
        wall_seconds=float(sum(part.wall_seconds for part in parts)),
        chosen=np.concatenate(chosen) if chosen else None,
    )


def reported_budgets(budget: int) -> list[int]:
    """The budgets at which regret is reported: the usual ones up to this one, and this one."""
    return sorted({b for b in REPORTED if b <= budget} | {budget})


def standard_error(values: FloatArray) -> FloatArray:
    """Standard error of the mean over runs: (runs, n) -> (n,); 0 for a single run."""
    if len(values) < 2:
        return np.zeros(values.shape[1])
    error: FloatArray = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return error
