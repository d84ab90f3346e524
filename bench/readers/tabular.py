"""CSV and Parquet: any table with a column of architectures becomes a :class:`Table`.

Wide files have a column per (task, split, schedule, seed); long files have a row per measurement and columns that say
which task, seed, epoch, ... it is of. Both may be mixed. What cannot be placed without a guess is placed by a rule that is
said in a note: a value without a schedule in a file with schedules belongs to the longest one, a value without an epoch
is that of the last one, a value without a seed beside others with seeds is their ``mean``, and an architecture that stands
there several times in a file without seeds was trained several times.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...wording import one_line
from ..errors import CorruptFile, WarmnasError
from .assembly import Assembly
from .formats import Import, Options, file_format
from .inference import ARCHITECTURES, infer_axes, infer_columns
from .mapping import Mapping, parse

if TYPE_CHECKING:
    import pandas as pd


@file_format("csv", "any CSV with a column of architectures (--map says what the columns are)", options=("map", "space"))
def read_csv(path: Path, options: Options) -> Import:
    """A CSV file, compressed or not, with a header line; ``.tsv`` is separated by tabs."""
    import pandas as pd

    def load(file: Path, **arguments: Any) -> pd.DataFrame:
        if pd.__version__.startswith("2."):  # its default loses the last digit; later ones are exact, and warn
            arguments["float_precision"] = "round_trip"
        frame: pd.DataFrame = pd.read_csv(file, sep="\t" if ".tsv" in file.name else ",", **arguments)
        return frame

    def read() -> pd.DataFrame:
        names = [str(name) for name in load(path, nrows=0).columns]
        mapped = [text.partition("=")[2] for text in options.map if text.startswith("arch=")]
        # Architectures may be written in digits, and 011 is not 11.
        texts = {name: str for name in names if name in mapped or name.lower() in ARCHITECTURES}
        return load(path, dtype=texts)

    return _import(path, _guarded(path, read), options)


@file_format("parquet", "the same from a Parquet file", options=("map", "space"))
def read_parquet(path: Path, options: Options) -> Import:
    """A Parquet file."""
    import pandas as pd

    return _import(path, _guarded(path, lambda: pd.read_parquet(path, engine="pyarrow")), options)


def _guarded(path: Path, read: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    try:
        frame = read()
    except Exception as error:  # the parsers raise whatever they like on damaged bytes
        raise CorruptFile(f"{path} was not read: {type(error).__name__}: {one_line(error, 200)}") from error
    frame.columns = [str(name) for name in frame.columns]
    if not len(frame) or frame.columns.has_duplicates:
        raise CorruptFile(f"{path} has {'two columns of one name' if len(frame) else 'no rows'}")
    return frame


def _import(path: Path, frame: pd.DataFrame, options: Options) -> Import:
    given = parse(options.map, list(frame.columns))
    axes, notes = infer_axes(frame, given.axes)
    if given.columns:
        mapping = Mapping(axes, given.columns)
    elif "value" in axes:
        mapping = Mapping(axes, ())
    else:
        inferred = infer_columns(frame, axes)
        mapping, notes = inferred.mapping, [*notes, *map(str, inferred.mapping.columns), *inferred.notes]
    if not mapping.columns and "value" not in axes:
        raise WarmnasError(f"no column of {path} was recognised; say what one is, as in --map val:TASK=COLUMN")
    table, more = Assembly(path, frame, mapping, options).table()
    return Import(table, (*notes, *more))
