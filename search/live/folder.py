"""The folder of a search: what it was asked for, the sources it began with, its time spent; so that it can go on.

Everything else is in the experiment store and in the checkpoints: an interrupted search starts again with the same
questions, and the answers that are there already cost nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from ...bench import CorruptFile, WarmnasError
from ..problem import SourceTask
from .settings import Settings

STATE, SOURCES, WORK, LOCK, SPENT = "search.json", "sources.npz", "work", ".lock", "spent"
VERSION = 1


def usual_folder(settings: Settings, parent: Path) -> Path:
    """Where a search goes that was not told: on in the folder of an interrupted one like it, else into a new one."""
    name = f"search-{Path(settings.data).name.split('[')[0]}-{settings.protocol}"
    numbered = (parent / f"{name}-{number}" for number in count(2))
    for folder in chain([parent / name], numbered):
        if not folder.exists() or _interrupted(folder, settings):
            return folder
    raise AssertionError("there is always another number")


def _interrupted(folder: Path, settings: Settings) -> bool:
    """Whether a search of these settings began here and did not end."""
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        same = {key: state["settings"][key] for key in settings.identity()} == settings.identity()
        return bool(same and state["version"] == VERSION and not state.get("complete"))
    except (OSError, ValueError, KeyError, TypeError):
        return False


class RunFolder:
    """The folder of one search, held by one process at a time.

    Args:
        path: ``--out``; it is created where it is not there.
        settings: of the search.

    Attributes:
        state: what is remembered of its beginning.

    Raises:
        WarmnasError: where it cannot be written, or holds another search.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path, self.work = path, path / WORK
        try:
            path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                pass
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise WarmnasError(f"cannot write to --out {path}: {reason}; name a folder that can be written") from error
        found = self._read()
        self.state: dict[str, Any] = found or {"version": VERSION, "settings": settings.identity()}
        self._compare(settings)
        self._before = self._spent_before()
        self._started = time.monotonic()

    def _read(self) -> dict[str, Any] | None:
        path = self.path / STATE
        if not path.exists():
            if (self.path / "summary.json").exists():
                raise WarmnasError(f"--out {self.path} holds other results; name another folder")
            return None
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["version"] != VERSION or not isinstance(found["settings"], dict):
                raise KeyError
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorruptFile(f"{path} is no search that can go on here; name another folder") from error
        return dict(found)

    def _compare(self, settings: Settings) -> None:
        wanted = settings.identity()
        for name, value in self.state["settings"].items():
            if name in wanted and wanted[name] != value:
                raise WarmnasError(
                    f"--out {self.path} holds a search with --{name} {value}, not {wanted[name]}; name another folder"
                )

    def _spent_before(self) -> float:
        try:
            return float((self.path / WORK / SPENT).read_text())
        except (OSError, ValueError):
            return 0.0

    @property
    def elapsed(self) -> float:
        """Seconds that this search took so far, interruptions left out."""
        return self._before + time.monotonic() - self._started

    def begin(self, **facts: Any) -> None:
        """Remember how the search began; facts that are remembered from an earlier start must be the same."""
        for name, value in facts.items():
            if self.state.setdefault(name, value) != value:
                raise WarmnasError(f"--out {self.path} holds a search on other images; name another folder")
        self.work.mkdir(exist_ok=True)
        self.write(STATE, json.dumps(self.state, indent=1).encode())

    def remember(self, name: str, value: Any) -> Any:
        """What was remembered under a name, or this value, which is remembered from now on."""
        return self.state.setdefault(name, value)

    def sources(self, make: Sequence[SourceTask] | None = None) -> list[SourceTask] | None:
        """The sources that the search began with: those given, where some are; None where there are none yet."""
        path = self.path / WORK / SOURCES
        if make is not None:
            arrays = {f"{part}{i}": getattr(s, part) for i, s in enumerate(make) for part in ("genotypes", "values")}
            names = np.array([source.name for source in make], dtype=np.str_)
            part = path.with_name(f".{SOURCES}")
            with part.open("wb") as file:
                np.savez_compressed(file, names=names, **arrays)
            os.replace(part, path)
            return list(make)
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                return [
                    SourceTask(str(name), file[f"genotypes{i}"], file[f"values{i}"]) for i, name in enumerate(file["names"])
                ]
        except Exception as error:
            raise CorruptFile(f"{path} is damaged; start the search in another folder") from error

    def spend(self) -> None:
        """Write down how long the search has taken."""
        self.write(f"{WORK}/{SPENT}", f"{self.elapsed:.3f}".encode())

    def write(self, name: str, content: bytes) -> None:
        """A file, whole or not at all."""
        path = self.path / name
        part = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            part.write_bytes(content)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Drop what only an interrupted search needs."""
        shutil.rmtree(self.work, ignore_errors=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """This process alone works in the folder; WarmnasError where another one does."""
        try:
            import fcntl
        except ImportError:  # no such locks on this system
            yield
            return
        with (self.path / LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise WarmnasError(f"another search is at work in --out {self.path}; wait for it") from error
            try:
                yield
            finally:
                (self.path / LOCK).unlink(missing_ok=True)
