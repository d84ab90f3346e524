"""A one-shot search's ``--out`` folder: ``summary.json`` and ``report.html``, both or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...jsontext import plain, to_json
from ..records import REPORT, SUMMARY, versions, write_all
from .run import OneShot

if TYPE_CHECKING:
    from ...metadata.tasks.task import ImageTask


def write_oneshot(
    result: OneShot, task: ImageTask, out: Path, command: str, validation: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write the files of a search into an existing folder; returns the content of ``summary.json``.

    ``validation`` is what ``--validate`` adds, in the words of :func:`.validation.validate`.
    """
    from ..report.oneshot import write_oneshot_report

    content: dict[str, Any] = {
        "command": command,
        "versions": versions(),
        **result.row(),
        "data": task.name,
        "images": task.hash,
        "space": result.search.space.name,
        "settings": asdict(result.search.settings),
        "stopped": result.stopped,
        "history": result.history,
    }
    if validation is not None:
        content |= {key: validation[key] for key in ("rank", "tau", "spearman", "interval", "rivals")}
        content["validation"] = dict(validation)
    content = {key: plain(value) for key, value in content.items()}
    writers: dict[str, Callable[[Path], object]] = {
        SUMMARY: lambda path: path.write_text(to_json(content) + "\n", encoding="utf-8"),
        REPORT: lambda path: write_oneshot_report(result, content, path),
    }
    write_all(out, writers)
    return content
