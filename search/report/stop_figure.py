"""Regret against speed-up: a point per setting of a method, a line where it was replayed over values of its knob.

Plain data, which points.js draws: speed-up on a logarithmic axis, regret on that of its square root, which shows 0 and
tells small regrets apart.
"""

from __future__ import annotations

import math
from typing import Any

from .curves import COLOURS, DASHES, round_ticks
from .markup import Html, plot_figure
from .numbers import number

Row = dict[str, Any]
STROKES = {"solid": None, "dash": "7 4", "dot": "2 4", "dashdot": "8 3 2 3"}  # of DASHES, where a figure is drawn as SVG
APART = 0.09  # of the axis of regret, between two ticks


def figure(rows: list[Row], fronts: list[Row], methods: list[str], ceiling: float, unit: str) -> Row:
    """All methods of one task with their axes, as JSON-able data.

    Args:
        rows: those asked for; a point each.
        fronts: further settings, which only the lines pass.
        methods: in the order that gives them their colours.
        ceiling: of the speed-up.
        unit: of the regret.
    """
    every = rows + fronts
    right = max(ceiling, *(row["speedup"] for row in every)) * 1.08
    top = max(0.1, *(row["regret"] + (row.get("regret_sem") or 0.0) for row in every)) * 1.1
    return {
        "kind": "points",
        "counts": "speed-up (times)",
        "title": f"mean regret ({unit})",
        "ceiling": ceiling,
        "right": right,
        "top": top,
        "xticks": round_ticks(round(right, 1))[:-1],
        "yticks": regret_ticks(top),
        "curves": [_curve(name, rows, fronts, place) for place, name in enumerate(methods)],
    }


def _curve(name: str, rows: list[Row], fronts: list[Row], place: int) -> Row:
    own = [row for row in rows if row["method"] == name]
    every = sorted([*own, *(row for row in fronts if row["method"] == name)], key=lambda row: row["speedup"])
    points = [
        {
            "x": max(row["speedup"], 1.0),
            "y": max(row["regret"], 0.0),
            "error": row["regret_sem"] or 0.0,
            "about": _about(row),
        }
        for row in own
    ]
    line = [[max(row["speedup"], 1.0), max(row["regret"], 0.0)] for row in every]
    dash = DASHES[place // COLOURS % len(DASHES)]
    return {"name": name, "colour": place % COLOURS, "dash": dash, "deterministic": False, "line": line, "points": points}


def _about(row: Row) -> str:
    setting = f"{row['parameter']}: " if row["parameter"] else ""
    return f"{setting}regret {number(row['regret'])}, speed-up {number(row['speedup'], 1)}"


def regret_ticks(top: float) -> list[float]:
    """0 and up to ten round numbers, far enough apart on the axis of the square root."""
    ticks, last = [0.0], 0.0
    for power in range(-3, 4):
        for step in (1, 2, 5):
            tick = float(f"{step}e{power}")
            if tick <= top and math.sqrt(tick / top) - last >= APART:
                ticks.append(tick)
                last = math.sqrt(tick / top)
    return ticks


def figure_html(task: str, data: Row, identity: str) -> Html:
    """The place of the figure of one task, its data and its caption."""
    caption = (
        "Mean regret of what is returned against speed-up in epochs; the lower right corner is best. Bars are one standard "
        "error. Lines are other values of a method's knob, on the first orders only; the vertical line is the ceiling of "
        "who gives every candidate an epoch. Press a name to hide its method."
    )
    methods = len(data["curves"])
    about = f"Mean regret against speed-up of {methods} methods on {task}; the table has the numbers."
    return plot_figure(identity, about, caption, data, "methods")
