"""The architectures that the runs of a task ended with, each drawn once, with who found it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...bench import Split, Table
from ..outcome import Outcome
from .cells import cell_svg
from .markup import Html, element, join, listed
from .numbers import number, regret_unit

SHOWN = 6


@dataclass(frozen=True)
class Found:
    """An architecture and how many runs of which optimizers ended with it: {optimizer: runs}."""

    row: int
    by: dict[str, int]


def usual_end(outcome: Outcome) -> tuple[int, int]:
    """The table row that most runs end with, and how many do; the better one where several are as frequent."""
    rows, counts = np.unique(outcome.incumbents[:, -1], return_counts=True)
    value = outcome.table.metrics[outcome.task].sign * outcome.table.values(outcome.task, rows, Split.VAL)
    best = int(np.lexsort((value, counts))[-1])
    return int(rows[best]), int(counts[best])


def found(outcomes: Sequence[Outcome]) -> list[Found]:
    """Different architectures that the optimizers of one task usually end with, the best validation first."""
    by: dict[int, dict[str, int]] = {}
    for outcome in outcomes:
        row, runs = usual_end(outcome)
        by.setdefault(row, {})[outcome.optimizer] = runs
    table, task = outcomes[0].table, outcomes[0].task
    worth = {row: table.metrics[task].sign * table.value(task, table.names[row], Split.VAL) for row in by}
    return [Found(row, by[row]) for row in sorted(by, key=lambda row: -worth[row])]


def found_html(outcomes: Sequence[Outcome]) -> Html:
    """Cards of one task; those beyond the best few are folded away."""
    table, task, runs = outcomes[0].table, outcomes[0].task, outcomes[0].runs
    cards = [_card(table, task, entry, runs) for entry in found(outcomes)]
    parts = [element("h3", task), element("div", *cards[:SHOWN], class_="cards")]
    if rest := cards[SHOWN:]:
        summary = element("summary", f"{len(rest)} more")
        parts.append(element("details", summary, element("div", *rest, class_="cards")))
    return join(parts)


def _card(table: Table, task: str, entry: Found, runs: int) -> Html:
    drawing = element("div", cell_svg(table.space.graph(table.genotypes[entry.row])), class_="drawing")
    facts = [element("div", element("dt", name), element("dd", value)) for name, value in _facts(table, task, entry.row)]
    finders = [f"{name} ({count} of {runs} runs)" if runs > 1 else name for name, count in entry.by.items()]
    by = element("p", f"Found by {listed(finders)}.")
    return element("article", drawing, element("code", table.names[entry.row]), element("dl", *facts), by, class_="card")


def _facts(table: Table, task: str, row: int) -> list[tuple[str, str]]:
    metric = table.metrics[task]
    unit = "%" if metric.unit == "percent" else f" {metric.unit}"
    validation = float(table.values(task, np.array(row), Split.VAL))
    regret = metric.sign * (table.optimum(task, Split.VAL) - validation)
    facts = [(f"validation {metric.name}", f"{validation:.2f}{unit}")]
    if table.has(task, Split.TEST):
        facts.append((f"test {metric.name}", f"{float(table.values(task, np.array(row), Split.TEST)):.2f}{unit}"))
    gap = f"{number(regret)} {regret_unit(metric).replace('percentage ', '')}"
    facts.append(("regret", "0, the optimum" if regret <= 1e-9 else gap))
    params = table.column("params", task)
    if params is not None and np.isfinite(params[row]):
        facts.append(("parameters", f"{params[row]:,.0f}"))
    return facts
