"""Regret against speed-up as a drawing: a point per method, a line where it was replayed over values of its knob."""

from __future__ import annotations

import math
from typing import Any

from .curves import COLOURS, DASHES, round_ticks
from .markup import Html, element, join
from .numbers import number

Row = dict[str, Any]
WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 16, 52
TIMES = "\N{MULTIPLICATION SIGN}"
GAP = 15  # pixels between two labels
STROKES = {"solid": None, "dash": "7 4", "dot": "2 4", "dashdot": "8 3 2 3"}


class Scales:
    """Speed-up on a logarithmic axis, regret on that of its square root, which shows 0 and tells small regrets apart."""

    def __init__(self, rows: list[Row], ceiling: float) -> None:
        self.right = max(ceiling, *(row["speedup"] for row in rows)) * 1.08
        self.top = max(0.1, *(row["regret"] for row in rows)) * 1.05

    def x(self, speedup: float) -> float:
        """Pixels of a speed-up."""
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(max(speedup, 1.0)) / math.log(self.right)

    def y(self, regret: float) -> float:
        """Pixels of a regret."""
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * math.sqrt(max(regret, 0.0) / self.top)


def figure(task: str, rows: list[Row], fronts: list[Row], methods: list[str], ceiling: float, unit: str) -> Html:
    """The drawing of one task, with its caption.

    Args:
        task: its name.
        rows: those asked for.
        fronts: further points.
        methods: in the order that gives them their colours.
        ceiling: of the speed-up.
        unit: of the regret.
    """
    scales = Scales(rows + fronts, ceiling)
    lines = [_line(name, rows, fronts, methods.index(name), scales) for name in methods]
    drawing = element(
        "svg",
        *_axes(scales, unit),
        _ceiling(scales, ceiling),
        *lines,
        *_labels(rows, methods, scales),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"Mean regret against speed-up of {len(methods)} methods on {task}; the table has the numbers.",
        style="width:100%;height:auto;font-family:system-ui,sans-serif",
    )
    caption = (
        "Mean regret of what is returned against speed-up in epochs; the lower right corner is best. Bars are one standard "
        "error. Lines are other values of a method's knob, on the first orders only; the vertical line is the ceiling of "
        "who gives every candidate an epoch."
    )
    return element("figure", drawing, element("figcaption", caption))


def _axes(scales: Scales, unit: str) -> list[Html]:
    foot, end = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for tick in round_ticks(round(scales.right, 1))[:-1]:
        x = scales.x(tick)
        parts.append(_stroke(x, TOP, x, foot, "var(--grid)"))
        parts.append(_text(x, foot + 18, f"{tick:g}{TIMES}", "middle"))
    for tick in regret_ticks(scales.top):
        y = scales.y(tick)
        parts.append(_stroke(LEFT, y, end, y, "var(--grid)"))
        parts.append(_text(LEFT - 8, y + 4, f"{tick:g}", "end"))
    parts.append(_text((LEFT + end) / 2, HEIGHT - 12, "speed-up", "middle"))
    turned = f"rotate(-90 14 {(TOP + foot) / 2:.0f})"
    parts.append(_text(14, (TOP + foot) / 2, f"mean regret ({unit})", "middle", transform=turned))
    return parts


def regret_ticks(top: float) -> list[float]:
    """0 and up to five round numbers, far enough apart on the axis of the square root."""
    ticks, last = [0.0], 0.0
    for power in range(-3, 4):
        for step in (1, 2, 5):
            tick = float(f"{step}e{power}")
            if tick <= top and math.sqrt(tick / top) - last >= 0.09:
                ticks.append(tick)
                last = math.sqrt(tick / top)
    return ticks


def _ceiling(scales: Scales, ceiling: float) -> Html:
    x = scales.x(ceiling)
    line = _stroke(x, TOP, x, HEIGHT - BOTTOM, "var(--muted)", "6 4")
    return join([line, _text(x - 5, TOP + 12, f"ceiling {number(ceiling, 1)}{TIMES}", "end")])


def _line(name: str, rows: list[Row], fronts: list[Row], place: int, scales: Scales) -> Html:
    colour = f"var(--series-{place % COLOURS})"
    own = [row for row in rows if row["method"] == name]
    every = sorted(own + [row for row in fronts if row["method"] == name], key=lambda row: row["speedup"])
    points = " ".join(f"{scales.x(row['speedup']):.1f},{scales.y(row['regret']):.1f}" for row in every)
    dash = STROKES[DASHES[place // COLOURS % len(DASHES)]]
    parts: list[Html] = []
    if len(every) > 1:
        look: dict[str, str | float | None] = {"fill": "none", "stroke": colour, "stroke_width": 1.4}
        parts.append(element("polyline", points=points, stroke_dasharray=dash, **look))
    for row in own:
        x, y = scales.x(row["speedup"]), scales.y(row["regret"])
        high, low = (scales.y(row["regret"] + sign * row["regret_sem"]) for sign in (1, -1))
        parts.append(_stroke(x, high, x, low, colour))
        about = f"{name} {row['parameter'] or ''}: regret {number(row['regret'])}, speed-up {number(row['speedup'], 1)}"
        dot = element("title", about)
        parts.append(element("circle", dot, cx=round(x, 1), cy=round(y, 1), r=4.5, fill=colour))
    return join(parts)


def _labels(rows: list[Row], methods: list[str], scales: Scales) -> list[Html]:
    """Names at the right, in the order of their regret, each tied to its first point."""
    firsts = [next(row for row in rows if row["method"] == name) for name in methods]
    wanted = sorted(((scales.y(row["regret"]), row) for row in firsts), key=lambda pair: (pair[0], -pair[1]["speedup"]))
    at = [0.0] * len(wanted)
    for i, (y, _) in enumerate(wanted):
        at[i] = max(y, at[i - 1] + GAP if i else TOP)
    for i in range(len(at) - 1, -1, -1):
        at[i] = min(at[i], at[i + 1] - GAP if i < len(at) - 1 else HEIGHT - BOTTOM)
    parts = []
    for (y, row), place in zip(wanted, at, strict=True):
        colour = f"var(--series-{methods.index(row['method']) % COLOURS})"
        parts.append(_stroke(scales.x(row["speedup"]), y, WIDTH - RIGHT + 6, place, colour, opacity=0.35))
        parts.append(_text(WIDTH - RIGHT + 10, place + 4, row["method"], "start"))
    return parts


def _stroke(x1: float, y1: float, x2: float, y2: float, colour: str, dash: str | None = None, opacity: float = 1.0) -> Html:
    ends: dict[str, str | float | None] = {"x1": round(x1, 1), "y1": round(y1, 1), "x2": round(x2, 1), "y2": round(y2, 1)}
    return element("line", **ends, stroke=colour, stroke_dasharray=dash, opacity=opacity)


def _text(x: float, y: float, text: str, anchor: str, transform: str | None = None) -> Html:
    place: dict[str, str | float | None] = {"x": round(x, 1), "y": round(y, 1), "text_anchor": anchor, "font_size": 12}
    return element("text", text, **place, fill="var(--ink)", transform=transform)
