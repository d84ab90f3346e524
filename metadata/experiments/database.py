"""The SQLite file of an experiment store: opening it, its tables, and errors in words.

WAL with ``synchronous=NORMAL``: a commit has handed its pages to the operating system before it returns, so ``kill -9`` at
any moment loses nothing that was committed. ``FULL`` would add a flush to the disk per epoch; all that it saves is the last
epochs before a power cut, which leave a sound store and are trained again.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...bench.errors import CorruptFile, WarmnasError
from .words import WAIT, in_words

APPLICATION = 0x7761726D  # "warm": SQLite's mark of whose file it is
VERSION = 1  # of the tables below

TABLES = """
CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE tasks (hash TEXT PRIMARY KEY, spec TEXT, options TEXT, name TEXT, family TEXT, classes INTEGER,
    train INTEGER, validation INTEGER, test INTEGER, source TEXT, licence TEXT);
CREATE TABLE trials (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, space TEXT NOT NULL, genotype TEXT NOT NULL,
    task TEXT NOT NULL, task_hash TEXT NOT NULL, seed INTEGER NOT NULL, recipe TEXT NOT NULL, epochs INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'left' CHECK (state IN ('left', 'running', 'done', 'failed')),
    attempt INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0, reported INTEGER NOT NULL DEFAULT 0,
    batch INTEGER NOT NULL DEFAULT 1, owner TEXT, heartbeat REAL, started REAL, finished REAL,
    params INTEGER, flops INTEGER, reason TEXT);
CREATE INDEX trials_by_state ON trials (state, deaths, number);
CREATE TABLE planned (plan TEXT, trial INTEGER REFERENCES trials, PRIMARY KEY (plan, trial)) WITHOUT ROWID;
CREATE TABLE epochs (trial INTEGER REFERENCES trials, epoch INTEGER, attempt INTEGER NOT NULL, train_loss REAL,
    train_accuracy REAL, val_accuracy REAL, test_accuracy REAL, seconds REAL, PRIMARY KEY (trial, epoch)) WITHOUT ROWID;
"""


def open_database(path: Path, read_only: bool, check: bool) -> sqlite3.Connection:
    """Open a store, and create it where there is none (or an empty file) unless ``read_only``.

    Args:
        path: the file.
        read_only: leave it as it is; it must exist.
        check: look at every page of it first.

    Raises:
        CorruptFile: where the file is damaged or something else.
        WarmnasError: where it is not there, or cannot be created.
        StoreUnavailable: where the disk is full or fails.
    """
    _look(path, read_only)
    with in_words(path):
        # Also for looking the file is opened for writing, where it may be: the last to close it then tidies up.
        uri = f"{path.absolute().as_uri()}?mode={'rw' if read_only else 'rwc'}"
        try:
            connection = _prepared(uri, path, read_only, check)
        except sqlite3.OperationalError:
            if not read_only or path.with_name(path.name + "-wal").exists():
                raise
            connection = _prepared(uri + "&immutable=1", path, read_only, check)  # a folder that cannot be written
        return connection


def _look(path: Path, read_only: bool) -> None:
    try:
        if "\0" in str(path):
            raise ValueError("no file has a NUL in its name")
        if read_only and not path.is_file():
            raise WarmnasError(f"no experiment store {path}; warmnas metadata generate makes one")
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise WarmnasError(f"cannot open the store {path}: {reason}; name another file") from error


def _prepared(uri: str, path: Path, read_only: bool, check: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=WAIT, isolation_level=None)
    try:
        _recognise(connection, path, read_only)
        if check and (damage := _damage(connection, path)):
            raise CorruptFile(f"the store {path} is damaged ({damage}); restore it from a copy")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            with transaction(connection):
                _create(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _damage(connection: sqlite3.Connection, path: Path) -> str:
    """What is wrong with the file, or nothing. SQLite itself takes a last page that was cut for one that ends in zeros."""
    found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0]).splitlines()[-1]
    whole = path.stat().st_size % int(connection.execute("PRAGMA page_size").fetchone()[0]) == 0
    ahead = path.with_name(path.name + "-wal")
    if whole or (ahead.exists() and ahead.stat().st_size):
        return "" if found == "ok" else found
    return "it has been cut off"


def _recognise(connection: sqlite3.Connection, path: Path, read_only: bool) -> None:
    """Refuse another program's file, and a later version's, before anything is changed in it."""
    filled = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if (filled and mark != APPLICATION) or (read_only and not filled):
        raise CorruptFile(f"{path} is not an experiment store; name the file that warmnas metadata generate wrote")
    if version > VERSION:
        raise WarmnasError(
            f"the store {path} was written by a later warmnas (its tables have version {version}); update it"
        )


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL; SQLite does not wait by itself where two processes do this to a new file at once."""
    end = time.monotonic() + WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(0.02)


def _create(connection: sqlite3.Connection) -> None:
    if connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
        return  # another process was first
    for statement in filter(str.strip, TABLES.split(";")):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; nobody else writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
