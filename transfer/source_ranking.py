"""Mean rank on the source tasks, the order that needs no learning at all."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..bench import FloatArray, IntArray


def mean_source_rank(sources: Iterable[tuple[IntArray, FloatArray]], shape: tuple[int, int]) -> FloatArray:
    """Mean over the source tasks of the rank within the task, 0 best to 1 worst.

    Args:
        sources: per task the candidates (runs, rows), -1 where the target has none such, and their values (runs, rows),
            larger being better. A row of values that repeats over runs (a broadcast) is ranked once.
        shape: (runs, candidates).

    Returns:
        Scores (runs, candidates); NaN for what no source has measured.
    """
    from scipy.stats import rankdata

    total, count = np.zeros(shape), np.zeros(shape)
    for rows, values in sources:
        distinct = values[:1] if values.strides[0] == 0 else values
        ranks = (rankdata(-distinct, axis=1) - 1) / max(values.shape[1] - 1, 1)
        ranks = np.broadcast_to(ranks, values.shape)
        run, place = np.nonzero(rows >= 0)
        # Two source rows may be the same function as one candidate: np.add.at counts both.
        np.add.at(total, (run, rows[run, place]), ranks[run, place])
        np.add.at(count, (run, rows[run, place]), 1.0)
    score: FloatArray = np.divide(total, count, out=np.full(shape, np.nan), where=count > 0)
    return score
