"""Pickles that hold dicts, lists, text, numbers and arrays of integers: CIFAR's batches, read without running them.

A pickle is a program. Before it is loaded its instructions are read as data: only those that such a file needs may
occur, none that makes an object of a class, and none that asks for more memory than the file has bytes. It may name
numpy's ``_reconstruct``, ``ndarray`` and ``dtype``; these names resolve to stand-ins of this file, which check what they
are given. Python 2 wrote the genuine files, so text arrives as bytes.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from typing import Any

import numpy as np
import numpy.typing as npt

from ...bench.errors import CorruptFile
from ...wording import one_line

_RECONSTRUCT = {("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct")}
_INTEGERS = {f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)}
_ALLOWED = frozenset(
    """PROTO FRAME STOP MARK NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG1 BINSTRING SHORT_BINSTRING STRING
    BINBYTES SHORT_BINBYTES BINBYTES8 BINUNICODE SHORT_BINUNICODE BINUNICODE8 UNICODE EMPTY_LIST LIST APPEND APPENDS
    EMPTY_DICT DICT SETITEM SETITEMS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 GLOBAL STACK_GLOBAL REDUCE BUILD
    PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET""".split()  # noqa: SIM905
)
_MOST_TUPLES = 10_000  # Python hashes nested tuples by recursion and dies where the stack ends, near 60,000


def _refuse(reason: str) -> pickle.UnpicklingError:
    return pickle.UnpicklingError(reason)


class _Marker:
    """Stands for the class ``ndarray``: it can be named, nothing more."""

    __slots__ = ()


class _Kind:
    """Stands for ``numpy.dtype`` of whole numbers; of the state that a pickle gives only the byte order counts."""

    __slots__ = ("dtype",)

    def __init__(self, name: object, *_: object) -> None:
        text = name.decode("latin1") if isinstance(name, bytes) else name
        if text not in _INTEGERS:
            raise _refuse(f"arrays of type {text!r} are not on the list of what may be loaded")
        self.dtype: np.dtype[Any] = np.dtype(str(text))

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in (">", b">"):
            self.dtype = self.dtype.newbyteorder(">")


class _Array:
    """Stands for an array that is being rebuilt; its data come with its state."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: npt.NDArray[Any] | None = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise _refuse("not the state of an array")
        _, shape, kind, fortran, data = state
        fits = isinstance(shape, tuple) and len(shape) <= 4 and all(type(s) is int and s >= 0 for s in shape)
        if not fits or not isinstance(kind, _Kind) or not isinstance(data, bytes):
            raise _refuse("not the state of an array of integers")
        if len(data) != math.prod(shape) * kind.dtype.itemsize:
            raise _refuse(f"an array of shape {shape} has {len(data)} bytes")
        self.value = np.frombuffer(data, kind.dtype).reshape(shape, order="F" if fortran else "C")


class _Rebuild:
    """Stands for numpy's function ``_reconstruct``. Without attributes: a pickle could set those of a function."""

    __slots__ = ()

    def __call__(self, what: object, *_: object) -> _Array:
        if what is not _Marker:
            raise _refuse("it rebuilds something else than an array")
        return _Array()


_REBUILD = _Rebuild()


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _RECONSTRUCT:
            return _REBUILD
        if (module, name) == ("numpy", "ndarray"):
            return _Marker
        if (module, name) == ("numpy", "dtype"):
            return _Kind
        raise _refuse(f"it names {module}.{name}, which is not on the list of what may be loaded")

    def persistent_load(self, pid: object) -> Any:
        raise _refuse("it refers to data outside of the file")


def _inspect(content: bytes) -> None:
    """Read the instructions without following them."""
    tuples = 0
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name not in _ALLOWED:
            raise _refuse(f"it has the instruction {opcode.name}")
        tuples += opcode.name.startswith("TUPLE")
        if "PUT" in opcode.name and not 0 <= int(str(argument)) <= len(content):
            raise _refuse("a memo larger than the file")
    if tuples > _MOST_TUPLES:
        raise _refuse(f"it has {tuples} tuples")


def load_arrays(content: bytes, where: str) -> dict[str, Any]:
    """The dict of a pickle, by the text of its keys: arrays of integers, lists, text as bytes or str, integers.

    Raises CorruptFile, naming ``where``, where it is damaged or holds or names anything else.
    """
    try:
        _inspect(content)
        loaded = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        return _named(loaded)
    except Exception as error:  # damaged bytes raise almost anything, MemoryError included
        raise CorruptFile(f"{where} was not read: {type(error).__name__}: {one_line(error, 200)}") from error


def _named(loaded: object) -> dict[str, Any]:
    if isinstance(loaded, _Array):
        loaded = {"": loaded}
    if type(loaded) is not dict:
        raise _refuse("it is not a dict")
    named = {key.decode() if isinstance(key, bytes) else str(key): value for key, value in loaded.items()}
    return {key: value.value if isinstance(value, _Array) else value for key, value in named.items()}
