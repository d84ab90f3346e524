"""Where the pickle is in a file that ``torch.save`` wrote, without torch: neither form is loaded, only looked at.

Since torch 1.6 such a file is a zip archive with a member ``data.pkl``; before, it is four pickles one after the other (a
magic number, a version, facts about the machine, the object), then the numbers of the tensors.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .pickled_names import PickleError
from .plainpickle import OnDict, PlainPickle

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
MEMBER = "data.pkl"


@contextmanager
def _member(path: Path) -> Iterator[Any]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name == MEMBER or name.endswith(f"/{MEMBER}")]
        if len(names) != 1:
            raise PickleError(f"an archive with {len(names)} members called {MEMBER}")
        with archive.open(names[0]) as stream:
            yield stream


def load_torch(path: Path, on_dict: OnDict | None = None, marker: str = "") -> Any:
    """The plain data of a file of ``torch.save``; tensors become None. A file of plain ``pickle.dump`` is read too.

    Raises PickleError where it is damaged or names anything that is not on the list of ``pickled_names.py``.
    """
    if zipfile.is_zipfile(path):
        with _member(path) as stream:
            return PlainPickle(stream, on_dict, marker).load()
    with path.open("rb") as stream:
        machine = PlainPickle(stream, on_dict, marker)
        first = machine.load()
        if first != MAGIC:
            return first
        if machine.load() != VERSION:
            raise PickleError("a version of torch's format that is not known")
        machine.load()
        return machine.load()
