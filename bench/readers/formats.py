"""The registry of file formats that ``warmnas bench import`` reads, and what an import gives back."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..ends import without_curves
from ..errors import WarmnasError
from ..registry import Registry
from ..table import Table


@dataclass(frozen=True)
class Options:
    """What a user may say about a file.

    Attributes:
        space: name of the search space; guessed, or given by the format, where it is None.
        map: meanings of columns, see :mod:`.mapping`.
        rename: (name in the file, name in the table) of tasks.
        metric: ``NAME:maximize`` or ``NAME:minimize`` where it is not accuracy in percent.
        name: of the table; that of the file where it is None.
        source: where the numbers come from.
        licence: of the numbers.
        last_epoch: leave the learning curves out, whatever the format.
    """

    space: str | None = None
    map: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    metric: str | None = None
    name: str | None = None
    source: str | None = None
    licence: str | None = None
    last_epoch: bool = False


@dataclass(frozen=True)
class Import:
    """The table of a file, and what was guessed or left out on the way, one line each."""

    table: Table
    notes: tuple[str, ...] = ()


Reader = Callable[[Path, Options], Import]


@dataclass(frozen=True)
class Format:
    """One format: its reader, one line of help, and which of the options it takes besides names and licence."""

    read: Reader
    summary: str
    options: tuple[str, ...]


formats: Registry[Format] = Registry("format")


def file_format(name: str, summary: str, options: tuple[str, ...] = ()) -> Callable[[Reader], Reader]:
    """Decorator that registers a reader."""

    def register(reader: Reader) -> Reader:
        formats(name)(Format(reader, summary, options))
        return reader

    return register


def import_file(path: str | Path, format_name: str, options: Options | None = None) -> Import:
    """The table that a file (or folder) of someone else holds.

    Raises:
        UnknownName: for a format that is not known.
        WarmnasError: where there is no such file, or an option does not fit.
        CorruptFile: where it does not hold what the format says. Nothing of it is ever executed.
    """
    path, options = Path(path), options or Options()
    form = formats[format_name]
    if not path.exists():
        raise WarmnasError(f"no file {path}")
    for option in ("map", "space", "metric"):
        tabular = form.options and option == "metric"
        if getattr(options, option) and option not in form.options and not tabular:
            raise WarmnasError(f"--{option} is for the formats csv and parquet; {format_name} says itself what it holds")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of damaged numbers; what they become is checked
        result = form.read(path, options)
    return replace(result, table=without_curves(result.table)) if options.last_epoch else result
