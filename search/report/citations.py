"""What to cite: the papers behind the methods and benchmarks of a report, as BibTeX from ``citations.bib``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from .markup import Html, element


def bibtex(names: Iterable[str]) -> str:
    """The entries that stand for any of these names, each once, in the order of the file; names without a paper add none.

    A name may carry options or a library's prefix: ``rea[population=50]`` is ``rea``, ``optuna:tpe`` cites Optuna and TPE.
    """
    wanted = {part for name in names for part in name.partition("[")[0].split(":")}
    return "\n\n".join(entry for known, entry in _entries() if known & wanted)


@cache
def _entries() -> tuple[tuple[frozenset[str], str], ...]:
    text = files(__package__).joinpath("citations.bib").read_text(encoding="utf-8")
    entries = []
    for entry in re.findall(r"^@.*?^}", text, flags=re.MULTILINE | re.DOTALL):
        match = re.search(r"  warmnas = \{(.*?)\},\n", entry)
        assert match is not None, entry
        entries.append((frozenset(name.strip() for name in match[1].split(",")), entry.replace(match[0], "")))
    return tuple(entries)


def citations_html(names: Iterable[str]) -> Html:
    """A folded block with the BibTeX of what a report used; says so where none of it has a paper."""
    entries = bibtex(names) or "% nothing that was used here has a paper of its own"
    shown = element("pre", element("code", entries), tabindex=0)
    return element("details", element("summary", "To cite what was used (BibTeX)"), shown, class_="cite")
