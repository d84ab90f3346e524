"""HTML built from parts. Whatever is not already :class:`Html` is escaped, so that no name can become markup."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from typing import Any

VOID = {"meta", "br"}


class Html(str):
    """Text that is HTML already; every plain string is escaped where it enters a page."""

    __slots__ = ()


def escape(part: str) -> Html:
    """The part as HTML; Html as it is."""
    return part if isinstance(part, Html) else Html(html.escape(part, quote=True))


def join(parts: Iterable[str | None], between: str = "") -> Html:
    """The parts in a row; None is left out."""
    return Html(escape(between).join(escape(part) for part in parts if part is not None))


def element(tag: str, *children: str | None, **attributes: str | float | None) -> Html:
    """One element. ``class_`` stands for class and ``data_value`` for data-value; an attribute of None is left out."""
    named = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    opening = "".join(f' {key}="{html.escape(str(value), quote=True)}"' for key, value in named)
    return Html(f"<{tag}{opening}>" if tag in VOID else f"<{tag}{opening}>{join(children)}</{tag}>")


def data_script(identity: str, data: Any) -> Html:
    """JSON for the page's script; ``<`` is written as an escape, so that no text in it can end the element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return element("script", Html(text), type="application/json", id=identity)


def plot_figure(identity: str, label: str, caption: str, data: Any, toggles: str = "optimizers") -> Html:
    """A figure that the page's script draws: legend that shows and hides ``toggles``, plot, caption, data."""
    return element(
        "figure",
        element("div", class_="legend", role="group", aria_label=f"Show or hide {toggles}"),
        element("div", class_="plot", data_figure=identity, role="img", aria_label=label),
        element("figcaption", caption),
        data_script(identity, data),
    )


def listed(names: Iterable[str], last: str = "and") -> str:
    """Names as a sentence lists them."""
    known = list(names)
    return known[0] if len(known) == 1 else f"{', '.join(known[:-1])} {last} {known[-1]}" if known else "none"


def counted(n: float, noun: str) -> str:
    """A number with its noun: ``1 run``, ``30 runs``."""
    text = f"{n:,}" if n == int(n) else f"{n:,.1f}"
    return f"{text.removesuffix('.0')} {noun}{'' if n == 1 else 's'}"
