"""What an accuracy is worth on a task: its place beside the other trainings at the same epoch, and beside the best so far.

Accuracies of two tasks do not compare, and a new task may be harder or easier than all sources. A curve v enters as two

    near = asinh((v_e - c_e) / (r s_e)),    far = asinh((v_e - r) / (r s_E)),

with r the best final value so far, c_e the centre of the task's trainings at epoch e, and s the spread within a task as a
fraction of r, which the sources give (E is the last epoch). The centre is the median of the trainings that reached the
epoch, drawn to what the sources say, r m_e, as much as two trainings would draw it; without any it is that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...bench import FloatArray, IntArray

LEAST_REFERENCE = 1.0  # percentage points
LEAST_SPREAD = 0.003
PRIOR_TRAININGS = 2.0
NORMAL_IQR = 1.349  # interquartile range of a normal of deviation 1


@dataclass(frozen=True, eq=False)
class Habits:
    """Centre m and spread s of the trainings of a task, as fractions of its best final value: (places,) each."""

    centre: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, tasks: Sequence[FloatArray]) -> Habits:
        """Means over tasks of medians and of deviations (from quartiles); a task's curves are (n, places), whole ones."""
        shares = [values / max(float(values[:, -1].max()), LEAST_REFERENCE) for values in tasks]
        quartiles = [np.quantile(share, [0.25, 0.5, 0.75], axis=0) for share in shares]
        spread = np.mean([(high - low) / NORMAL_IQR for low, _, high in quartiles], axis=0)
        return cls(np.mean([middle for _, middle, _ in quartiles], axis=0), np.maximum(spread, LEAST_SPREAD))

    @classmethod
    def unknown(cls, fractions: FloatArray) -> Habits:
        """Without any task: a rise along the root of the fraction, and a spread of a tenth."""
        return cls(np.sqrt(fractions), np.full(len(fractions), 0.1))


@dataclass(frozen=True, eq=False)
class Context:
    """Medians of the trainings of a task that reached each place, and how many did: (..., places) each."""

    median: FloatArray
    count: FloatArray

    @classmethod
    def of(cls, values: FloatArray, seen: IntArray) -> Context:
        """From values (..., n, places) of which (..., n) places are seen."""
        places = values.shape[-1]
        reached = np.arange(places) < seen[..., None]
        count = reached.sum(axis=-2)
        ordered = np.sort(np.where(reached, values, np.inf), axis=-2)
        low, high = ((np.maximum(count + shift, 0) // 2)[..., None, :] for shift in (-1, 0))
        ends = [np.take_along_axis(ordered, np.minimum(at, values.shape[-2] - 1), axis=-2)[..., 0, :] for at in (low, high)]
        median = np.where(count > 0, (ends[0] + np.where(count > 0, ends[1], 0)) / 2, 0.0)
        return cls(median, count.astype(np.float64))


def standardised(
    values: FloatArray, reference: FloatArray, habits: Habits, context: Context | None
) -> tuple[FloatArray, FloatArray]:
    """``near`` and ``far`` of values (..., n, places) under references (..., n) and a context of the leading shape."""
    r = np.maximum(reference, LEAST_REFERENCE)[..., None]
    centre = r * habits.centre
    if context is not None:
        weight = (context.count / (context.count + PRIOR_TRAININGS))[..., None, :]
        centre = (1 - weight) * centre + weight * context.median[..., None, :]
    near = np.arcsinh((values - centre) / (r * habits.spread))
    far = np.arcsinh((values - r) / (r * habits.spread[-1]))
    return near, far
