"""The pictures of a live search's report: learning curves as SVG, the confusion matrix as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .markup import Html, element, join

HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 360.0, 58.0, 44.0, 14.0, 84.0
WIDTHS = {"broad": 900.0, "narrow": 360.0}  # pixels; the style sheet shows the one that fits the window
GAP = 16.0  # pixels between two names
MOST = 40  # classes that a confusion matrix is shown for in full
COLOURS = 8  # series of the style sheet


def curves_svg(rows: Sequence[Mapping[str, Any]], chosen: int, reference: bool) -> Html:
    """Validation accuracy by epoch, a line per training; ``chosen`` is the evaluation that is drawn bold.

    With ``reference`` the first training is that of the ResNet cell, and dashed. Drawn twice, for broad and for narrow
    windows, so that letters are as large in both.
    """
    return join([_drawing(rows, chosen, reference, name, width) for name, width in WIDTHS.items()])


def _drawing(rows: Sequence[Mapping[str, Any]], chosen: int, reference: bool, name: str, width: float) -> Html:
    curves = [(row, [value for value in row["curve"] if value is not None]) for row in rows if row["curve"]]
    values = [value for _, curve in curves for value in curve] or [0.0, 100.0]
    low, high = _range(min(values), max(values))
    last = max((len(curve) for _, curve in curves), default=1)

    def x(epoch: int) -> float:
        return LEFT + (epoch - 1) / max(last - 1, 1) * (width - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP)

    parts, names = _axes(low, high, _epochs(last, width), x, y, width), []
    for place, (row, curve) in enumerate(sorted(curves, key=lambda entry: entry[0]["evaluation"] == chosen)):
        points = " ".join(f"{x(i + 1):.1f},{y(value):.1f}" for i, value in enumerate(curve))
        kind = "chosen" if row["evaluation"] == chosen else "reference" if reference and row["evaluation"] == 1 else "other"
        title = element("title", f"{row['architecture']}: {curve[-1]:.2f} % after {len(curve)} epochs")
        parts.append(element("polyline", title, points=points, class_=f"curve {kind} colour-{place % COLOURS}"))
        if len(curve) == 1 or len(curve) < last:
            end = {"cx": f"{x(len(curve)):.1f}", "cy": f"{y(curve[-1]):.1f}"}
            parts.append(element("circle", r="2.5", class_=f"end {kind} colour-{place % COLOURS}", **end))
        if kind != "other":
            names.append((y(curve[-1]), x(len(curve)), "chosen" if kind == "chosen" else "ResNet cell"))
    label = f"Validation accuracy of {len(curves)} trainings over {last} epochs; the table below has the numbers."
    size = {"viewBox": f"0 0 {width:.0f} {HEIGHT:.0f}", "role": "img", "aria_label": label, "class_": f"curves {name}"}
    return element("svg", *parts, *_names(names), **size)


def _names(ends: Sequence[tuple[float, float, str]]) -> list[Html]:
    """Names at the ends of their lines, (height, right end, name), moved apart where they would touch."""
    parts, above = [], -GAP
    for y, x, name in sorted(ends):
        above = max(y, above + GAP)
        parts.append(element("text", name, x=f"{x + 8:.1f}", y=f"{above:.1f}", class_="name"))
    return parts


def _epochs(last: int, width: float) -> list[int]:
    """Epochs on the axis: as many as find room, the last among them."""
    every = max(1, -(-last // max(2, int((width - LEFT - RIGHT) / 40))))
    return [*range(1, last - every // 2, every), last]


def _range(low: float, high: float) -> tuple[float, float]:
    """Whole tens around the values."""
    bottom, top = 10 * (low // 10), 10 * -(-high // 10)
    return bottom, top if top > bottom else bottom + 10


def _axes(low: float, high: float, epochs: Sequence[int], x: Any, y: Any, width: float) -> list[Html]:
    step = 10 if high - low <= 60 else 20
    parts = []
    for value in range(int(low), int(high) + 1, step):
        at = f"{y(value):.1f}"
        parts.append(element("line", x1=str(LEFT), x2=str(width - RIGHT), y1=at, y2=at, class_="rule"))
        parts.append(element("text", str(value), x=str(LEFT - 8), y=at, class_="tick value"))
    for epoch in epochs:
        parts.append(element("text", str(epoch), x=f"{x(epoch):.1f}", y=str(HEIGHT - BOTTOM + 18), class_="tick"))
    across, up = f"{(LEFT + width - RIGHT) / 2:.0f}", f"{(TOP + HEIGHT - BOTTOM) / 2:.0f}"
    title = element("text", "validation accuracy (%)", x="16", y=up, class_="tick", transform=f"rotate(-90 16 {up})")
    return [*parts, title, element("text", "epochs", x=across, y=str(HEIGHT - 6), class_="tick")]


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
