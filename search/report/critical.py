"""The critical-difference picture (Demsar 2006): optimizers on an axis of average ranks, bars tie what does not differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .markup import Html, element

WIDTH = 860
LEFT, RIGHT = 250, 610  # pixels of the axis; names stand beside it
AXIS, LINE, BAR = 66, 22, 9  # pixels: height of the axis, between two names, between two bars
LONGEST = 30  # characters of a name


def critical_svg(rank: Mapping[str, float], difference: float, cliques: Sequence[Sequence[str]], about: str) -> Html:
    """The drawing.

    Args:
        rank: average rank of each optimizer.
        difference: the critical one.
        cliques: optimizers that are tied by a bar.
        about: what is drawn, for readers without the picture.
    """
    order = sorted(rank, key=lambda name: rank[name])
    k = len(order)
    half = math.ceil(k / 2)
    names_from = AXIS + 16 + BAR * len(cliques) + 14
    height = names_from + LINE * half
    parts = [*_axis(k), *_difference(difference, k)]
    for row, name in enumerate(order[:half]):
        parts += _name(name, rank[name], k, names_from + LINE * row, LEFT - 14, "end")
    for row, name in enumerate(reversed(order[half:])):
        parts += _name(name, rank[name], k, names_from + LINE * row, RIGHT + 14, "start")
    for row, group in enumerate(cliques):
        low, high = (f(rank[name] for name in group) for f in (min, max))
        y = AXIS + 16 + BAR * row
        parts.append(_line(_x(low, k) - 4, y, _x(high, k) + 4, y, "var(--accent)", 4))
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_label=about,
        style="width:100%;height:auto;min-width:660px;max-width:860px;font-family:system-ui,sans-serif",
    )


def _x(rank: float, k: int) -> float:
    return LEFT + (RIGHT - LEFT) * (rank - 1) / max(k - 1, 1)


def _axis(k: int) -> list[Html]:
    parts = [_line(LEFT, AXIS, RIGHT, AXIS, "var(--ink)", 1.4), _text(LEFT - 14, AXIS - 11, "average rank", "end")]
    every = max(1, math.ceil(k / 12))
    for tick in dict.fromkeys([*range(1, k + 1 - every // 2, every), k]):
        parts.append(_line(_x(tick, k), AXIS - 6, _x(tick, k), AXIS, "var(--ink)", 1.4))
        parts.append(_text(_x(tick, k), AXIS - 11, f"{tick}", "middle"))
    return parts


def _difference(difference: float, k: int) -> list[Html]:
    """The bar above the axis; where it is wider than the axis no two optimizers can differ, and the text says so."""
    end = _x(1 + difference, k)
    label = f"critical difference {difference:.2f}"
    if end > RIGHT:
        return [_text(LEFT, 20, f"{label}: more than any two average ranks can differ", "start")]
    ends = [_line(x, 24, x, 34, "var(--muted)", 1.4) for x in (LEFT, end)]
    return [_text(LEFT, 18, label, "start"), _line(LEFT, 29, end, 29, "var(--muted)", 1.4), *ends]


def _name(name: str, rank: float, k: int, y: float, x: float, anchor: str) -> list[Html]:
    """A leader from the axis down to the height of the name, and the name with its rank at the side."""
    short = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
    at, to = _x(rank, k), x + (6 if anchor == "end" else -6)
    text = f"{short}  {rank:.2f}" if anchor == "end" else f"{rank:.2f}  {short}"
    down, side = _line(at, AXIS, at, y, "var(--muted)", 1), _line(at, y, to, y, "var(--muted)", 1)
    return [down, side, _text(x, y + 4, text, anchor)]


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> Html:
    ends: dict[str, str | float | None] = {"x1": round(x1, 1), "y1": round(y1, 1), "x2": round(x2, 1), "y2": round(y2, 1)}
    return element("line", **ends, stroke=colour, stroke_width=width)


def _text(x: float, y: float, text: str, anchor: str) -> Html:
    place: dict[str, str | float | None] = {"x": round(x, 1), "y": round(y, 1), "text_anchor": anchor, "font_size": 13}
    return element("text", text, **place, fill="var(--ink)")
