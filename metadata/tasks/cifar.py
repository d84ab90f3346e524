"""CIFAR-10 and CIFAR-100 in their makers' "python version": a folder of pickles, or the archive that holds it.

A batch is a dict: ``data`` (n, 3072) uint8, red, green and blue planes of 32 x 32 one after the other; ``labels`` (or
``fine_labels``), n integers. The archive is read in place; nothing of it is written to disk.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ...bench.errors import CorruptFile, WarmnasError
from .array_pickle import load_arrays
from .arrays import source_of
from .source import Source
from .task import UInt8

SIDE = 32
LARGEST = 2**29  # bytes of one batch; the largest genuine one has 155 million


@dataclass(frozen=True)
class Layout:
    """Names in one of the two downloads."""

    folder: str
    archive: str
    train: tuple[str, ...]
    test: str
    meta: str
    labels: str
    names: str
    classes: int


CIFAR10 = Layout(
    "cifar-10-batches-py",
    "cifar-10-python.tar.gz",
    tuple(f"data_batch_{i}" for i in range(1, 6)),
    "test_batch",
    "batches.meta",
    "labels",
    "label_names",
    10,
)
CIFAR100 = Layout(
    "cifar-100-python", "cifar-100-python.tar.gz", ("train",), "test", "meta", "fine_labels", "fine_label_names", 100
)


def _from_folder(folder: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    contents = {}
    for name in names:
        path = folder / name
        if not path.is_file():
            raise WarmnasError(f"{folder}: no file {name}")
        if path.stat().st_size > LARGEST:
            raise CorruptFile(f"{path} has more than {LARGEST >> 20} MiB")
        contents[name] = path.read_bytes()
    return contents


def _from_archive(path: Path, folder: str, names: tuple[str, ...]) -> dict[str, bytes]:
    wanted = {f"{folder}/{name}": name for name in names}
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                if member.name in wanted and member.isreg() and 0 < member.size <= LARGEST:
                    file = archive.extractfile(member)
                    contents[wanted[member.name]] = file.read() if file else b""
    except (OSError, EOFError, tarfile.TarError, zlib.error, gzip.BadGzipFile) as error:
        raise CorruptFile(f"{path} was not read: {error}") from error
    for name in names:
        if name not in contents:
            raise CorruptFile(f"{path}: no file {folder}/{name}")
    return contents


def _batch(where: str, record: dict[str, Any], layout: Layout) -> tuple[UInt8, Any]:
    """Images (n, 32, 32, 3) and labels of one batch."""
    data, labels = record.get("data"), record.get(layout.labels)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3 * SIDE**2:
        raise CorruptFile(f"{where}: data is not an array of n x {3 * SIDE**2} bytes")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise CorruptFile(f"{where}: {layout.labels} is not a list of integers")
    if len(labels) != len(data):
        raise CorruptFile(f"{where}: {layout.labels} has {len(labels)} labels for {len(data)} images")
    if labels and not 0 <= min(labels) <= max(labels) < layout.classes:
        wrong = min(labels) if min(labels) < 0 else max(labels)
        raise CorruptFile(f"{where}: {layout.labels} has the label {wrong}, labels are 0 to {layout.classes - 1}")
    return data.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1), labels


def _class_names(where: str, record: dict[str, Any], layout: Layout) -> tuple[str, ...]:
    names = record.get(layout.names)
    if not isinstance(names, list) or len(names) != layout.classes or not all(isinstance(n, bytes | str) for n in names):
        raise CorruptFile(f"{where}: {layout.names} is not a list of {layout.classes} names")
    return tuple(name.decode(errors="replace") if isinstance(name, bytes) else name for name in names)


def read_cifar(place: Path, layout: Layout) -> Source:
    """The set of a folder or an archive; CorruptFile naming the batch and the field where something is wrong.

    The one that was read last is kept, as long as its files do not change: many tasks may be subsets of it, and reading
    it takes seconds.
    """
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    state = tuple((file.name, file.stat().st_size, file.stat().st_mtime_ns, file.stat().st_ctime_ns) for file in files)
    return _read(place, layout, state)


@lru_cache(maxsize=1)
def _read(place: Path, layout: Layout, state: tuple[tuple[str, int, int, int], ...]) -> Source:
    names = (*layout.train, layout.test, layout.meta)
    contents = _from_folder(place, names) if place.is_dir() else _from_archive(place, layout.folder, names)
    batches = {}
    for name in (*layout.train, layout.test):
        where = f"{place}: {name}"
        batches[name] = _batch(where, load_arrays(contents.pop(name), where), layout)
    where = f"{place}: {layout.meta}"
    classes = _class_names(where, load_arrays(contents[layout.meta], where), layout)
    train = [batches[name] for name in layout.train]
    arrays = {
        "x_train": np.concatenate([images for images, _ in train]),
        "y_train": np.concatenate([np.array(labels, np.int64) for _, labels in train]),
        "x_test": batches[layout.test][0],
        "y_test": np.array(batches[layout.test][1], np.int64),
    }
    return source_of(str(place), arrays, classes)


def find_cifar(data: Path, layout: Layout) -> Path | None:
    """The folder or the archive below the folder of the user's data, if one is there."""
    folder, archive = data / layout.folder, data / layout.archive
    return folder if folder.is_dir() else archive if archive.is_file() else None
