"""Opened tasks for the workers: their arrays are written once into a file without a name, read by each when it needs one.

The workers inherit its descriptor; nobody else can open it, and it is gone with the last of them, however that ends.
"""

from __future__ import annotations

import os
import tempfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from multiprocessing import reduction
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ..tasks import ImageTask, Part

KEPT = 16  # tasks that a worker holds in memory
LINE = 500  # bytes of a complaint


@dataclass(frozen=True)
class _Array:
    """Where an array stands in the file."""

    start: int
    shape: tuple[int, ...]
    type: str

    @classmethod
    def write(cls, array: npt.NDArray[Any], file: IO[bytes]) -> _Array:
        start = file.tell()
        file.write(np.ascontiguousarray(array).data)
        return cls(start, array.shape, array.dtype.str)

    def read(self, file: int) -> npt.NDArray[Any]:
        size = int(np.prod(self.shape)) * np.dtype(self.type).itemsize
        content = bytearray(os.pread(file, size, self.start))  # unlike bytes, it gives an array that can be written
        return np.frombuffer(content, self.type).reshape(self.shape)


@dataclass(frozen=True)
class _Place:
    """A task without its arrays, and where they are: images and labels of train, val and test."""

    hollow: ImageTask
    arrays: tuple[tuple[_Array, _Array], ...]


class TaskFile:
    """Tasks by hash. Pickling it for a process that is being spawned hands the descriptor on.

    Args:
        tasks: to write, by hash.
    """

    def __init__(self, tasks: Mapping[str, ImageTask]) -> None:
        self._places: dict[str, _Place] = {}
        self._kept: OrderedDict[str, ImageTask] = OrderedDict()
        with tempfile.TemporaryFile() as file:
            file.write(bytes(LINE))
            for key, task in tasks.items():
                parts = (task.train, task.val, task.test)
                arrays = tuple((_Array.write(p.images, file), _Array.write(p.labels, file)) for p in parts)
                nothing: list[Part] = [replace(p, images=p.images[:0], labels=p.labels[:0]) for p in parts]
                self._places[key] = _Place(replace(task, train=nothing[0], val=nothing[1], test=nothing[2]), arrays)
            file.flush()
            self._file = os.dup(file.fileno())

    def __getitem__(self, key: str) -> ImageTask:
        if key not in self._kept:
            place = self._places[key]
            train, val, test = (
                replace(place.hollow.train, images=images.read(self._file), labels=labels.read(self._file))
                for images, labels in place.arrays
            )
            self._kept[key] = replace(place.hollow, train=train, val=val, test=test)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def complain(self, text: str) -> None:
        """Leave a line for the parent, at the head of the file."""
        os.pwrite(self._file, text.encode()[:LINE].ljust(LINE), 0)

    def complaint(self) -> str:
        """The last line that a worker left, or nothing."""
        return os.pread(self._file, LINE, 0).decode(errors="replace").strip("\0 ")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def __getstate__(self) -> dict[str, Any]:
        return {"_file": reduction.DupFd(self._file), "_places": self._places, "_kept": OrderedDict()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _file=state["_file"].detach())
