"""What ``warmnas fewshot`` does: open the task, study every method on the same episodes, write the folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ....bench import SearchSpace, UnknownName
from ....bench.networks.supernets import layout
from ....jsontext import plain, to_json
from ....metadata.tasks import open_task
from ...records import REPORT, SUMMARY, versions, write_all
from ..state import Diverged
from .study import METHODS, few_shot


@dataclass(frozen=True)
class FewShot:
    """The arguments of the command.

    Attributes:
        ways, shots, queries: of an episode.
        steps: of the outer loop.
        episodes: to judge on.
        seed: of everything.
        width, cells: of the supernet; None: the space's own.
        resolution: side of the images in pixels.
    """

    ways: int = 5
    shots: int = 5
    queries: int = 15
    steps: int = 100
    episodes: int = 200
    seed: int = 0
    width: int | None = None
    cells: int | None = None
    resolution: int = 16


def run_few_shot(
    methods: Sequence[str],
    space: SearchSpace,
    data: str,
    given: FewShot,
    out: Path,
    command: str,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any] | str:
    """The content of ``summary.json``, or in one line why it failed.

    Raises WarmnasError where an argument or the data are wrong.
    """
    for method in methods:
        if method not in METHODS:
            raise UnknownName("few-shot method", method, METHODS)
    width, cells = layout(space).default
    width, cells = given.width or width, given.cells or cells
    task, rows = open_task(data, resolution=given.resolution), []
    numbers = {name: getattr(given, name) for name in ("ways", "shots", "queries", "episodes", "seed")}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for place, method in enumerate(methods):
            started = time.perf_counter()

            def told(done: int, total: int, place: int = place) -> None:
                if progress is not None:
                    progress(place * total + done, len(methods) * total)

            found = few_shot(
                method, space, task, meta_steps=given.steps, width=width, cells=cells, progress=told, **numbers
            )
            rows.append({**found, "seconds": time.perf_counter() - started})
    except Diverged as error:
        return f"{methods[len(rows)]}: {error}; it does not adapt to episodes of {task.name}"
    finally:
        torch.set_num_threads(threads)
    content = {
        "command": command,
        "versions": versions(),
        "data": task.name,
        "images": task.hash,
        "space": space.name,
        "settings": {**asdict(given), "width": width, "cells": cells},
        "rows": rows,
    }
    return write(plain(content), out)


def write(content: dict[str, Any], out: Path) -> dict[str, Any]:
    """Both files of the folder, or none."""
    from ...report.fewshot import write_few_shot_report

    writers: dict[str, Callable[[Path], object]] = {
        SUMMARY: lambda path: path.write_text(to_json(content) + "\n", encoding="utf-8"),
        REPORT: lambda path: write_few_shot_report(content, path),
    }
    write_all(out, writers)
    return content
