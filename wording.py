"""Words that every room uses: a text as one line, a length of time. Imports nothing, so any floor may use it."""

from __future__ import annotations


def one_line(text: object, most: int | None = None) -> str:
    """Any text as a single line, of so many characters at most."""
    return " ".join(str(text).split())[:most]


def duration(seconds: float) -> str:
    """Two units of a length of time."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")) if n]
    return " ".join(parts[:2]) or "0 s"
