"""What came out, in a sentence per benchmark and no more than the statistics allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...bench import Table
from ..outcome import Outcome
from ..statistics import ALPHA, holm, paired_p
from ..study import StudyResult
from .markup import counted, listed
from .numbers import ZERO, number, regret_unit, with_interval

RIVALS = ("random", "source-ranking", "live-params")  # without a model: what does not beat these has learned little
Row = dict[str, Any]


def findings(result: StudyResult, statistics: Row) -> list[tuple[str, str]]:
    """(benchmark, sentence) for each benchmark of a study, from its ``statistics``."""
    entries = []
    for table in result.tables:
        tasks = [task for task in result.tasks if result.of(task)[0].table is table]
        within = {task: [row for row in statistics["within_task"] if row["task"] == task] for task in tasks}
        if len(tasks) == 1:
            entries.append((table.name, one_task(result.of(tasks[0]), within[tasks[0]])))
        else:
            unit = result.of(tasks[0])[0].unit
            entries.append((table.name, many_tasks(table, statistics["across_tasks"][table.name], within, unit)))
    return entries


def one_task(outcomes: Sequence[Outcome], tests: Sequence[Row]) -> str:
    """Who has the lowest mean regret on one task, and who is tied with it."""
    first = outcomes[0]
    unit = regret_unit(first.table.metrics[first.task])
    best = next(row for row in tests if row["best"])
    kind = "mean regret" if first.runs > 1 else "regret"
    start = f"After {counted(first.points[-1], first.unit)} on {first.task}"
    if len(tests) == 1:
        return f"{start}, {best['optimizer']} has a {kind} of {number(best['regret'])} {unit}; it ran alone."
    equal = [row["optimizer"] for row in tests if row["regret"] <= best["regret"] + ZERO]
    claim = f"{start}, {lead(equal)} the lowest {kind}, {number(best['regret'])} {unit}"
    if first.runs == 1:
        return f"{claim}, in a single run, which says nothing about chance."
    tied = [row["optimizer"] for row in tests if row["tied"] and row["optimizer"] not in equal]
    if tied:
        return f"{claim}; {listed(tied)} {'is' if len(tied) == 1 else 'are'} statistically tied with it."
    if len(equal) == len(tests):
        return f"{claim}."
    return f"{claim}, and every other optimizer differs from it beyond chance."


def lead(names: Sequence[str]) -> str:
    """Subject and verb of a claim to the lowest regret, alone or shared."""
    return f"{names[0]} has" if len(names) == 1 else f"{listed(names)} share"


def many_tasks(table: Table, across: Sequence[Row], within: dict[str, list[Row]], counts: str = "evaluation") -> str:
    """Who has the lowest regret on the mean over tasks, its margin to source ranking, and on how many tasks it leads."""
    final = max(row["budget"] for row in across)
    rows = [row for row in across if row["budget"] == final]
    best = min(rows, key=lambda row: float(row["regret"]["mean"]))
    regret = best["regret"]
    equal = [row["optimizer"] for row in rows if row["regret"]["mean"] <= regret["mean"] + ZERO]
    unit = regret_unit(table.metrics[next(iter(within))])
    text = (
        f"On the mean over {len(within)} tasks, {lead(equal)} the lowest regret after "
        f"{counted(final, counts)}, {with_interval(regret['mean'], regret['low'], regret['high'])} {unit}"
    )
    if len(equal) > 1:
        return f"{text}."
    if "difference" in best:
        gap = best["difference"]
        sure = "leaves out 0" if gap["high"] < 0 or gap["low"] > 0 else "includes 0, so the lead may be chance"
        margin = with_interval(gap["mean"], gap["low"], gap["high"])
        text += f"; its difference to {gap['to']} is {margin}, an interval over tasks that {sure}"
    leads = sum(row["tied"] for tests in within.values() for row in tests if row["optimizer"] == best["optimizer"])
    return f"{text}. It is the best or statistically tied with the best on {leads} of the {len(within)} tasks."


def not_better(outcomes: Sequence[Outcome]) -> list[tuple[str, list[str]]]:
    """(rival, optimizers that do not have significantly lower final regret than it) for each trivial rival that ran."""
    final = {outcome.optimizer: outcome.regret[:, -1] for outcome in outcomes}
    entries = []
    for rival in RIVALS:
        others = [name for name in final if name not in RIVALS]
        if rival not in final or not others or outcomes[0].runs < 2:
            continue
        p = holm([paired_p(final[name], final[rival]) for name in others])
        beaten = [
            name for name, chance in zip(others, p, strict=True)
            if chance > ALPHA or final[name].mean() >= final[rival].mean()
        ]  # fmt: skip
        entries.append((rival, beaten))
    return entries


def rivals_sentence(outcomes: Sequence[Outcome]) -> str | None:
    """Which optimizers do not beat the trivial rivals on one task; None where there is nothing to compare."""
    entries = not_better(outcomes)
    if not entries:
        return None
    parts = [
        f"{listed(names)} {'does' if len(names) == 1 else 'do'} not beat {rival}" if names else f"all beat {rival}"
        for rival, names in entries
    ]
    end = counted(outcomes[0].points[-1], outcomes[0].unit)
    return f"Against the trivial rivals after {end}, by the same test over the other optimizers: {'; '.join(parts)}."
