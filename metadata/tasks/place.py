"""Where the user's own sets are: below the folder that the environment's WARMNAS_DATA names.

``WARMNAS_DATA=~/sets`` with ``~/sets/shapes.npz`` or ``~/sets/shapes/`` makes ``shapes`` a task. In file names an
underscore counts as a hyphen, and a size at the end is no part of the name: ``sign_digits_16px.npz`` is ``sign-digits``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ...bench.errors import WarmnasError


def data_folder() -> Path | None:
    """The folder of the user's sets; None where WARMNAS_DATA is not set."""
    name = os.environ.get("WARMNAS_DATA")
    if not name:
        return None
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise WarmnasError(f"WARMNAS_DATA names {name}, which is no folder")
    return folder


def task_name(path: Path) -> str:
    """Name of the task that a file or a folder is."""
    stem = path.stem if path.suffix.lower() == ".npz" else path.name
    return re.sub(r"[_-]\d+px$", "", stem).replace("_", "-") or stem


def find_data(name: str) -> Path | None:
    """The user's ``.npz``, or folder, of this name; WarmnasError where several would do."""
    folder = data_folder()
    if folder is None or not name:
        return None
    entries = [entry for entry in sorted(folder.iterdir()) if entry.suffix.lower() == ".npz" or entry.is_dir()]
    exact = [entry for entry in entries if name in (entry.name, entry.stem)]
    found = exact or [entry for entry in entries if task_name(entry) == name.replace("_", "-")]
    if len(found) > 1:
        several = " and ".join(entry.name for entry in found)
        raise WarmnasError(f"task '{name}': {folder} has {several}; name one by its path")
    return found[0] if found else None
