"""What ``warmnas bench import`` does: read someone else's file, write a table, say what was understood."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import WarmnasError
from .readers.formats import Options, import_file


def options(
    space: str | None,
    mapping: Sequence[str],
    rename: Sequence[str],
    metric: str | None,
    name: str | None,
    source: str | None,
    licence: str | None,
    last_epoch: bool = False,
) -> Options:
    """Options as the command line gives them; WarmnasError where a ``--rename`` is not OLD=NEW."""
    pairs = []
    for text in rename:
        old, equals, new = text.partition("=")
        if not (old and equals and new):
            raise WarmnasError(f"--rename '{text}': write OLD=NEW, such as c10=cifar10-valid")
        pairs.append((old, new))
    return Options(space, tuple(mapping), tuple(pairs), metric, name, source, licence, last_epoch)


def import_to(path: Path, format_name: str, out: Path, given: Options) -> dict[str, Any]:
    """Read ``path``, write the table ``out`` (all of it or nothing) and describe it.

    Raises WarmnasError or one of its kinds; ``out`` is then as it was before.
    """
    if out.suffix not in (".h5", ".hdf5", ".nc"):
        raise WarmnasError(f"--out {out}: a table file ends in .h5")
    if out.resolve() == path.resolve():
        raise WarmnasError(f"--out {out} is the file that is read; name another one")
    result = import_file(path, format_name, given)
    table = result.table
    table.save(out)
    return {
        "out": str(out),
        "name": table.name,
        "space": table.space.name,
        "tasks": list(table.tasks),
        "architectures": len(table.names),
        "splits": {task: {split.value: key for split, key in keys.items()} for task, keys in table.splits.items()},
        "notes": list(result.notes),
    }
