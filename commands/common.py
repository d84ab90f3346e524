"""What several commands share: options, opening tables, JSON. A command returns what prints its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..jsontext import plain, to_json

if TYPE_CHECKING:
    from ..bench import Table

Printer = Callable[[], None]  # it prints the results once all work is done

Seed = Annotated[int, typer.Option(min=0, metavar="S", help="Of the whole study; equal seeds give equal results.")]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder of the results; runs/<kind>-<benchmark>-<protocol> if left out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def example(*lines: str) -> str:
    """The end of a command's help: lines that can be typed as they are."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def as_json(content: Mapping[str, Any]) -> Printer:
    """One JSON object on stdout."""
    return lambda: print(to_json(plain(content)))


def open_tables(names: Sequence[str]) -> list[Table]:
    """The tables of these names, each once."""
    from ..bench import open_benchmark

    return [open_benchmark(name) for name in dict.fromkeys(names)]


def free_folder(folder: Path) -> Path:
    """The folder, or with a number behind it where it is there already."""
    others = (folder.with_name(f"{folder.name}-{n}") for n in count(2))
    return folder if not folder.exists() else next(other for other in others if not other.exists())
