"""Across the tasks of one benchmark: mean regret, average rank, and the difference to source ranking, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...bench import Metric
from .grid import Cell, Column, grid, mark_best
from .markup import Html, element, join, listed
from .numbers import interval, number, regret_unit

SHOWN = (1, 5, 10, 20, 50, 100, 200, 500, 1000)
FEW_TASKS = 6
Row = dict[str, Any]
Entries = dict[tuple[str, float], Row]  # by optimizer and budget


def across_html(name: str, rows: Sequence[Row], metrics: Sequence[Metric], counts: str = "evaluation") -> Html:
    """The section of one benchmark.

    Args:
        name: of the benchmark.
        rows: of ``statistics["across_tasks"]``: one per optimizer and budget.
        metrics: of its tasks; more than one kind is said, because their mean mixes them.
        counts: what a budget counts, evaluations or simulated seconds.
    """
    tasks, unit = rows[0]["tasks"], listed(dict.fromkeys(regret_unit(metric) for metric in metrics))
    if tasks < 2:
        return element("p", f"{name}: one task. Intervals over tasks need more than one.")
    final = max(row["budget"] for row in rows)
    timed = counts != "evaluation"
    budgets = [b for b in sorted({row["budget"] for row in rows}) if timed or b in SHOWN or b == final]
    optimizers = list(dict.fromkeys(row["optimizer"] for row in rows))
    at = {(row["optimizer"], row["budget"]): row for row in rows}
    units = unit, counts
    parts: list[Html | None] = [element("h3", f"{name}, {tasks} tasks"), _means(name, optimizers, budgets, at, units)]
    parts.append(_differences(name, optimizers, budgets, at, units))
    return element("section", join(parts), _notes(tasks, [metric.name for metric in metrics]))


Units = tuple[str, str]  # of regret, and of budgets


def _means(name: str, optimizers: Sequence[str], budgets: Sequence[float], at: Entries, units: Units) -> Html:
    ranks = [at[o, budgets[-1]]["rank"] for o in optimizers]
    columns = []
    for budget in budgets:
        regrets = [at[o, budget]["regret"] for o in optimizers]
        marks = mark_best([r["mean"] for r in regrets], -1)
        cells = [_interval(regret, mark) for regret, mark in zip(regrets, marks, strict=True)]
        columns.append(Column(f"{budget:g}", cells, group=f"mean regret over tasks ({units[0]}) after so many {units[1]}s"))
    cells = [Cell(f"{rank:.2f}", rank, mark) for rank, mark in zip(ranks, mark_best(ranks, -1), strict=True)]
    columns.append(Column(f"average rank after {budgets[-1]:g}", cells, "rank of mean regret within a task, 1 is best"))
    return grid(f"Mean regret over the tasks of {name}", optimizers, columns)


def _differences(name: str, optimizers: Sequence[str], budgets: Sequence[float], at: Entries, units: Units) -> Html | None:
    compared = [o for o in optimizers if "difference" in at[o, budgets[0]]]
    if not compared:
        return None
    reference = at[compared[0], budgets[0]]["difference"]["to"]
    group = f"regret less that of {reference} ({units[0]}) after so many {units[1]}s"
    entries = {budget: [at[o, budget]["difference"] for o in compared] for budget in budgets}
    columns = [Column(f"{b:g}", [_interval(d, _direction(d)) for d in entries[b]], group=group) for b in budgets]
    caption = f"Difference to {reference}: below 0 is better than {reference}"
    return join([element("h4", caption), grid(f"{caption}, {name}", compared, columns)])


def _interval(entry: Row, mark: str) -> Cell:
    return Cell(number(entry["mean"]), entry["mean"], mark, interval(entry["mean"], entry["low"], entry["high"]))


def _direction(entry: Row) -> str:
    """An arrow where the interval leaves out 0."""
    return "▼" if entry["high"] < 0 else "▲" if entry["low"] > 0 else ""


def _notes(tasks: int, names: Sequence[str]) -> Html:
    kinds = list(dict.fromkeys(names))
    notes = [
        "Every task counts the same. In brackets: 95 % interval from a bootstrap over tasks, because runs on one task are "
        "no replications of transfer. ▼ and ▲: the interval of the difference leaves out 0.",
        f"With {tasks} tasks the interval is coarse." if tasks < FEW_TASKS else None,
        f"The mean mixes {listed(kinds)}." if len(kinds) > 1 else None,
    ]
    return element("ul", *(element("li", note) for note in notes if note), class_="notes")
