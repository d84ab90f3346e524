"""Anytime curves: mean regret over evaluations, or over simulated time, as plain data that report.js draws with Plotly.

Both axes are logarithmic. Regret can be 0, which a logarithm cannot show, so every mean of 0 is drawn on a floor below the
smallest positive mean, and the floor is labelled as what it is: the optimum, found in every run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...bench import FloatArray, IntArray
from ..outcome import Outcome, standard_error
from .markup import Html, join, plot_figure
from .numbers import ZERO, regret_unit

POINTS = 200
COLOURS = 8
FEW_TICKS = 3
DASHES = ("solid", "dash", "dot", "dashdot")


def plotted(budget: int) -> IntArray:
    """At most POINTS evaluations from 1 to the budget, evenly on a log axis: (points,)."""
    if budget <= POINTS:
        return np.arange(1, budget + 1)
    return np.unique(np.round(np.geomspace(1, budget, POINTS)).astype(np.int64))


def plotted_times(outcomes: Sequence[Outcome], limit: float) -> FloatArray:
    """POINTS times up to the end, evenly on a log axis, from the first at which every run has a result: (points,)."""
    first = max(float(outcome.seconds[:, 0].max()) for outcome in outcomes)
    return np.geomspace(first, limit, POINTS) if 0 < first < limit else np.array([limit])


def curve(outcome: Outcome, at: FloatArray | IntArray, place: int) -> dict[str, Any]:
    """One optimizer's curve; ``place`` is its position in the study, which fixes its colour and dashes.

    ``error`` is one standard error over runs, or None where runs do not differ by chance (deterministic) or there is one.
    """
    regret = outcome.regret_at(at.tolist())
    mean, error = regret.mean(axis=0), standard_error(regret)
    spread = outcome.runs > 1 and not outcome.deterministic
    return {
        "name": outcome.optimizer,
        "colour": place % COLOURS,
        "dash": DASHES[place // COLOURS % len(DASHES)],
        "deterministic": outcome.deterministic,
        "mean": [0.0 if v <= ZERO else float(f"{v:.4g}") for v in mean],
        "error": [float(f"{v:.3g}") for v in error] if spread else None,
    }


def figure(outcomes: Sequence[Outcome], places: dict[str, int]) -> dict[str, Any]:
    """All curves of one task with their axes, as JSON-able data."""
    first = outcomes[0]
    at = plotted(first.budget) if first.limit is None else plotted_times(outcomes, first.limit)
    curves = [curve(outcome, at, places[outcome.optimizer]) for outcome in outcomes]
    values = np.array([line["mean"] for line in curves])
    positive = values[values > 0]
    zero = bool((values == 0).any())
    top = float(positive.max()) if len(positive) else 1.0
    low = float(positive.min()) if len(positive) else 0.1
    floor = low / 3 if zero else low / 2
    return {
        "at": [float(f"{point:.6g}") for point in at],
        "counts": f"{first.unit}s",
        "curves": curves,
        "floor": floor,
        "zero": zero,
        "range": [floor * (0.8 if zero else 1.2), top * 1.3],
        "xticks": [tick for tick in round_ticks(first.points[-1]) if tick >= at[0]],
        "yticks": regret_ticks(low, top),
        "unit": regret_unit(first.table.metrics[first.task]),
    }


def round_ticks(budget: float) -> list[float]:
    """1, 2, 5, 10, ... and the budget itself, without a tick so near the budget that the two would touch."""
    steps = [m * 10**e for e in range(len(str(int(budget)))) for m in (1, 2, 5)]
    return [tick for tick in steps if tick * 1.4 <= budget] + [budget]


def linear_ticks(low: float, high: float) -> list[float]:
    """About five round numbers from below ``low`` to above ``high``."""
    rough = max(high - low, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{n * step:.6g}") for n in range(first, last + 1)]


def regret_ticks(low: float, top: float) -> list[float]:
    """Powers of ten on the axis; with 2 and 5 between where that leaves few, and with every digit where few are left."""
    first, last = math.floor(math.log10(low / 2)), math.ceil(math.log10(top * 1.3))
    ticks: list[float] = []
    for steps in ((1,), (1, 2, 5), range(1, 10)):
        every = [float(f"{m}e{e}") for e in range(first, last + 1) for m in steps]
        ticks = [tick for tick in every if low * 0.6 <= tick <= top * 1.3]
        if len(ticks) >= FEW_TICKS:
            break
    return ticks


def figure_html(outcomes: Sequence[Outcome], places: dict[str, int], identity: str) -> Html:
    """The place of a figure, its data and its caption."""
    runs = outcomes[0].runs
    fixed = any(outcome.deterministic for outcome in outcomes)
    caption = [
        f"Mean over {runs} runs; bands are ±1 standard error over runs." if runs > 1 else "One run, so no error bands.",
        " Deterministic methods have no band." if fixed else "",
        " Lower is better. Press a name to hide its curve.",
    ]
    over = f"over {outcomes[0].unit}s on {outcomes[0].task}"
    name = f"Mean regret of {len(outcomes)} optimizers {over}; the table has the numbers."
    return plot_figure(identity, name, join(caption), figure(outcomes, places))
