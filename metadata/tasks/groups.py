"""Groups of the user's own (speakers, patients, scenes) that must not be on both sides of a split.

A text or CSV file with one group per image, in the order of the images (``x_train`` before ``x_val`` before ``x_test``),
or, for a folder of images, lines of ``file,group`` in any order, files named from the folder on. A first line ``group`` or
``file,group`` is a heading.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ...bench.errors import WarmnasError
from .duplicates import Groups
from .source import Source


def read_groups(path: Path, source: Source) -> Groups:
    """Group number of each image, (n,); WarmnasError naming the line where the file does not fit the images."""
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WarmnasError(f"{path}: groups were not read: {error}") from error
    while rows and not rows[-1]:
        rows.pop()
    lines = [[cell.strip() for cell in row] for row in rows]
    start = 1 if lines and lines[0] in (["group"], ["file", "group"]) else 0
    for number, cells in enumerate(lines[start:], start + 1):
        if len(cells) not in (1, 2) or not all(cells):
            raise WarmnasError(f"{path}: line {number}: one group, or file,group; not {','.join(cells)!r}")
    named = {len(cells) == 2 for cells in lines[start:]}
    if len(named) > 1:
        raise WarmnasError(f"{path}: some lines name a file, others do not")
    ids = _by_file(path, lines[start:], source) if True in named else [cells[0] for cells in lines[start:]]
    if len(ids) == len(source.labels) + len(source.left_out):  # it counts the images that could not be read
        ids = [name for place, name in enumerate(ids) if place not in source.left_out]
    if len(ids) != len(source.labels):
        raise WarmnasError(f"{path}: {len(ids)} groups for {len(source.labels)} images of {source.where}")
    return np.unique(ids, return_inverse=True)[1].astype(np.int64)


def _by_file(path: Path, lines: list[list[str]], source: Source) -> list[str]:
    if not source.files:
        raise WarmnasError(f"{path}: it names files, but {source.where} is no folder; one group per image, in order")
    group = {Path(file).as_posix(): name for file, name in lines}
    if unknown := sorted(set(group) - set(source.files) - set(source.left_out.values())):
        raise WarmnasError(f"{path}: no image {unknown[0]} in {source.where}")
    if without := [file for file in source.files if file not in group]:
        raise WarmnasError(f"{path}: no group for {without[0]}")
    return [group[file] for file in source.files]
