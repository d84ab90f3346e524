"""A sortable HTML table in its own scrolling frame: columns of cells that know their value, their text and their mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from .markup import Html, element

BEST = "★"
TIED = "≈"
_TITLES = {BEST: "best in this column", TIED: "statistically tied with the best at the final budget"}


@dataclass(frozen=True)
class Cell:
    """One entry.

    Attributes:
        text: what is shown.
        value: what the column is sorted by; None sorts last.
        mark: ``BEST``, ``TIED`` or another symbol, or nothing.
        spread: a second line in small type, such as the standard error.
    """

    text: str
    value: float | str | None = None
    mark: str = ""
    spread: str = ""


@dataclass(frozen=True)
class Column:
    """A header and a cell per row.

    Attributes:
        hint: explains the header where that needs more than a word.
        group: a heading over this and the neighbouring columns of the same group.
    """

    header: str
    cells: Sequence[Cell]
    hint: str = ""
    group: str = ""


def mark_best(values: Sequence[float | None], sign: int) -> list[str]:
    """BEST for the largest of ``sign * value`` and its equals; nothing where there is nothing to compare."""
    known = [sign * v for v in values if v is not None]
    if len(known) < 2:
        return [""] * len(values)
    return [BEST if v is not None and sign * v >= max(known) - 1e-9 else "" for v in values]


def grid(label: str, names: Sequence[str | Html], columns: Sequence[Column], first: str = "optimizer") -> Html:
    """The table: a row per name, sortable by every column; ``first`` is the header over the names."""
    rows = [
        element("tr", element("th", name, scope="row", data_value=str(name)), *(_cell(c.cells[i]) for c in columns))
        for i, name in enumerate(names)
    ]
    table = element("table", element("thead", *_head(first, columns)), element("tbody", *rows), aria_label=label)
    # A frame that scrolls must be reachable by keyboard.
    return element("div", table, class_="frame", tabindex=0, role="region", aria_label=label)


def _head(name_header: str, columns: Sequence[Column]) -> list[Html]:
    """One row of headers, and above it one of groups where there are any."""
    groups = [(name, len(list(members))) for name, members in groupby(columns, key=lambda column: column.group)]
    deep = 2 if any(name for name, _ in groups) else 1
    first = _header(name_header, 0, "", rowspan=deep)
    headers = [_header(column.header, i, column.hint) for i, column in enumerate(columns, start=1)]
    if deep == 1:
        return [element("tr", first, *headers)]
    over = [element("th" if name else "td", name, colspan=n, class_="group") for name, n in groups]
    return [element("tr", first, *over), element("tr", *headers)]


def _header(name: str, place: int, hint: str, rowspan: int | None = None) -> Html:
    button = element("button", name, element("span", class_="arrow", aria_hidden="true"), type="button")
    kind = "number" if place else "text"
    about: dict[str, str | float | None] = {"scope": "col", "aria_sort": "none", "data_kind": kind, "data_column": place}
    return element("th", button, **about, rowspan=rowspan, title=hint or None)


def _cell(cell: Cell) -> Html:
    mark = element("abbr", cell.mark, title=_TITLES.get(cell.mark, ""), class_="mark") if cell.mark else None
    kind = {BEST: "best", TIED: "tied"}.get(cell.mark)
    value = "" if cell.value is None else str(cell.value)
    spread = element("small", cell.spread) if cell.spread else None
    return element("td", mark, " " if mark else None, cell.text, spread, class_=kind, data_value=value)
