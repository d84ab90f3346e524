"""Where a task's images are read from: a built-in set, a path, or a name below WARMNAS_DATA; the first that there is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ...bench.errors import UnknownName, WarmnasError
from .builtin import tasks
from .folder import read_folder
from .npz import read_npz
from .place import find_data, task_name
from .source import Source


@dataclass(frozen=True)
class Origin:
    """What is known of a set beside its images; what the user brings is not mirrored unless the user says so."""

    family: str
    flip: bool = False
    crop: bool = True
    source: str = "the user's own images"
    licence: str = "the user's"


def read(base: str, resolution: int | None, lenient: bool = False) -> tuple[Source, Origin]:
    """The images of a name or a path; ``resolution`` is that of a folder's images, which may be too large to keep.

    ``lenient`` leaves out a few images of a folder that cannot be read.
    """
    if base in tasks:
        known = tasks[base]
        return known.read(), Origin(base, known.flip, known.crop, known.source, known.licence)
    path = Path(base).expanduser()
    if not os.path.exists(path):
        found = find_data(base)
        if found is None and (path.suffix == ".npz" or len(path.parts) > 1):
            raise WarmnasError(f"no file or folder {base}")
        if found is None:
            hint = " Or name an .npz file, a folder with a folder of images per class, or a set in the folder WARMNAS_DATA."
            raise UnknownName("task", base, tasks, hint=hint)
        path = found
    family = task_name(path.resolve() if path.name in ("", ".", "..") else path)
    if path.is_dir():
        try:
            return read_folder(path, resolution, lenient), Origin(family)
        except OSError as error:
            raise WarmnasError(f"{path} was not read: {error}") from error
    if path.suffix.lower() != ".npz":
        raise WarmnasError(f"{path}: neither an .npz nor a folder with a folder of images per class")
    return read_npz(path), Origin(family)
