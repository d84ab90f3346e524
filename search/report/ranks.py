"""Average ranks over tasks: against the budget, as a critical-difference picture, and every pair with its test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from ...bench import FloatArray, IntArray
from ..outcome import Outcome
from ..ranks import alike_p, smallest_p
from ..statistics import ranks_of
from .critical import critical_svg
from .curves import COLOURS, DASHES, plotted, plotted_times, round_ticks
from .grid import Cell, Column, grid
from .markup import Html, counted, element, join, plot_figure
from .numbers import number

Row = dict[str, Any]
TICKS = 12  # of the axis of ranks at most


class Judged(NamedTuple):
    """An outcome and what its optimizer is ranked by, smaller being better: points (n,) -> (runs, n)."""

    outcome: Outcome
    lost_at: Callable[[Sequence[float]], FloatArray]

    @classmethod
    def by_regret(cls, outcome: Outcome) -> Self:
        """Ranked by regret."""
        return cls(outcome, outcome.regret_at)


def ranks_html(
    entry: Row, outcomes: Sequence[Judged], places: dict[str, int], identity: str, what: str = "mean regret"
) -> Html:
    """The section of one benchmark, or of all together.

    Args:
        entry: of ``statistics["ranks"]``.
        outcomes: those of its tasks.
        places: position of each optimizer in the study, which fixes its colour.
        identity: of the figure on the page.
        what: optimizers are ranked by.
    """
    whose = entry["benchmark"] or "all benchmarks together"
    return element(
        "section",
        element("h4", f"Average ranks by {what} over {counted(entry['tasks'], 'task')} of {whose}"),
        _anytime(entry, outcomes, places, identity, what),
        _picture(entry, whose, outcomes[0].outcome.unit),
        element("p", _friedman(entry)),
        _pairs(entry, whose, what),
    )


def rank_curves(outcomes: Sequence[Judged], names: Sequence[str], at: FloatArray | IntArray) -> FloatArray:
    """Average rank over tasks of each optimizer at each point, 1 best: (optimizers, points)."""
    tasks = list(dict.fromkeys(judged.outcome.task for judged in outcomes))
    known = {(judged.outcome.optimizer, judged.outcome.task): judged for judged in outcomes}
    lost = np.array([[known[n, t].lost_at(at.tolist()).mean(axis=0) for t in tasks] for n in names])
    average: FloatArray = ranks_of(lost).mean(axis=1)
    return average


def _anytime(entry: Row, outcomes: Sequence[Judged], places: dict[str, int], identity: str, what: str) -> Html:
    first, names = outcomes[0].outcome, list(entry["rank"])
    at = plotted(first.budget) if first.limit is None else plotted_times([j.outcome for j in outcomes], first.limit)
    curves = [
        {
            "name": name,
            "colour": places[name] % COLOURS,
            "dash": DASHES[places[name] // COLOURS % len(DASHES)],
            "deterministic": False,
            "mean": [round(float(rank), 3) for rank in ranks],
            "error": None,
        }
        for name, ranks in zip(names, rank_curves(outcomes, names, at), strict=True)
    ]
    every = -(-len(names) // TICKS)
    data = {
        "at": [float(f"{point:.6g}") for point in at],
        "counts": f"{first.unit}s",
        "curves": curves,
        "linear": True,
        "floor": 0,
        "zero": False,
        "range": [len(names) + 0.3, 0.7],  # rank 1 is at the top
        "xticks": [tick for tick in round_ticks(first.points[-1]) if tick >= at[0]],
        "yticks": [*range(1, len(names) + 1, every)],
        "title": "average rank",
        "unit": "average rank",
    }
    label = f"Average rank of {len(names)} optimizers by {first.unit}s; the table has the last ones."
    lost = what.removeprefix("mean ")
    caption = f"Rank of the mean {lost} within each task, averaged over tasks; 1 is best. Press a name to hide its curve."
    return plot_figure(identity, label, caption, data)


def _picture(entry: Row, whose: str, unit: str) -> Html:
    ranks = ", ".join(f"{name} {rank:.2f}" for name, rank in sorted(entry["rank"].items(), key=lambda pair: pair[1]))
    about = f"Critical-difference picture of {whose}: {ranks}; critical difference {entry['critical_difference']:.2f}."
    caption = (
        f"After {counted(entry['budget'], unit)}. A bar ties optimizers whose average ranks differ by less than Nemenyi's "
        f"critical difference at level {entry['alpha']} (Demsar 2006): these tasks do not tell them apart."
    )
    drawing = critical_svg(entry["rank"], entry["critical_difference"], entry["cliques"], about)
    return element("figure", element("div", drawing, class_="drawing", tabindex=0), element("figcaption", caption))


def _friedman(entry: Row) -> str:
    test = entry["friedman"]
    if test is None:
        return "Friedman's test has nothing to compare: all ranks are tied."
    if test["f"] is None or np.isinf(test["f"]):
        p, said = alike_p(entry["rank"].values(), entry["tasks"]), "all tasks rank them alike, which chance does with"
    else:
        p, said = test["f_p"], f"Iman and Davenport's F {number(test['f'], 2)},"
    verdict = "differ beyond chance" if p <= entry["alpha"] else "cannot be told from chance"
    return (
        f"Friedman's test over tasks: chi-squared {number(test['chi2'], 2)}, p = {test['p']:.2g}; {said} p = {p:.2g}. "
        f"As a whole, the optimizers {verdict}."
    )


def _pairs(entry: Row, whose: str, what: str) -> Html:
    rows = entry["pairs"]
    names = [f"{row['one']} \N{EN DASH} {row['other']}" for row in rows]
    sure = [row["p_holm"] <= entry["alpha"] for row in rows]
    columns = [
        Column("mean difference", [Cell(number(row["difference"]), row["difference"]) for row in rows], f"of {what}"),
        Column("better on", [Cell(str(row["wins"]), row["wins"]) for row in rows], "tasks where the first is better"),
        Column("worse on", [Cell(str(row["losses"]), row["losses"]) for row in rows], "tasks where the second is better"),
        Column("p", [Cell(f"{row['p']:.2g}", row["p"]) for row in rows], "two-sided Wilcoxon signed-rank test over tasks"),
        Column(
            "p, Holm",
            [Cell(f"{row['p_holm']:.2g}", row["p_holm"], "▼" if s else "") for row, s in zip(rows, sure, strict=True)],
            f"corrected over all {len(rows)} pairs",
        ),
    ]
    notes = [f"▼: the two differ at level {entry['alpha']} after Holm's correction over all {counted(len(rows), 'pair')}."]
    if smallest_p(entry["tasks"]) * len(rows) > entry["alpha"]:
        notes.append(
            f"Over {counted(entry['tasks'], 'task')} the smallest p that this test can give is "
            f"{smallest_p(entry['tasks']):.2g}: too large for {counted(len(rows), 'pair')}, however clear the difference. "
            "More tasks are needed."
        )
    table = grid(f"Pairs of optimizers over the tasks of {whose}", names, columns, first="pair")
    inside = join([table, element("ul", *(element("li", note) for note in notes), class_="notes")])
    return element("details", element("summary", f"Every pair of optimizers ({len(rows)}), tested over tasks"), inside)
