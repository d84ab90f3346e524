"""Two objectives in the report: hypervolume against the budget, the fronts as a picture, and a table with what is tied."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..fronts import Attained
from ..outcome import standard_error
from ..statistics import ALPHA
from .curves import COLOURS, DASHES, linear_ticks, plotted, plotted_times, round_ticks
from .grid import BEST, TIED, Cell, Column, grid, mark_best
from .markup import Html, counted, element, join, plot_figure
from .numbers import error, number

Row = dict[str, Any]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 420, 64, 136, 16, 52
GAP = 16  # pixels between two names
LONGEST = 16  # characters of a name
STROKES = {"solid": None, "dash": "7 4", "dot": "2 4", "dashdot": "8 3 2 3"}  # Plotly's names of dashes as SVG has them
UNITS = {"params": "parameters", "live-params": "parameters on live paths", "flops": "multiply-adds"}


def fronts_html(fronts: Sequence[Attained], tests: Sequence[Row], places: dict[str, int], identity: str) -> Html:
    """The section of one task.

    Args:
        fronts: of its optimizers.
        tests: its rows of ``statistics["hypervolume"]["within_task"]``.
        places: position of each optimizer in the study, which fixes its colour.
        identity: of the figure on the page.
    """
    first = fronts[0]
    value, cost = first.outcome.table.metrics[first.outcome.task].name, cost_words(first.cost)
    return element(
        "section",
        element("h3", f"{value[0].upper()}{value[1:]} against {cost}"),
        _anytime(fronts, places, identity),
        _table(fronts, tests),
        _picture(fronts, places, value, cost),
    )


def cost_words(cost: str) -> str:
    """A cost as a text names it."""
    kind, _, device = cost.partition(":")
    return f"latency on {device}" if device else UNITS.get(kind, kind)


def _anytime(fronts: Sequence[Attained], places: dict[str, int], identity: str) -> Html:
    outcomes = [front.outcome for front in fronts]
    first = outcomes[0]
    at = plotted(first.budget) if first.limit is None else plotted_times(outcomes, first.limit)
    curves = []
    for front, outcome in zip(fronts, outcomes, strict=True):
        shares = 100 * front.share_at(at.tolist())
        place, spread = places[outcome.optimizer], outcome.runs > 1 and not outcome.deterministic
        curves.append(
            {
                "name": outcome.optimizer,
                "colour": place % COLOURS,
                "dash": DASHES[place // COLOURS % len(DASHES)],
                "deterministic": outcome.deterministic,
                "mean": [float(f"{v:.4g}") for v in shares.mean(axis=0)],
                "error": [float(f"{v:.3g}") for v in standard_error(shares)] if spread else None,
            }
        )
    data = {
        "at": [float(f"{point:.6g}") for point in at],
        "counts": f"{first.unit}s",
        "curves": curves,
        "linear": True,
        "floor": 0,
        "zero": False,
        "range": [0, 102],
        "xticks": [tick for tick in round_ticks(first.points[-1]) if tick >= at[0]],
        "yticks": [0, 20, 40, 60, 80, 100],
        "title": "hypervolume (% of the task's own)",
        "unit": "% of the best hypervolume",
    }
    label = f"Hypervolume of {len(curves)} optimizers over {first.unit}s on {first.task}; the table has the numbers."
    caption = (
        "Hypervolume of the front that a run would return, as a share of that of the task's own front: values from the "
        "task's median candidate (0) to its best (1), logarithms of costs from the cheapest candidate (0) to the dearest "
        "(1), reference point (median value, dearest cost). Higher is better. Press a name to hide its curve."
    )
    return plot_figure(identity, label, caption, data)


def _table(fronts: Sequence[Attained], tests: Sequence[Row]) -> Html:
    first = fronts[0].outcome
    columns = []
    for point in first.points:
        shares = [100 * front.share_at([point])[:, 0] for front in fronts]
        means = [float(share.mean()) for share in shares]
        marks = mark_best(means, 1)
        if point == first.points[-1] and first.runs > 1 and len(fronts) > 1:
            marks = [mark or (TIED if test["tied"] else "") for mark, test in zip(marks, tests, strict=True)]
        errors = [
            "" if front.outcome.deterministic or first.runs < 2 else error(mean, float(standard_error(share[:, None])[0]))
            for front, mean, share in zip(fronts, means, shares, strict=True)
        ]
        cells = [Cell(number(m, 1), m, mark, e) for m, mark, e in zip(means, marks, errors, strict=True)]
        group = f"mean hypervolume (% of the best) after so many {first.unit}s"
        columns.append(Column(f"{point:g}", cells, group=group))
    sizes = [len(front.front(front.typical)) for front in fronts]
    cells = [Cell(str(size), size) for size in sizes]
    columns.append(Column("points", cells, "networks on the front of the median run at its end"))
    notes = [f"{BEST}: the best of a column. The front of the task itself has {len(fronts[0].best_front())} networks."]
    if first.runs > 1 and len(fronts) > 1:
        notes.append(
            f"{TIED} after {counted(first.points[-1], first.unit)}: not different from the highest mean at level {ALPHA} "
            "in a two-sided Wilcoxon signed-rank test over paired runs, Holm-corrected."
        )
    table = grid(f"Hypervolume on {first.task}", [front.outcome.optimizer for front in fronts], columns)
    return join([table, element("ul", *(element("li", note) for note in notes), class_="notes")])


class _Scales:
    """Costs on a logarithmic axis where all are above 0, values on a plain one that shows the better half."""

    def __init__(self, fronts: Sequence[Attained]) -> None:
        first = fronts[0]
        costs = first.costs[np.isfinite(first.costs)]
        self.log = bool(costs.min() > 0)
        self.low, self.high = self._of(float(costs.min())), self._of(float(costs.max()))
        own = [point["validation"] for point in first.points_of(first.best_front())]
        every = [p["validation"] for front in fronts for p in front.points_of(front.front(front.typical))]
        self.worst, self.best = float(np.percentile([*own, *every], 10)), float(max(own))
        if first.outcome.table.metrics[first.outcome.task].sign < 0:
            self.worst, self.best = float(np.percentile([*own, *every], 90)), float(min(own))

    def _of(self, cost: float) -> float:
        return math.log10(cost) if self.log else cost

    def x(self, cost: float) -> float:
        """Pixels of a cost."""
        spread = self.high - self.low or 1.0
        return LEFT + (WIDTH - LEFT - RIGHT) * (self._of(cost) - self.low) / spread

    def y(self, value: float) -> float:
        """Pixels of a value; what is worse than the axis shows lies on its foot."""
        spread = (self.best - self.worst) * 1.05 or 1.0
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(max((value - self.worst) / spread, 0.0), 1.0)


def _picture(fronts: Sequence[Attained], places: dict[str, int], value: str, cost: str) -> Html:
    scales, first = _Scales(fronts), fronts[0]
    own = first.points_of(first.best_front())
    parts = [
        *_axes(scales, value, cost, first),
        _stairs(own, scales, "var(--muted)", 5, None, "the task's own front", 0.35),
    ]
    for front in fronts:
        place = places[front.outcome.optimizer]
        dash = STROKES[DASHES[place // COLOURS % len(DASHES)]]
        points = front.points_of(front.front(front.typical))
        parts.append(_stairs(points, scales, f"var(--series-{place % COLOURS})", 2, dash, front.outcome.optimizer, 1))
    parts += _names(fronts, places, scales)
    label = f"Fronts of {len(fronts)} optimizers on {first.outcome.task}: {value} against {cost}."
    drawing = element(
        "svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=label,
        style="width:100%;height:auto;min-width:700px;font-family:system-ui,sans-serif",
    )  # fmt: skip
    caption = (
        "Fronts at the end of the run with the median hypervolume, in the colours of the curves above; the broad grey line "
        "is the task's own front. Values are means over seeds. The upper left corner is best."
    )
    return element("figure", element("div", drawing, class_="drawing", tabindex=0), element("figcaption", caption))


def _stairs(
    points: Sequence[Row], scales: _Scales, colour: str, width: float, dash: str | None, name: str, opacity: float
) -> Html:
    """A front as stairs, with a dot for each network that says what it is."""
    corners: list[str] = []
    for point in points:
        x, y = scales.x(point["cost"]), scales.y(point["validation"])
        corners += [f"{x:.1f},{corners[-1].split(',')[1]}"] if corners else [f"{x:.1f},{HEIGHT - BOTTOM}"]
        corners.append(f"{x:.1f},{y:.1f}")
    corners += [f"{WIDTH - RIGHT},{corners[-1].split(',')[1]}"] if corners else []
    look: dict[str, str | float | None] = {"fill": "none", "stroke": colour, "stroke_width": width, "opacity": opacity}
    parts = [element("polyline", points=" ".join(corners), stroke_dasharray=dash, **look)]
    for point in points:
        about = f"{name}: {point['architecture']}, {number(point['validation'], 2)}, {point['cost']:.4g}"
        at: dict[str, str | float | None] = {
            "cx": round(scales.x(point["cost"]), 1),
            "cy": round(scales.y(point["validation"]), 1),
        }
        parts.append(element("circle", element("title", about), **at, r=3, fill=colour, opacity=opacity))
    return join(parts)


def _axes(scales: _Scales, value: str, cost: str, first: Attained) -> list[Html]:
    foot, end = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for cost_there in _cost_ticks(scales):
        x = scales.x(cost_there)
        parts += [_line(x, TOP, x, foot), _text(x, foot + 18, short(cost_there), "middle")]
    low, high = sorted((scales.worst, scales.best))
    for level in linear_ticks(low, high):
        if low <= level <= high:
            y = scales.y(level)
            parts += [_line(LEFT, y, end, y), _text(LEFT - 8, y + 4, f"{level:g}", "end")]
    unit = first.outcome.table.metrics[first.outcome.task].unit
    parts.append(_text((LEFT + end) / 2, HEIGHT - 12, _cost_axis(cost, scales.log), "middle"))
    turned = f"rotate(-90 14 {(TOP + foot) / 2:.0f})"
    parts.append(_text(14, (TOP + foot) / 2, f"validation {value} ({unit})", "middle", turned))
    return parts


def _cost_axis(cost: str, log: bool) -> str:
    """A cost with its unit, where it is no plain count, and the kind of its axis."""
    said = [*(["s"] if cost.startswith("latency") else []), *(["logarithmic"] if log else [])]
    return f"{cost} ({', '.join(said)})" if said else cost


def _cost_ticks(scales: _Scales) -> list[float]:
    """Round costs on the axis: 1, 2 and 5 times powers of ten where it is logarithmic."""
    if not scales.log:
        return [tick for tick in linear_ticks(scales.low, scales.high) if scales.low <= tick <= scales.high]
    powers = range(math.floor(scales.low), math.ceil(scales.high) + 1)
    steps = (1, 2, 5) if scales.high - scales.low < 2.5 else (1,)
    ticks = [float(f"{step}e{power}") for power in powers for step in steps]
    return [tick for tick in ticks if scales.low <= math.log10(tick) <= scales.high]


def short(cost: float) -> str:
    """A round number with few characters: 200k, 5M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if cost >= size:
            return f"{cost / size:g}{letter}"
    return f"{cost:g}"


def _names(fronts: Sequence[Attained], places: dict[str, int], scales: _Scales) -> list[Html]:
    """Names at the right ends of the stairs, moved apart, each tied to its own by a leader in its colour."""
    ends = []
    for front in fronts:
        points = front.points_of(front.front(front.typical))
        ends += [(scales.y(points[-1]["validation"]), front.outcome.optimizer)] if points else []
    ends.sort()
    at = [0.0] * len(ends)
    for i, (y, _) in enumerate(ends):
        at[i] = max(y, at[i - 1] + GAP if i else TOP)
    for i in range(len(at) - 1, -1, -1):
        at[i] = min(at[i], at[i + 1] - GAP if i < len(at) - 1 else HEIGHT - BOTTOM)
    parts = []
    for (y, name), place in zip(ends, at, strict=True):
        colour = f"var(--series-{places[name] % COLOURS})"
        parts.append(_line(WIDTH - RIGHT, y, WIDTH - RIGHT + 16, place, colour))
        parts.append(
            _text(WIDTH - RIGHT + 20, place + 4, name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…", "start")
        )
    return parts


def _line(x1: float, y1: float, x2: float, y2: float, colour: str = "var(--grid)") -> Html:
    ends: dict[str, str | float | None] = {"x1": round(x1, 1), "y1": round(y1, 1), "x2": round(x2, 1), "y2": round(y2, 1)}
    return element("line", **ends, stroke=colour)


def _text(x: float, y: float, text: str, anchor: str, transform: str | None = None) -> Html:
    place: dict[str, str | float | None] = {"x": round(x, 1), "y": round(y, 1), "text_anchor": anchor, "font_size": 12}
    return element("text", text, **place, fill="var(--ink)", transform=transform)
