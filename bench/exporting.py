"""What ``warmnas bench export`` does: a table in long form, or as a table file, by the ending of the name."""

from __future__ import annotations

import gzip
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import WarmnasError
from .table import Table

if TYPE_CHECKING:
    import pandas as pd

AXES = ("schedule", "seed", "epoch", "device")
Writer = Callable[["pd.DataFrame", Path], None]
WRITERS: dict[str, Writer] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False, compression=None),
    ".csv.gz": lambda frame, path: _gzip(frame.to_csv(index=False), path),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False, engine="pyarrow"),
}


def _gzip(text: str, path: Path) -> None:
    """Compressed without the time and the name of the file, so that equal tables give equal bytes."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        packed.write(text.encode())


def long_form(table: Table) -> pd.DataFrame:
    """A line per (task, architecture, schedule, seed, epoch, device) at which something was measured.

    What was measured per architecture only, such as its size, is repeated on every line of it. A measurement that has no
    line of its own otherwise (a test value of a run that was not validated) gets one, with the missing axes empty.
    """
    import pandas as pd

    frame: pd.DataFrame | None = None
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, array in table.data.data_vars.items():
        groups.setdefault(tuple(map(str, array.dims)), []).append(str(name))
    for dims in sorted(groups, key=len, reverse=True):
        part = table.data[groups[dims]].drop_vars("genotype", errors="ignore").to_dataframe().reset_index()
        part = part.dropna(how="all", subset=groups[dims])
        part = part[
            [axis for axis in ("task", *AXES, "name") if axis in part and (axis in dims or axis == "name")] + groups[dims]
        ]
        shared = [axis for axis in ("task", *AXES, "name") if frame is not None and axis in part and axis in frame]
        frame = part if frame is None else frame.merge(part, how="outer", on=shared, sort=False)
    assert frame is not None  # a table has at least one variable
    frame = frame.rename(columns={"name": "architecture"})
    first = [axis for axis in ("task", "architecture", *AXES) if axis in frame]
    order = {"task": table.tasks, "architecture": table.names}
    for axis, labels in order.items():
        frame[axis] = pd.Categorical(frame[axis], pd.Index(labels))
    frame = frame.sort_values(first, kind="stable", ignore_index=True)
    return frame.astype(dict.fromkeys(order, str))[[*first, *(c for c in frame.columns if c not in first)]]


def export(table: Table, out: Path) -> None:
    """Write ``out``, all of it or nothing; WarmnasError for an unknown ending or a place that cannot be written.

    Long form: a line per (task, architecture, schedule, seed, epoch) with something measured, see
    :meth:`Table.to_dataframe`.
    """
    if out.name.endswith((".h5", ".hdf5", ".nc")):
        table.save(out)
        return
    write = next((writer for ending, writer in WRITERS.items() if out.name.endswith(ending)), None)
    if write is None:
        raise WarmnasError(f"--out {out}: name a file that ends in {', '.join(WRITERS)} or .h5")
    temporary = out.with_name(f"{out.name}.{uuid.uuid4().hex}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise WarmnasError(f"cannot write {out}: {error.strerror}; name a folder that can be written") from error
    try:
        write(long_form(table), temporary)
        os.replace(temporary, out)
    except OSError as error:
        raise WarmnasError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
