"""How the report writes numbers: no more digits than are meant, a true minus, and a dash for what is not there."""

from __future__ import annotations

import math

from ...bench import Metric

ABSENT = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
ZERO = 1e-9  # regret below is rounding of the mean over seeds: the optimum


def regret_unit(metric: Metric) -> str:
    """Unit of a difference of two values: percentage points where the values are percentages."""
    return "percentage points" if metric.unit == "percent" else metric.unit


def decimals(value: float) -> int:
    """Digits after the point for a value, so that about two of them matter."""
    size = abs(value)
    return 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 or size < ZERO else 3


def number(value: float | None, digits: int | None = None) -> str:
    """A number to read; what is absent is a dash."""
    if value is None or not math.isfinite(value):
        return ABSENT
    if abs(value) < ZERO:
        return "0"
    return f"{value:.{decimals(value) if digits is None else digits}f}".replace("-", MINUS)


def error(mean: float, sem: float) -> str:
    """A standard error with the digits of its mean."""
    return f"± {number(sem, decimals(mean))}"


def interval(mean: float, low: float | None, high: float | None) -> str:
    """[low, high] with the digits of the mean; nothing where there is no interval, or no width."""
    if low is None or high is None or high - low < ZERO:
        return ""
    return f"[{number(low, decimals(mean))}, {number(high, decimals(mean))}]"


def with_interval(mean: float, low: float | None, high: float | None) -> str:
    """Mean [low, high], for a sentence."""
    return f"{number(mean)} {interval(mean, low, high)}".strip()
