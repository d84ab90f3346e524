"""Reading other people's pickles without running what is in them.

The field ships its benchmarks as pickles, and a pickle is a program. Here a pickle may name nothing but numpy's numeric
scalars, and those names resolve to two functions of this file; every other name ends the reading.
"""

from __future__ import annotations

import io
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from ..wording import one_line
from .errors import CorruptFile, WarmnasError

_SCALARS = {("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar")}
_DTYPE = ("numpy", "dtype")
_TUPLES = (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3)
_SAFE_DEPTH, _BYTES_PER_LEVEL = 60_000, 128  # measured: 56 bytes, and stacks have 8 MiB
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


class _Scalar:
    """Stands for numpy's function ``scalar``. Without attributes: a pickle could set those of a function."""

    __slots__ = ()

    def __call__(self, kind: object, data: object) -> float | int | bool:
        if not isinstance(kind, _PlainType) or not isinstance(data, bytes) or len(data) != kind.dtype.itemsize:
            raise pickle.UnpicklingError("not a plain number")
        value: float | int | bool = np.frombuffer(data, kind.dtype)[0].item()
        return value


_SCALAR = _Scalar()


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _SCALARS:
            return _SCALAR
        if (module, name) == _DTYPE:
            return _PlainType
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is not on the list of what may be loaded")

    def persistent_load(self, pid: object) -> Any:
        raise pickle.UnpicklingError("it refers to data outside of the file")


def _load(content: bytes) -> Any:
    """Load with a stack that is deep enough: Python hashes nested tuples by recursion and dies where the stack ends."""
    deepest = sum(content.count(opcode) for opcode in _TUPLES)
    if deepest <= _SAFE_DEPTH:
        return _Unpickler(io.BytesIO(content)).load()
    before = threading.stack_size((_BYTES_PER_LEVEL * deepest + 2**24) // 2**16 * 2**16)
    try:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: _Unpickler(io.BytesIO(content)).load()).result()
    finally:
        threading.stack_size(before)


def load_numbers(path: Path) -> Any:
    """The dicts, lists, strings and numbers of a pickle file.

    Raises WarmnasError where there is no file, CorruptFile where it is truncated or names anything but numbers.
    """
    if not path.is_file():
        raise WarmnasError(f"no file {path}")
    try:
        return _load(path.read_bytes())
    except Exception as error:  # damaged bytes raise almost anything, MemoryError included
        raise CorruptFile(f"{path} was not read: {type(error).__name__}: {one_line(error, 200)}") from error
