"""Table files: HDF5 through xarray, written by atomic rename and checked before anything of them is believed.

An HDF5 file can point at other files on the disk, declare arrays larger than any memory, or simply be cut off. All of
that ends in :class:`CorruptFile`, before the data are read. Large arrays stay on the disk, see ``deferred.py``: the
attribute ``opened_hash`` covers what is read at once, checksums of their own cover the rest.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..wording import one_line
from .errors import CorruptFile, WarmnasError
from .packing import packed, unpacked

if TYPE_CHECKING:
    import h5py
    import xarray as xr

MAX_BYTES = 8 * 2**30  # decoded size; a file that declares more is refused
COORDINATES = ("family", "validation_size", "classes", "name", "genotype")
_NETCDF = {"_NCProperties", "coordinates"}  # what xarray adds to the attributes of a file
_ATTRIBUTES = ("timed", "units")
_HASHES = ("hash", "opened_hash")


def content_hash(dataset: xr.Dataset) -> str:
    """BLAKE2 of every variable's name, dimensions, type, units and bytes, and of the attributes."""
    digest = hashlib.blake2b(digest_size=16)
    for key, value in sorted(dataset.attrs.items()):
        if key not in _HASHES:
            digest.update(f"{key}={_plain(value)};".encode())
    for name in sorted(map(str, dataset.variables)):
        variable = dataset.variables[name]
        kind = "text" if variable.dtype.kind in "OUST" else variable.dtype.str
        digest.update(f"{name}{variable.dims}{kind}{variable.shape}".encode())
        digest.update(f"{[(key, str(variable.attrs[key])) for key in _ATTRIBUTES if key in variable.attrs]}".encode())
        digest.update(_bytes(variable.values))
    return digest.hexdigest()


def _bytes(values: np.ndarray[Any, Any]) -> memoryview | bytes:
    """The content of an array, text as UTF-8 with NUL between, however it is held in memory."""
    if values.dtype.kind in "OUST":
        texts = values.ravel().tolist()
        if all(type(v) is str for v in texts):
            return "\0".join(texts).encode()
        return b"\0".join(v if isinstance(v, bytes) else str(v).encode() for v in texts)
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data if values.size else b""


def write(dataset: xr.Dataset, path: Path, compact: bool = False) -> None:
    """Write a table so that ``path`` holds all of it or is as it was before; ``compact``: as ``packing.py`` says.

    Raises WarmnasError where the folder cannot be written.
    """
    dataset, encoding = packed(dataset) if compact else (dataset, {})
    large = _large(dataset)
    dataset = dataset.assign_attrs(hash=content_hash(dataset))
    dataset.attrs.pop("opened_hash", None)
    if large:
        dataset.attrs["opened_hash"] = content_hash(dataset.drop_vars(large))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        temporary.touch(exist_ok=False)  # with the rights that the user's umask gives, unlike tempfile's
    except OSError as error:
        raise WarmnasError(f"cannot write {path}: {error.strerror}; name a folder that can be written") from error
    encodings = _encoding(dataset, large)
    for name, more in encoding.items():
        encodings[name] = {**encodings.get(name, {}), **more}
    try:
        dataset.to_netcdf(temporary, engine="h5netcdf", encoding=encodings)
        os.replace(temporary, path)
    except OSError as error:
        raise WarmnasError(f"cannot write {path}: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _large(dataset: xr.Dataset) -> list[str]:
    """Arrays that are not read before they are asked for."""
    from .deferred import is_large

    return [str(name) for name, variable in dataset.data_vars.items() if is_large(variable)]


def _encoding(dataset: xr.Dataset, large: list[str]) -> dict[str, dict[str, object]]:
    from . import deferred

    floats = (str(n) for n, v in dataset.variables.items() if v.dtype.kind == "f")
    chosen: dict[str, dict[str, object]] = {name: {"_FillValue": None} for name in floats}
    for name in large:
        chosen[name] = {**chosen.get(name, {}), **deferred.encoding(dataset[name])}
    return chosen


def read(path: Path) -> xr.Dataset:
    """Read a table file and check it against its own hash: of all, or of what is not large and stays on the disk.

    The file is netCDF-4, so xarray could read it; reading it with h5py takes a third of the time and looks at every array
    before it is loaded. Raises WarmnasError where there is no file and CorruptFile where it is not an intact table.
    """
    import h5py

    if not path.is_file():
        raise WarmnasError(f"no table file {path}")
    try:
        with h5py.File(path, "r") as file:
            _inspect(path, file)
            dataset, intact = _load(path, file)
    except CorruptFile:
        raise
    except Exception as error:  # h5py raises almost anything on damaged bytes
        reason = one_line(error, 120)
        raise CorruptFile(f"{path} is not an intact table file ({type(error).__name__}: {reason})") from error
    if not intact:
        raise CorruptFile(f"{path} is damaged: its content does not match its own hash; make it again")
    return dataset


def _inspect(path: Path, file: h5py.File) -> None:
    """Refuse what is not plain arrays of a size that fits, before any of it is read."""
    import h5py

    total = 0
    for name in file:
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            raise CorruptFile(f"{path}: '{name}' points outside of the file")
        item = file[name]
        if not isinstance(item, h5py.Dataset):
            raise CorruptFile(f"{path}: '{name}' is a group; a table has only arrays")
        text = h5py.check_string_dtype(item.dtype) is not None
        if item.external or item.is_virtual or not (text or item.dtype.kind in "ifub"):
            raise CorruptFile(f"{path}: '{name}' is not a plain array")
        size = 4 if "scale_factor" in item.attrs else item.dtype.itemsize
        total += int(np.prod(item.shape, dtype=object)) * size
    if total > MAX_BYTES:
        raise CorruptFile(f"{path} declares {total / 2**30:.0f} GiB of data; at most {MAX_BYTES >> 30} are read")


def _load(path: Path, file: h5py.File) -> tuple[xr.Dataset, bool]:
    """The dataset, and whether what of it is in memory has the hash that the file says."""
    import xarray as xr

    variables, waiting = {}, []
    stamp = _plain(file.attrs.get("hash", ""))
    for name, item in file.items():
        if bytes(item.attrs.get("NAME", b"")).startswith(b"This is a netCDF dimension but not"):
            continue
        dims = tuple(d[0].name.lstrip("/") if len(d) else name for d in item.dims)
        attrs = {key: _plain(value) for key, value in item.attrs.items() if key in _ATTRIBUTES}
        if item.fletcher32 and "opened_hash" in file.attrs:
            waiting.append(name)
            variables[name] = xr.Variable(dims, _deferred(path, item, str(stamp)), attrs)
        else:
            variables[name] = xr.Variable(dims, decoded(item), attrs)
    attrs = {key: _plain(value) for key, value in file.attrs.items() if key not in _NETCDF}
    data = xr.Dataset(variables, attrs=attrs).set_coords([name for name in COORDINATES if name in variables])
    said = attrs.get("opened_hash" if waiting else "hash")
    return data, said == content_hash(data.drop_vars(waiting))


def _deferred(path: Path, item: h5py.Dataset, stamp: str) -> Any:
    from .deferred import Deferred

    return Deferred(path, item, np.dtype(np.float32) if _scaled(item) else item.dtype, stamp).variable


def decoded(item: h5py.Dataset, key: Any = ()) -> np.ndarray[Any, Any]:
    """Text as Python strings, as xarray itself gives it; scaled integers as what they stand for; numbers as they are."""
    values: np.ndarray[Any, Any] = item[key]
    if _scaled(item):
        scale, missing = _number(item.attrs["scale_factor"]), item.attrs.get("_FillValue")
        return unpacked(values, float(scale), None if missing is None else int(_number(missing)))
    if values.dtype.kind != "O":
        return values
    text = np.empty(values.shape, dtype=object)
    text.reshape(-1)[:] = list(map(bytes.decode, values.ravel().tolist()))
    return text


def _scaled(item: h5py.Dataset) -> bool:
    return item.dtype.kind in "iu" and "scale_factor" in item.attrs


def _number(attribute: Any) -> Any:
    """The one number of an attribute; netCDF keeps it as an array of one."""
    (number,) = np.ravel(attribute)
    return number


def _plain(value: object) -> object:
    """An attribute as Python's own value, whether or not it has been in a file."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.generic | np.ndarray):
        return value.item() if value.size == 1 else value.tolist()
    return list(value) if isinstance(value, tuple) else value
