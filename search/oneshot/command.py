"""What ``warmnas oneshot`` does: open the task, search, validate, write the folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ...bench import Genotypes, SearchSpace, UnknownName, WarmnasError
from ...machine import DEVICES
from ...metadata.tasks import open_task
from .checkpoint import NAME
from .records import write_oneshot
from .run import search_supernet, settings_for
from .state import Diverged, Search
from .truth import truth_of
from .validation import validate


@dataclass(frozen=True)
class Request:
    """The arguments of the command; ``table`` is what to validate against, or None, ``task`` its task."""

    method: str
    data: str
    space: SearchSpace
    epochs: int
    seed: int
    out: Path
    command: str
    table: str | None = None
    task: str | None = None
    batch: int = 64
    width: int | None = None
    cells: int | None = None
    resolution: int = 16
    device: str = "cpu"
    threads: int = 1


def run_request(request: Request, progress: Callable[[int, int], None] | None = None) -> dict[str, Any] | str:
    """The content of ``summary.json``, or in one line why the search failed.

    Raises WarmnasError where an argument or the data are wrong.
    """
    device = check_device(request.device)
    settings = settings_for(
        request.space, request.epochs, request.seed, batch=request.batch, width=request.width, cells=request.cells
    )
    if request.table is None:
        task, truth = open_task(request.data, resolution=request.resolution), None
    else:
        truth, settings = truth_of(request.table, request.data, request.space, settings, request.resolution, request.task)
        task = truth.task
    found: dict[str, Any] = {}

    def after(search: Search, genotype: Genotypes) -> None:
        if truth is not None:
            found["validation"] = validate(search, genotype, truth)

    threads = torch.get_num_threads()
    torch.set_num_threads(request.threads)
    try:
        result = search_supernet(
            request.method,
            request.space,
            task,
            settings,
            folder=request.out,
            device=device,
            report=None if progress is None else lambda epoch, _: progress(epoch, settings.epochs),
            after=after,
        )
    except Diverged as error:
        kept = (request.out / NAME).is_file()
        return f"{error}; " + (f"the last good state is in {request.out / NAME}" if kept else "no epoch was complete")
    finally:
        torch.set_num_threads(threads)
    return write_oneshot(result, task, request.out, request.command, found.get("validation"))


def check_device(name: str) -> torch.device:
    """The device; WarmnasError where there is none of that name."""
    if not re.fullmatch(rf"({'|'.join(DEVICES)})(:\d+)?", name):
        raise UnknownName("--device", name, DEVICES)
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise WarmnasError("--device cuda: no GPU is to be seen here; leave it out")
    return device
