"""Splits: stratified by class, whole groups on one side, fixed by a hash of name, seed and content.

From a set without parts a fifth of every class is tested on and a quarter of the rest validated on (60, 20 and 20 %). A
part that was given stays as it is; what is missing is cut from ``train``. First the groups of several images are dealt
in a random order, each taken where it brings the classes nearer to their shares; then single images fill every class up
to its share exactly. Every class keeps at least one training image.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...bench.errors import WarmnasError
from .duplicates import Groups
from .keys import Keys
from .source import FREE, TEST, TRAIN, VAL, Parts
from .task import Ints

TEST_SHARE, VAL_SHARE = 0.2, 0.25
Flags = npt.NDArray[np.bool_]


def split(where: str, labels: Ints, part: Parts, groups: Groups, keys: Keys, val_share: float = VAL_SHARE) -> Parts:
    """The part of every image, (n,): TRAIN, VAL or TEST.

    Args:
        where: the set, for messages.
        labels: (n,), every class at least twice among what may be trained on.
        part: (n,), the parts that were given, FREE or TRAIN where images may be dealt.
        groups: (n,), images of equal number stay together.
        keys: (n,), a random number per image from its content.
        val_share: share of what is not tested on that is validated on.
    """
    result = part.copy()
    missing = [(TEST, TEST_SHARE, 2), (VAL, val_share, 1)]
    for name, share, keep in missing:
        if (part == name).any():
            continue
        keep = 1 if (part == VAL).any() else keep
        open_ = np.flatnonzero(result <= TRAIN)
        taken = take(labels[open_], groups[open_], keys[open_], share, keep)
        if not taken.any():
            raise WarmnasError(f"{where}: too few groups of images to cut a part of {share:.0%} from {len(open_)} images")
        result[open_[taken]] = name
    result[result == FREE] = TRAIN
    return result


def quotas(counts: Ints, share: float, keep: int) -> Ints:
    """Images of each class to take: the share rounded, at least one, but so that ``keep`` are left."""
    wanted = np.maximum(1, np.floor(share * counts + 0.5)).astype(np.int64)
    return np.asarray(np.maximum(0, np.minimum(wanted, counts - keep)), np.int64)


def take(labels: Ints, groups: Groups, keys: Keys, share: float, keep: int = 1) -> Flags:
    """Which images (n,) make up a share of every class, in whole groups, leaving at least one of every class."""
    classes = int(labels.max()) + 1
    numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)[1:]
    single = sizes[numbers] == 1
    taken: Flags = np.isin(numbers, _whole_groups(labels, numbers, keys, sizes, share, classes)) & ~single
    counts = np.bincount(labels, minlength=classes)
    left = quotas(counts, share, keep) - np.bincount(labels[taken], minlength=classes)
    order = np.lexsort((keys, labels))
    order = order[single[order]]
    of = np.bincount(labels[order], minlength=classes)
    place = np.arange(len(order)) - np.repeat(np.cumsum(of) - of, of)  # rank of each single image within its class
    taken[order[place < left[labels[order]]]] = True
    return taken


def _whole_groups(labels: Ints, numbers: Groups, keys: Keys, sizes: Ints, share: float, classes: int) -> list[int]:
    """Groups of several images to take: each one that brings the classes nearer to their share of such images."""
    several = sizes[numbers] > 1
    if not several.any():
        return []
    found, rows = np.unique(numbers[several], return_inverse=True)
    counts = np.zeros((len(found), classes), np.int64)
    np.add.at(counts, (rows, labels[several]), 1)
    drawn = np.full(len(found), np.iinfo(np.uint64).max)
    np.minimum.at(drawn, rows, keys[several])
    left = np.bincount(labels, minlength=classes)
    need = share * counts.sum(0)
    chosen: list[int] = []
    for row in np.argsort(drawn, kind="stable"):
        gain = np.abs(need).sum() - np.abs(need - counts[row]).sum()
        if gain > 1e-9 and (left - counts[row])[counts[row] > 0].min() >= 1:
            chosen.append(int(found[row]))
            need, left = need - counts[row], left - counts[row]
    singles = int((sizes == 1).sum())
    if (
        not chosen and singles < share * len(labels) / 2
    ):  # three speakers of one size: a third is nearer to a quarter than nothing
        whole = [row for row in range(len(found)) if (left - counts[row])[counts[row] > 0].min() >= 1]
        whole.sort(key=lambda row: (np.abs(need - counts[row]).sum(), int(drawn[row])))
        chosen = [int(found[row]) for row in whole[:1]]
    return chosen
