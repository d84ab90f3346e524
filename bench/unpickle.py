"""Reading other people's pickles without running what is in them.

The field ships its benchmarks as pickles, and a pickle is a program. Here a pickle may name nothing but numpy's numeric
scalars, and those names resolve to two functions of this file; every other name ends the reading.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from .errors import CorruptFile, WarmnasError

_SCALARS = {("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar")}
_DTYPE = ("numpy", "dtype")
_NUMERIC = {f"{kind}{size}" for kind in "iuf" for size in (1, 2, 4, 8)} | {"b1"}


class _PlainType:
    """Stands for ``numpy.dtype`` of a plain number; takes the state that a pickle gives and ignores it."""

    def __init__(self, name: object, *_: object) -> None:
        if name not in _NUMERIC:
            raise pickle.UnpicklingError(f"the type {name!r} is not a plain number")
        self.dtype = np.dtype(str(name))

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] == ">":
            self.dtype = self.dtype.newbyteorder(">")


def _scalar(kind: object, data: object) -> float | int | bool:
    if not isinstance(kind, _PlainType) or not isinstance(data, bytes) or len(data) != kind.dtype.itemsize:
        raise pickle.UnpicklingError("not a plain number")
    value: float | int | bool = np.frombuffer(data, kind.dtype)[0].item()
    return value


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _SCALARS:
            return _scalar
        if (module, name) == _DTYPE:
            return _PlainType
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is not on the list of what may be loaded")

    def persistent_load(self, pid: object) -> Any:
        raise pickle.UnpicklingError("it refers to data outside of the file")


def load_numbers(path: Path) -> Any:
    """The dicts, lists, strings and numbers of a pickle file.

    Raises WarmnasError where there is no file, CorruptFile where it is truncated or names anything but numbers.
    """
    if not path.is_file():
        raise WarmnasError(f"no file {path}")
    try:
        with path.open("rb") as stream:
            return _Unpickler(stream).load()
    except Exception as error:  # damaged bytes raise almost anything, MemoryError included
        raise CorruptFile(
            f"{path} was not read: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        ) from error
