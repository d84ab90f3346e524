"""Opened tasks for the workers: pickled once into a file without a name, read by each when it needs one.

The workers inherit its descriptor; nobody else can open it, so unpickling is safe, and it is gone with the last of them,
however that ends.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from collections import OrderedDict
from collections.abc import Mapping
from multiprocessing import reduction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..tasks import ImageTask

KEPT = 16  # tasks that a worker holds in memory
LINE = 500  # bytes of a complaint


class TaskFile:
    """Tasks by hash. Pickling it for a process that is being spawned hands the descriptor on.

    Args:
        tasks: to write, by hash.
    """

    def __init__(self, tasks: Mapping[str, ImageTask]) -> None:
        self._places: dict[str, tuple[int, int]] = {}
        self._kept: OrderedDict[str, ImageTask] = OrderedDict()
        with tempfile.TemporaryFile() as file:
            file.write(bytes(LINE))
            for key, task in tasks.items():
                start = file.tell()
                pickle.dump(task, file, protocol=5)
                self._places[key] = (file.tell() - start, start)
            file.flush()
            self._file = os.dup(file.fileno())

    def __getitem__(self, key: str) -> ImageTask:
        if key not in self._kept:
            length, start = self._places[key]
            self._kept[key] = pickle.loads(os.pread(self._file, length, start))
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
