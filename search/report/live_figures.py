"""The pictures of a live search's report: learning curves as SVG, the confusion matrix as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .markup import Html, element

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 860.0, 360.0, 52.0, 40.0, 14.0, 16.0
MOST = 40  # classes that a confusion matrix is shown for in full
COLOURS = 8  # series of the style sheet


def curves_svg(rows: Sequence[Mapping[str, Any]], chosen: int) -> Html:
    """Validation accuracy by epoch, a line per training; ``chosen`` is the evaluation that is drawn bold."""
    curves = [(row, [value for value in row["curve"] if value is not None]) for row in rows if row["curve"]]
    values = [value for _, curve in curves for value in curve] or [0.0, 100.0]
    low, high = _range(min(values), max(values))
    last = max((len(curve) for _, curve in curves), default=1)

    def x(epoch: int) -> float:
        return LEFT + (epoch - 1) / max(last - 1, 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP)

    parts = _axes(low, high, last, x, y)
    for place, (row, curve) in enumerate(sorted(curves, key=lambda entry: entry[0]["evaluation"] == chosen)):
        points = " ".join(f"{x(i + 1):.1f},{y(value):.1f}" for i, value in enumerate(curve))
        kind = "chosen" if row["evaluation"] == chosen else "reference" if row["evaluation"] == 1 else "other"
        title = element("title", f"{row['architecture']}: {curve[-1]:.2f} % after {len(curve)} epochs")
        line = element("polyline", title, points=points, class_=f"curve {kind} colour-{place % COLOURS}")
        parts.append(line)
        if len(curve) == 1 or len(curve) < last:
            end = {"cx": f"{x(len(curve)):.1f}", "cy": f"{y(curve[-1]):.1f}"}
            parts.append(element("circle", r="2.5", class_=f"end {kind} colour-{place % COLOURS}", **end))
    label = f"Validation accuracy of {len(curves)} trainings over {last} epochs; the table below has the numbers."
    box = f"0 0 {WIDTH:.0f} {HEIGHT:.0f}"
    return element("svg", *parts, viewBox=box, role="img", aria_label=label, class_="curves")


def _range(low: float, high: float) -> tuple[float, float]:
    """Whole tens around the values."""
    bottom, top = 10 * (low // 10), 10 * -(-high // 10)
    return bottom, top if top > bottom else bottom + 10


def _axes(low: float, high: float, last: int, x: Any, y: Any) -> list[Html]:
    step = 10 if high - low <= 60 else 20
    parts = []
    for value in range(int(low), int(high) + 1, step):
        at = f"{y(value):.1f}"
        parts.append(element("line", x1=str(LEFT), x2=str(WIDTH - RIGHT), y1=at, y2=at, class_="rule"))
        parts.append(element("text", f"{value} %", x=str(LEFT - 8), y=at, class_="tick value"))
    every = max(1, -(-last // 10))
    for epoch in [*range(1, last - every // 2, every), last]:
        parts.append(element("text", str(epoch), x=f"{x(epoch):.1f}", y=str(HEIGHT - BOTTOM + 16), class_="tick"))
    middle = f"{(LEFT + WIDTH - RIGHT) / 2:.0f}"
    return [*parts, element("text", "epoch", x=middle, y=str(HEIGHT - 6), class_="tick")]


def confusion_table(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> Html:
    """Counts of true class by predicted class; of many classes only what was confused most."""
    if len(names) > MOST:
        return _worst(confusion, names)
    head = element("tr", element("th", ""), *(element("th", name) for name in names), element("th", "found"))
    rows = []
    for true, counts in enumerate(confusion):
        total = sum(counts)
        cells = [_count(count, total, true == said) for said, count in enumerate(counts)]
        share = f"{100 * counts[true] / total:.1f} %" if total else "\N{EN DASH}"
        rows.append(element("tr", element("th", names[true]), *cells, element("td", share)))
    table = element("table", element("thead", head), element("tbody", *rows), class_="confusion")
    return element("div", table, class_="frame")


def _count(count: int, total: int, right: bool) -> Html:
    strength = min(4, -(-4 * count // total)) if count and total else 0
    return element("td", str(count) if count else "·", class_=f"{'right' if right else 'wrong'}-{strength}")


def _worst(confusion: Sequence[Sequence[int]], names: Sequence[str], most: int = 30) -> Html:
    pairs = [
        (count, true, said)
        for true, row in enumerate(confusion)
        for said, count in enumerate(row)
        if true != said and count
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1:]))
    rows = [
        element("tr", element("th", names[true]), element("td", names[said]), element("td", str(count)))
        for count, true, said in pairs[:most]
    ]
    head = element("tr", element("th", "true class"), element("th", "taken for"), element("th", "images"))
    return element("div", element("table", element("thead", head), element("tbody", *rows)), class_="frame")
