"""Large arrays of a table file that stay on the disk until a part of them is asked for.

Learning curves of a whole benchmark are gigabytes, most of them never looked at. They are written in chunks, each with a
checksum of its own (HDF5's Fletcher-32), so that a part can be believed without reading the rest. A read opens the file
anew: nothing is held open, and processes that were forked do not share a handle.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from xarray.core import indexing

from ..wording import one_line
from .errors import CorruptFile

if TYPE_CHECKING:
    import h5py

LARGE = 4 * 2**20  # bytes; smaller arrays are read at once
CHUNK = {"architecture": 256, "seed": 4, "epoch": 8}  # of other axes one each: an end reads one part in 25 of 200 epochs
OPTIONS = {"zlib": True, "complevel": 1, "shuffle": True, "fletcher32": True}


def is_large(variable: xr.Variable | xr.DataArray) -> bool:
    """Whether an array is kept back: numbers along epochs, of some size."""
    return "epoch" in variable.dims and variable.ndim > 1 and variable.dtype.kind in "fiu" and variable.nbytes > LARGE


def encoding(variable: xr.Variable | xr.DataArray) -> dict[str, Any]:
    """How xarray is to write a large array."""
    sizes = zip(variable.dims, variable.shape, strict=True)
    return {**OPTIONS, "chunksizes": tuple(min(CHUNK.get(str(dim), 1), size) for dim, size in sizes)}


class Deferred(xr.backends.BackendArray):
    """An array of a table file, read where it is indexed.

    Raises CorruptFile, when it is read, for damaged bytes and for a file that is not the one that was opened.
    """

    def __init__(self, path: Path, item: h5py.Dataset, dtype: np.dtype[Any], stamp: str) -> None:
        self.path, self.name, self.stamp = path.resolve(), item.name, stamp
        self.shape, self.dtype = item.shape, dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """The part that xarray asks for."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER_1VECTOR, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray[Any, Any]:
        import h5py

        from .storage import decoded

        try:
            with h5py.File(self.path, "r") as file:
                if file.attrs["hash"] != self.stamp:
                    raise CorruptFile(f"{self.path} was replaced while its table was open; open it again")
                part: np.ndarray[Any, Any] = decoded(file[self.name], key)
                return part
        except CorruptFile:
            raise
        except Exception as error:  # h5py raises almost anything on damaged bytes
            reason = one_line(error, 120)
            raise CorruptFile(f"{self.path} is damaged at '{self.name}' ({reason}); make it again") from error

    @property
    def variable(self) -> Any:
        """What an :class:`xarray.Variable` takes as its data."""
        return indexing.LazilyIndexedArray(self)
