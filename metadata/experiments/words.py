"""SQLite's errors in this project's words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...bench.errors import CorruptFile, WarmnasError

WAIT = 60.0  # seconds to wait for another process's transaction


class StoreUnavailable(OSError):
    """The store cannot be written or read just now: a full disk, say. What was recorded is safe."""


class ClaimLost(Exception):
    """The trial was given to another worker, because this one had seemed dead."""


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """SQLite's errors as this project's."""
    try:
        yield
    except sqlite3.Error as error:
        raise _worded(error, path) from error


def _worded(error: sqlite3.Error, path: Path) -> Exception:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StoreUnavailable(f"{path}: the disk is full; what was recorded is safe: make room and start again")
    if code == sqlite3.SQLITE_IOERR:
        return StoreUnavailable(f"{path}: {error}; what was recorded is safe: look at the disk and start again")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreUnavailable(f"{path}: another process has held the store for {WAIT:.0f} s")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return CorruptFile(f"{path} is no experiment store, or a damaged one ({error})")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return WarmnasError(f"cannot open the store {path} ({error}); name a file that can be written")
    if code == sqlite3.SQLITE_ERROR and "no such" in str(error):
        return CorruptFile(f"{path} is no experiment store, or a damaged one ({error})")
    return error
