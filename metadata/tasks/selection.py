"""Which images of a part a task takes, and in which order: both follow from their content, not from a file's order."""

from __future__ import annotations

import numpy as np

from ...bench.errors import WarmnasError
from .keys import Keys
from .splits import Flags
from .task import Ints


def members(labels: Ints, flags: Flags, chosen: Ints, chance: Keys) -> Ints:
    """Rows of the images of the chosen classes among the flagged, in a random order that their content fixes.

    Args:
        labels: (n,).
        flags: (n,), the part's images.
        chosen: class numbers.
        chance: (n,), a random number per image from its content.
    """
    rows = np.flatnonzero(flags & np.isin(labels, chosen))
    return rows[np.lexsort((labels[rows], chance[rows]))]


def subsample(where: str, labels: Ints, size: int) -> Ints:
    """Rows of ``size`` images, all where there are fewer, spread over the classes as the labels (n,) are.

    The first of every class comes first, so that none is lost, and a smaller subsample is part of every larger one.
    """
    classes, number = np.unique(labels, return_inverse=True)
    if size < len(classes):
        raise WarmnasError(f"{where}: {size} images of a part, but it has {len(classes)} classes")
    counts = np.bincount(number)
    order = np.argsort(number, kind="stable")
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    urgency = np.where(rank == 0, -1.0, (rank + 0.5) / counts[number])
    return np.sort(np.argsort(urgency, kind="stable")[:size])
