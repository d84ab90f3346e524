"""What ``warmnas bench export`` does: a table in long form, or as a table file, by the ending of the name."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import WarmnasError
from .table import Table

if TYPE_CHECKING:
    import pandas as pd

Writer = Callable[["pd.DataFrame", Path], None]
WRITERS: dict[str, Writer] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False, compression=None),
    ".csv.gz": lambda frame, path: frame.to_csv(path, index=False, compression={"method": "gzip", "mtime": 0}),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False, engine="pyarrow"),
}


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
        write(table.to_dataframe(), temporary)
        os.replace(temporary, out)
    except OSError as error:
        raise WarmnasError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
