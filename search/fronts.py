"""What a study with two objectives says: hypervolumes of runs over their budget, tests on them, and fronts to look at.

A run returns the front of the values that it observed and the costs; it is judged by the mean over seeds, on the scales of
:mod:`warmnas.search.objectives`. Hypervolumes are shares of that of the task's own front, 1 being all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..bench import FloatArray, IntArray, Split
from .hypervolume import attained, hypervolume, on_front
from .objectives import costs_of, scaled_costs, scaled_values
from .outcome import Outcome, standard_error
from .ranks import of_scores
from .statistics import verdicts


@dataclass(frozen=True)
class Attained:
    """One optimizer's fronts on one task.

    Attributes:
        outcome: of its runs.
        cost: name of the second objective.
    """

    outcome: Outcome
    cost: str

    @cached_property
    def costs(self) -> FloatArray:
        """Of every row of the table that is a candidate, in the table's unit; NaN elsewhere: (architectures,)."""
        costs = np.full(len(self.outcome.table.names), np.nan)
        costs[self._candidates] = costs_of(self.outcome.table, self.outcome.task, self.cost)
        return costs

    @property
    def _candidates(self) -> IntArray:
        rows: IntArray = self.outcome.table.candidates(self.outcome.task).table_rows
        return rows

    @cached_property
    def _scaled(self) -> tuple[FloatArray, FloatArray]:
        """Values and costs of the candidates on the scales of judgement, (candidates,) each."""
        table, task = self.outcome.table, self.outcome.task
        return scaled_values(table, task), scaled_costs(self.costs[self._candidates])

    @cached_property
    def best(self) -> float:
        """Hypervolume of the task's own front."""
        return float(hypervolume(*self._scaled))

    def share_at(self, points: Sequence[float]) -> FloatArray:
        """Share of the best hypervolume after so many evaluations or simulated seconds: (n,) -> (runs, n)."""
        done = self.outcome.done_at(points)
        if self.best <= 0:
            return np.ones(done.shape)
        place = np.full(len(self.costs), -1)
        place[self._candidates] = np.arange(len(self._candidates))
        rows = place[np.maximum(self.outcome.rows, 0)]
        values, costs = self._scaled
        areas: FloatArray = attained(self._seen, values[rows], costs[rows], done) / self.best
        return areas

    @property
    def _seen(self) -> FloatArray:
        """What runs observed, larger being better, -inf after their end: (runs, evaluations)."""
        sign = self.outcome.table.metrics[self.outcome.task].sign
        return np.where(self.outcome.rows < 0, -np.inf, sign * self.outcome.observed)

    def lost_at(self, points: Sequence[float]) -> FloatArray:
        """Percent of the best hypervolume that is missing: (n,) -> (runs, n); NaN where a run had no result by then."""
        lost = 100 * (1 - self.share_at(points))
        return np.where(self.outcome.done_at(points) > 0, lost, np.nan)

    def front(self, run: int) -> IntArray:
        """Rows of the table that a run returns at its end, the cheapest first."""
        rows = self.outcome.rows[run]
        rows, seen = rows[rows >= 0], self._seen[run][rows >= 0]
        found: IntArray = rows[on_front(seen, self.costs[rows])]
        return found[np.argsort(self.costs[found])]

    @cached_property
    def typical(self) -> int:
        """The run whose final hypervolume is the (lower) median."""
        final = self.share_at([self.outcome.points[-1]])[:, 0]
        return int(np.argsort(final, kind="stable")[(len(final) - 1) // 2])

    def points_of(self, rows: IntArray) -> list[dict[str, Any]]:
        """Rows of the table as JSON: ``architecture``, ``validation`` (mean over seeds) and ``cost``."""
        values = self.outcome.table.values(self.outcome.task, rows, Split.VAL)
        names = [self.outcome.table.names[int(row)] for row in rows]
        return [
            {"architecture": name, "validation": float(value), "cost": float(cost)}
            for name, value, cost in zip(names, values, self.costs[rows], strict=True)
        ]

    def best_front(self) -> IntArray:
        """Rows of the table on the task's own front, the cheapest first."""
        values, costs = self._scaled
        front = np.flatnonzero(on_front(values, costs))
        rows: IntArray = self._candidates[front[np.argsort(costs[front])]]
        return rows

    def row(self) -> dict[str, Any]:
        """What a row of ``summary.json`` has beside: hypervolumes as shares of the best, and the typical run's front."""
        points = self.outcome.points
        shares = self.share_at(points)
        sem = standard_error(shares)
        return {
            "objectives": [self.outcome.table.metrics[self.outcome.task].name, self.cost],
            "hypervolume": {f"{p:g}": float(v) for p, v in zip(points, shares.mean(axis=0), strict=True)},
            "hypervolume_sem": {f"{p:g}": float(v) for p, v in zip(points, sem, strict=True)},
            "front": self.points_of(self.front(self.typical)),
        }


def statistics_of(fronts: Sequence[Attained]) -> dict[str, Any]:
    """Tests on what is missing of the best hypervolume at the end, as those on regret: within tasks, and ranks over tasks.

    ``within_task``: rows of ``task``, ``optimizer``, ``lost`` (percent), ``best``, ``p``, ``tied``; ``ranks`` by table;
    ``best_fronts``: {task: its own front}.
    """
    tasks = list(dict.fromkeys(one.outcome.task for one in fronts))
    end = {one.outcome.task: one.outcome.points[-1] for one in fronts}
    within = []
    for task in tasks:
        own = [one for one in fronts if one.outcome.task == task]
        found = verdicts([one.lost_at([end[task]])[:, 0] for one in own], [one.outcome.deterministic for one in own])
        for one, verdict in zip(own, found, strict=True):
            about = {"task": task, "optimizer": one.outcome.optimizer, "budget": end[task], "lost": verdict.mean}
            within.append({**about, "best": verdict.best, "p": verdict.p, "tied": verdict.tied})
    tables = list(dict.fromkeys(one.outcome.table.name for one in fronts))
    ranked = [_ranks([one for one in fronts if one.outcome.table.name == name], name) for name in tables]
    ranked += [_ranks(fronts, None)] if len(tables) > 1 else []
    best = {task: next(one for one in fronts if one.outcome.task == task) for task in tasks}
    return {
        "within_task": within,
        "ranks": [entry for entry in ranked if entry is not None],
        "best_fronts": {task: one.points_of(one.best_front()) for task, one in best.items()},
    }


def _ranks(fronts: Sequence[Attained], benchmark: str | None) -> dict[str, Any] | None:
    end = fronts[0].outcome.points[-1]
    lost = {(one.outcome.optimizer, one.outcome.task): float(one.lost_at([end])[:, 0].mean()) for one in fronts}
    return of_scores(lost, benchmark, end)
