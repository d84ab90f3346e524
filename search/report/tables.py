"""The table of one task: optimizers by regret at each reported budget, test, speed and cost, the best of each marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...bench import Split, SplitAbsent
from ..outcome import NEAR, Outcome
from ..statistics import ALPHA
from .grid import BEST, TIED, Cell, Column, grid, mark_best
from .markup import Html, counted, element, join
from .numbers import ABSENT, error, number, regret_unit

Row = dict[str, Any]
FEW_RUNS = 10


def task_table(outcomes: Sequence[Outcome], tests: Sequence[Row]) -> Html:
    """Table and notes of one task; ``tests`` are its rows of ``within_task`` at the final budget."""
    rows = [outcome.row() for outcome in outcomes]
    names = [name_cell(outcome) for outcome in outcomes]
    columns = [*_regret_columns(outcomes, rows, tests), _test_column(outcomes, rows), *_speed_columns(outcomes, rows)]
    columns += _cost_columns(rows)
    label = f"Results on {outcomes[0].task}"
    notes = [element("li", note) for note in task_notes(outcomes, rows)]
    return join([grid(label, names, columns), element("ul", *notes, class_="notes")])


def name_cell(outcome: Outcome) -> Html:
    """The optimizer's name, and whether all of its runs are one and the same."""
    fixed = element("small", " deterministic", title="all runs are identical") if outcome.deterministic else None
    return join([outcome.optimizer, fixed])


def _regret_columns(outcomes: Sequence[Outcome], rows: Sequence[Row], tests: Sequence[Row]) -> list[Column]:
    first = outcomes[0]
    unit, final = regret_unit(first.table.metrics[first.task]), first.points[-1]
    key = "regret" if first.limit is None else "regret_by_seconds"
    columns = []
    for point, budget in zip(first.points, rows[0][key], strict=True):
        means = [row[key][budget] for row in rows]
        marks = mark_best(means, -1)
        if point == final and first.runs > 1 and len(outcomes) > 1:
            marks = [mark or (TIED if test["tied"] else "") for mark, test in zip(marks, tests, strict=True)]
        spread = [
            error(m, row[f"{key}_sem"][budget]) if m is not None and o.runs > 1 and not o.deterministic else ""
            for o, row, m in zip(outcomes, rows, means, strict=True)
        ]
        cells = [Cell(number(m), m, mark, e) for m, mark, e in zip(means, marks, spread, strict=True)]
        hint = f"mean regret after {counted(point, first.unit)}, {unit}"
        columns.append(Column(budget, cells, hint, group=f"mean regret ({unit}) after so many {first.unit}s"))
    return columns


def _plain(header: str, hint: str, values: Sequence[float | None], sign: int, write: Callable[[float], str]) -> Column:
    marks = mark_best(values, sign)
    texts = [ABSENT if v is None else write(v) for v in values]
    cells = [Cell(text, v, mark) for text, v, mark in zip(texts, values, marks, strict=True)]
    return Column(header, cells, hint)


def _test_column(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> Column:
    metric = outcomes[0].table.metrics[outcomes[0].task]
    unit = "%" if metric.unit == "percent" else metric.unit
    hint = f"mean test {metric.name} of the final incumbent; no optimizer sees it"
    values = [row["test_accuracy"] for row in rows]
    return _plain(f"test {metric.name} ({unit})", hint, values, metric.sign, lambda v: number(v, 2))


def _speed_columns(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> list[Column]:
    near = f"{NEAR} {regret_unit(outcomes[0].table.metrics[outcomes[0].task]).replace('percentage ', '')}"
    hint = "median over runs; > where at least half of the runs do not get there"
    columns = []
    for header, key in ((f"within {near}", "evaluations_to_near"), ("the optimum", "evaluations_to_optimum")):
        values = [row[key] for row in rows]
        marks = mark_best(values, -1)
        cells = [
            Cell(f">{row['budget']}" if v is None else f"{v:g}", float("inf") if v is None else v, mark)
            for row, v, mark in zip(rows, values, marks, strict=True)
        ]
        columns.append(Column(header, cells, hint, group="evaluations to"))
    return columns


def _cost_columns(rows: Sequence[Row]) -> list[Column]:
    hours = [None if row["simulated_seconds"] is None else row["simulated_seconds"] / 3600 for row in rows]
    columns = [_plain("simulated (h)", "training time of one run, as the table times it", hours, -1, number)]
    overhead = [row["overhead_seconds"] for row in rows]
    hint = "time of one run spent in the optimizer itself: learning and proposing"
    return [*columns, _plain("overhead (s)", hint, overhead, -1, lambda v: "<0.001" if v < 0.001 else f"{v:.3f}")]


def task_notes(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> list[str]:
    """What a reader must know to read the table: the tests behind the marks, and why something is absent."""
    first = outcomes[0]
    unit = regret_unit(first.table.metrics[first.task])
    spread = f"mean ± standard error over {first.runs} runs" if first.runs > 1 else "of the one run"
    notes = [f"Regret in {unit}, {spread}; {BEST} is the best of a column. Press a header to sort."]
    if len(outcomes) > 1 and first.runs > 1:
        holm = f", Holm-corrected for {len(outcomes) - 1} comparisons" if len(outcomes) > 2 else ""
        notes.append(
            f"{TIED} after {counted(first.points[-1], first.unit)}: statistically tied with the lowest mean regret, that "
            f"is, not different at level {ALPHA} in a two-sided Wilcoxon signed-rank test over paired runs{holm}. Other "
            "columns are not tested."
        )
    if len(outcomes) > 1 and first.runs == 1:
        notes.append("One run: there is nothing to test, so nothing is marked as tied.")
    elif len(outcomes) > 1 and first.runs < FEW_RUNS:
        notes.append(f"{first.runs} runs are few: a tie may only mean that the test could not tell.")
    if any(outcome.deterministic for outcome in outcomes):
        notes.append("Deterministic: all runs are identical, so there is no standard error.")
    if not first.table.has(first.task, Split.TEST):
        notes.append(f"{ABSENT} No test value: {absent_test(first)}")
    if all(row["simulated_seconds"] is None for row in rows):
        notes.append(f"{ABSENT} No simulated hours: the source has no training times for this task.")
    elif (timed := first.table.data["train_seconds"].attrs.get("timed")) is not None:
        notes.append(f"Training times of the source: {timed}.")
    return notes


def absent_test(outcome: Outcome) -> str:
    """Why a task has no test value, in the words of its table."""
    try:
        outcome.table.resolve(outcome.task, Split.TEST)
    except SplitAbsent as reason:
        return str(reason)
    return ""
