"""MNIST's own format: a magic number (0, 0, type, dimensions), the sizes as big-endian 32-bit numbers, the bytes.

The size that the head promises is compared with the size that is there, to the byte, before anything is believed.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from ...bench.errors import CorruptFile, WarmnasError
from .task import UInt8

UNSIGNED_BYTE = 8
LARGEST = 2**31  # bytes


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def read_idx(path: Path, dimensions: int) -> UInt8:
    """The array of an ``idx`` file, plain or gzip; CorruptFile where it is not one of that many dimensions."""
    try:
        with _open(path) as file:
            head = file.read(4 + 4 * dimensions)
            if head[:4] != bytes((0, 0, UNSIGNED_BYTE, dimensions)) or len(head) != 4 + 4 * dimensions:
                raise CorruptFile(f"{path} is no idx file of unsigned bytes in {dimensions} dimensions")
            shape = struct.unpack(f">{dimensions}I", head[4:])
            size = math.prod(shape)
            if not 0 < size <= LARGEST:
                raise CorruptFile(f"{path}: its head promises {size} bytes")
            data = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptFile(f"{path} was not read: {error}") from error
    if len(data) != size:
        kept = "more" if len(data) > size else f"only {len(data)}"
        raise CorruptFile(f"{path}: its head promises {size} bytes, it holds {kept}")
    return np.frombuffer(data, np.uint8).reshape(shape)


def find(folder: Path, stem: str) -> Path | None:
    """The file of that name in a folder, plain or gzip, if it is there."""
    return next((path for path in (folder / stem, folder / f"{stem}.gz") if path.is_file()), None)


def read_pair(folder: Path, prefix: str) -> tuple[UInt8, UInt8]:
    """Images (n, h, w) and labels (n,) of ``train`` or ``t10k``."""
    images, labels = (find(folder, f"{prefix}-{stem}-ubyte") for stem in ("images-idx3", "labels-idx1"))
    if images is None or labels is None:
        missing = "images-idx3" if images is None else "labels-idx1"
        raise WarmnasError(f"{folder}: no file {prefix}-{missing}-ubyte(.gz)")
    return read_idx(images, 3), read_idx(labels, 1)
