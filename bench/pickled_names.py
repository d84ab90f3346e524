"""The names that a pickle may have in it, and the plain data that each stands for.

numpy's numbers and numeric arrays, ordered and default dictionaries, sets, and torch's tensors, whose contents are not
needed and become None, and the records of one benchmark that pickles objects. Everything else ends the reading.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

NUMERIC = {f"{kind}{size}" for kind in "iuf" for size in (1, 2, 4, 8)} | {"b1"}
LARGEST = 1 << 28  # numbers in one array


class PickleError(ValueError):
    """The pickle is damaged, or names something that is not on the list."""


def check_key(key: Any) -> Hashable:
    """A key of a dict or member of a set: text, a number or a flat tuple of such.

    Python hashes nested tuples by recursion in C, and a deep one would end the process.
    """
    plain = (str, int, float, bool, bytes, type(None))
    if type(key) in plain or (type(key) is tuple and all(type(part) in plain for part in key)):
        return key  # type: ignore[no-any-return]
    raise PickleError("a key is neither text nor a number nor a flat tuple of such")


@dataclass(frozen=True)
class Name:
    """A name of the list; nothing that can be called."""

    kind: str


@dataclass(frozen=True)
class PlainType:
    """A numeric type, perhaps of the other byte order."""

    dtype: np.dtype[Any]


@dataclass
class UnfilledArray:
    """An array whose state has not come yet."""


class Record(dict[str, Any]):
    """An object of somebody's class: its attributes by name, nothing else."""


RECORD = Name("record")
_ANALOG = "analognasbench.data"
_TORCH = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool", "Untyped")
_NAMES = {
    (_ANALOG, "Architecture"): RECORD,
    (_ANALOG, "DriftMeasurement"): RECORD,
    ("collections", "OrderedDict"): Name("dict"),
    ("collections", "defaultdict"): Name("defaultdict"),
    ("_codecs", "encode"): Name("encode"),
    ("numpy", "dtype"): Name("dtype"),
    ("numpy", "ndarray"): Name("ndarray"),
    ("torch._utils", "_rebuild_tensor"): Name("nothing"),
    ("torch._utils", "_rebuild_tensor_v2"): Name("nothing"),
    ("torch._utils", "_rebuild_parameter"): Name("nothing"),
    ("torch.storage", "_load_from_bytes"): Name("nothing"),
    **{("torch", f"{kind}Storage"): Name("nothing") for kind in _TORCH},
    **{(numpy, "scalar"): Name("scalar") for numpy in ("numpy.core.multiarray", "numpy._core.multiarray")},
    **{(numpy, "_reconstruct"): Name("array") for numpy in ("numpy.core.multiarray", "numpy._core.multiarray")},
    **{(numpy, "_frombuffer"): Name("frombuffer") for numpy in ("numpy.core.numeric", "numpy._core.numeric")},
    **{(builtin, kind): Name(kind) for builtin in ("builtins", "__builtin__") for kind in ("bytes", "dict", "list", "set")},
}


def named(module: object, name: object) -> Name:
    """The entry of the list; PickleError where there is none."""
    if not isinstance(module, str) or not isinstance(name, str):
        raise PickleError("a name that is no text")
    found = _NAMES.get((module, name))
    if found is None:
        raise PickleError(f"it names {module[:80]}.{name[:80]}, which is not on the list of what may be loaded")
    return found


def _dtype(name: object, *_: object) -> PlainType:
    if not isinstance(name, str) or name not in NUMERIC:
        raise PickleError("a type that is not a plain number")
    return PlainType(np.dtype(name))


def _scalar(kind: object, data: object) -> float | int | bool:
    if not isinstance(kind, PlainType) or not isinstance(data, bytes) or len(data) != kind.dtype.itemsize:
        raise PickleError("not a plain number")
    value: float | int | bool = np.frombuffer(data, kind.dtype)[0].item()
    return value


def _encode(text: object, encoding: object) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":  # how protocols below 3 write bytes
        raise PickleError("bytes that are not written plainly")
    return text.encode("latin1")


def _items(make: Callable[[Any], Any]) -> Callable[..., Any]:
    def build(items: object = ()) -> Any:
        if not isinstance(items, list | tuple):
            raise PickleError("a collection of something that is no list")
        if make is list:
            return list(items)
        keys = items if make is set else [pair[0] for pair in items]
        for key in keys:
            check_key(key)
        return make(items)

    return build


_CONSTRUCTORS: dict[str, Callable[..., Any]] = {
    "bytes": lambda: b"",  # how protocols below 3 write no bytes
    "dict": _items(dict),
    "defaultdict": lambda factory=None: {},
    "set": _items(set),
    "list": _items(list),
    "encode": _encode,
    "dtype": _dtype,
    "scalar": _scalar,
    "array": lambda kind, shape, code: UnfilledArray(),
    "frombuffer": lambda data, kind, shape, order: _array(shape, kind, order == "F", data),
    "nothing": lambda *_: None,
}


def constructed(name: Name, arguments: tuple[Any, ...]) -> Any:
    """The plain data that a name stands for, with these arguments."""
    make = _CONSTRUCTORS.get(name.kind)
    if make is None or len(arguments) > 16:
        raise PickleError(f"a {name.kind} is not built so")
    return make(*arguments)


def built(target: object, state: object) -> Any:
    """What comes of a value when its state is set: byte order of types, contents of arrays; else PickleError."""
    if isinstance(target, PlainType) and isinstance(state, tuple) and len(state) > 1:
        return PlainType(target.dtype.newbyteorder(">")) if state[1] == ">" else target
    if isinstance(target, UnfilledArray) and isinstance(state, tuple) and len(state) == 5:
        return _array(*state[1:])
    if isinstance(target, Record) and isinstance(state, dict):
        target.update(state)
        return target
    if type(target) is dict and isinstance(state, dict):  # torch hangs its metadata on an OrderedDict
        return target
    raise PickleError("it sets the state of something that has none")


def _array(shape: object, kind: object, fortran: object, data: object) -> npt.NDArray[Any]:
    if not isinstance(shape, tuple) or not isinstance(kind, PlainType) or not isinstance(data, bytes | str | list):
        raise PickleError("an array that does not hold plain numbers")
    if isinstance(data, list) or not all(type(n) is int and 0 <= n <= LARGEST for n in shape) or len(shape) > 8:
        raise PickleError("an array that does not hold plain numbers")
    raw = data.encode("latin1") if isinstance(data, str) else data
    size = int(np.prod(np.array(shape, dtype=object)))
    if len(raw) != size * kind.dtype.itemsize:
        raise PickleError("an array whose bytes do not fit its shape")
    values: npt.NDArray[Any] = np.frombuffer(raw, kind.dtype).reshape(shape, order="F" if fortran is True else "C")
    return values
