"""From a spec to a task: read, split, draw the classes, take as many training images as asked for, resize."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ...bench.errors import WarmnasError
from ...bench.values import Split
from .duplicates import Groups, joined, near_identical, separable
from .groups import read_groups
from .keys import Keys, keys
from .pixels import resized, with_channels
from .reading import read
from .selection import members, subsample
from .source import TEST, TRAIN, VAL, Parts, Source, check
from .spec import Spec, parse
from .splits import VAL_SHARE, split
from .task import ImageTask, Ints, Part

LARGEST_SIDE = 1_024


def open_task(
    spec: str,
    *,
    resolution: int | None = None,
    channels: int | None = None,
    train_size: int | None = None,
    groups: Path | None = None,
    lenient: bool = False,
) -> ImageTask:
    """Open a task.

    Args:
        spec: a built-in name, the name of a set below WARMNAS_DATA, an ``.npz`` or a folder of images per class; options in
            brackets (``cifar100[seed=7,classes=20]``, see ``spec.py``).
        resolution: side in pixels of the square images; None keeps the data's own.
        channels: 1 for grey, 3 for RGB; None keeps the data's own.
        train_size: training images to keep, spread over the classes as they are; all where there are fewer.
        groups: a file that says which images must stay on one side of a split (``groups.py``).
        lenient: leave out a few images of a folder that cannot be read, and say so in the notes.

    Raises:
        WarmnasError: in one line, naming file and field, where the data or the arguments are wrong.
    """
    asked = Spec(spec) if os.path.exists(spec) else parse(spec)
    _check_size(spec, resolution, channels)
    source, origin = read(asked.base, resolution, lenient)
    check(source)
    alike = near_identical(source)
    chance = keys(source.digests, "split", origin.family, asked.split or 0)
    part, notes = _divide(source, asked, alike, chance, groups)
    chosen = np.sort(asked.choose(origin.family, len(source.classes)))
    rows = [members(source.labels, part == name, chosen, chance) for name in (TRAIN, VAL, TEST)]
    for name, found in zip(Split, rows, strict=True):
        if not len(found):
            raise WarmnasError(f"{source.where}: no {name.value} images of the classes of {origin.family}{asked.brackets}")
    for place, size in ((TRAIN, train_size), (VAL, asked.eval), (TEST, asked.eval)):
        if size is not None:
            rows[place] = rows[place][subsample(f"task '{spec}'", source.labels[rows[place]], size)]
    parts = [_part(source, found, chosen, resolution, channels) for found in rows]
    return ImageTask(
        name=origin.family + asked.brackets,
        family=origin.family,
        classes=tuple(source.classes[i] for i in chosen),
        train=parts[TRAIN],
        val=parts[VAL],
        test=parts[TEST],
        flip=origin.flip if asked.flip is None else asked.flip,
        crop=origin.crop if asked.crop is None else asked.crop,
        source=origin.source,
        licence=origin.licence,
        overlap=_overlap(alike, rows),
        notes=(*source.notes, *notes),
    )


def _divide(source: Source, asked: Spec, alike: Groups, chance: Keys, groups: Path | None) -> tuple[Parts, tuple[str, ...]]:
    """The part of every image, (n,), and what has to be said about it."""
    together, notes = separable(alike, source.digests, source.labels)
    own = None if groups is None else read_groups(Path(groups), source)
    if own is not None:
        together = _merged(together, own)
    share = VAL_SHARE if asked.val is None else asked.val / 100
    part = split(source.where, source.labels, source.part, together, chance, share)
    if own is not None:
        apart = len(np.unique(np.stack([own, part], 1), axis=0)) - len(np.unique(own))
        if apart:
            notes += ("Some groups are in several parts, as these were given.",)
    return part, notes


def _check_size(spec: str, resolution: int | None, channels: int | None) -> None:
    if resolution is not None and not 1 <= resolution <= LARGEST_SIDE:
        raise WarmnasError(f"task '{spec}': resolution={resolution}; it is from 1 to {LARGEST_SIDE}")
    if channels not in (None, 1, 3):
        raise WarmnasError(f"task '{spec}': channels={channels}; grey is 1, RGB is 3")


def _part(source: Source, rows: Ints, chosen: Ints, resolution: int | None, channels: int | None) -> Part:
    images = resized(with_channels(source.images[rows], channels, source.where), resolution)
    return Part(images, np.searchsorted(chosen, source.labels[rows]).astype(np.int64))


def _merged(first: Groups, second: Groups) -> Groups:
    """Groups (n,) in which images of one group by either count are together."""
    _, leader, number = np.unique(second, return_index=True, return_inverse=True)
    return joined(first, np.stack([np.arange(len(first)), leader[number]], axis=1))


def _overlap(alike: Groups, rows: list[Ints]) -> int:
    trained = np.unique(alike[rows[TRAIN]])
    return sum(int(np.isin(alike[rows[part]], trained).sum()) for part in (VAL, TEST))
