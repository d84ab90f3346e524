"""Image sets in an ``.npz``: ``x, y`` or ``x_train, y_train`` and the like for val and test; nothing else is read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from ...bench.errors import CorruptFile, WarmnasError
from ...wording import one_line
from .arrays import PART_OF, AnyArray, source_of
from .source import Source

LARGEST = 2**34  # bytes of one array: what is larger is no set for this program, and perhaps a bomb


def _wanted(path: Path, present: list[str]) -> list[str]:
    """Names of the arrays to read, images and labels in turn."""
    given = [end for end in PART_OF if f"x{end}" in present or f"y{end}" in present]
    if not given:
        keys = ", ".join(sorted(present)) or "nothing"
        raise WarmnasError(f"{path}: no arrays x and y, nor x_train and y_train; it holds {keys}")
    if "" in given:
        given = [""]
    elif "_train" not in given:
        raise WarmnasError(f"{path}: x{given[0]} without x_train")
    wanted = [f"{letter}{end}" for end in given for letter in "xy"]
    for key in wanted:
        if key not in present:
            raise WarmnasError(f"{path}: no array {key}")
    return wanted


def _refuse_others(path: Path) -> None:
    """CorruptFile for what is neither an archive nor an array: NumPy takes it for a pickle, and says how to load that."""
    with path.open("rb") as file:
        starts = file.read(6)
    if starts != b"\x93NUMPY" and not zipfile.is_zipfile(path):
        raise CorruptFile(f"{path} is no .npz archive; write one with numpy.savez")


def read_npz(path: Path, classes: tuple[str, ...] | None = None) -> Source:
    """The set of a file; WarmnasError or CorruptFile that names file and array where it is not one."""
    arrays: dict[str, AnyArray] = {}
    key = "the list of arrays"
    try:
        _refuse_others(path)
        opened = np.load(path, allow_pickle=False)
        if not isinstance(opened, np.lib.npyio.NpzFile):
            raise CorruptFile(f"{path} is one array; an .npz holds several, by name")
        with opened as file:
            for key in _wanted(path, file.files):
                if file.zip is not None and file.zip.getinfo(f"{key}.npy").file_size > LARGEST:
                    raise CorruptFile(f"{path}: {key} has more than {LARGEST >> 30} GiB")
                arrays[key] = file[key]
    except WarmnasError:
        raise
    except Exception as error:  # damaged bytes raise almost anything, MemoryError included
        reason = f"{type(error).__name__}: {one_line(error, 200)}"
        raise CorruptFile(f"{path}: {key} was not read: {reason}") from error
    return source_of(str(path), arrays, classes)
