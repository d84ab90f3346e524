"""What a training step sees: groups of curves of one task, cut at random, and which of two ends higher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...bench import FloatArray, IntArray
from .inputs import PartialCurves
from .level import Context, Habits, standardised

NOTHING_SEEN = 0.08  # share of the curves of which nothing is shown: the architecture alone must serve as well
ALL_SEEN = 0.12
NO_CONTEXT = 0.3  # share of the groups without any training beside them
EXCHANGED = 0.1  # share of the curves that are shown with the architecture of another one
JITTER = 0.35  # deviation of the log of what the reference is multiplied by, in half of the groups


@dataclass(frozen=True, eq=False)
class SourceTask:
    """Whole trainings of one task: tokens (n, steps), curves, and what the folds are made of (n,)."""

    tokens: IntArray
    curves: PartialCurves
    classes: IntArray

    @property
    def final(self) -> FloatArray:
        """Last values in percent, (n,)."""
        return self.curves.last


@dataclass(frozen=True, eq=False)
class Batch:
    """Groups of ``size`` curves; the first of each group is the best so far, seen whole.

    Attributes:
        task: of each group, (members, groups).
        tokens: (members, groups * size, steps); values: standardised, (members, groups * size, places, 2); seen, fraction:
            (members, groups * size).
        better: 1, .5 or 0 where the first of a pair ends higher, as high, lower: (members, groups, size, size).
    """

    task: Tensor
    tokens: Tensor
    values: Tensor
    seen: Tensor
    fraction: Tensor
    better: Tensor


class Batches:
    """Draws batches for members of which each may see its own rows of every task.

    Args:
        tasks: to draw from.
        allowed: per member and task the rows that may be drawn, perhaps none or one, which is too few for a pair.
        fractions: of the places, (places,).
        habits: of tasks, to standardise with.
        groups, size: of a batch.
        tie: percentage points up to which two final values are equal.
        rng: of all draws.
    """

    def __init__(
        self,
        tasks: Sequence[SourceTask],
        allowed: Sequence[Sequence[IntArray]],
        fractions: FloatArray,
        habits: Habits,
        groups: int,
        size: int,
        tie: float,
        rng: np.random.Generator,
    ) -> None:
        self.fractions, self.habits = fractions, habits
        self.groups, self.size, self.tie, self.rng = groups, size, tie, rng
        starts = np.cumsum([0, *(len(task.tokens) for task in tasks)])
        self.rows = [[rows + start for rows, start in zip(own, starts, strict=False)] for own in allowed]
        self.usable = [np.array([t for t, rows in enumerate(own) if len(rows) > 1]) for own in allowed]
        self.tokens = np.concatenate([task.tokens for task in tasks])
        self.values = np.concatenate([task.curves.values for task in tasks])
        self.final = np.concatenate([task.final for task in tasks])

    def draw(self) -> Batch:
        """A batch."""
        members = len(self.rows)
        task = np.stack([self.rng.choice(own, self.groups, replace=len(own) < self.groups) for own in self.usable])
        drawn = [[self._some(self.rows[m][t]) for t in task[m]] for m in range(members)]
        rows = self._best_first(np.array(drawn))
        seen = self._cuts(rows.shape)
        seen[..., 0] = self.values.shape[1]
        reference = (self.final[rows[..., 0]] * self._jitter(members))[..., None] * np.ones(self.size)
        values = self.values[rows]
        channels = standardised(values, reference, self.habits, self._context(values))
        flat = (members, self.groups * self.size)
        return Batch(
            task=torch.from_numpy(task),
            tokens=torch.from_numpy(self.tokens[self._exchanged(rows)].reshape(*flat, -1)),
            values=torch.from_numpy(np.stack(channels, axis=-1).astype(np.float32)).view(*flat, -1, 2),
            seen=torch.from_numpy(seen.reshape(flat)),
            fraction=torch.from_numpy(np.append(0, self.fractions)[seen].astype(np.float32).reshape(flat)),
            better=torch.from_numpy(better(self.final[rows], self.tie)),
        )

    def _some(self, rows: IntArray) -> IntArray:
        few = len(rows) < self.size
        return rows[(self.rng.random(self.size) * len(rows)).astype(np.int64)] if few else self._distinct(rows)

    def _distinct(self, rows: IntArray) -> IntArray:
        chosen: IntArray = self.rng.choice(rows, self.size, replace=False, shuffle=False)
        return self.rng.permutation(chosen)

    def _exchanged(self, rows: IntArray) -> IntArray:
        """The rows whose architectures are shown: what the sources say of one need not hold on another task."""
        other = np.roll(rows, 1, axis=-1)
        return np.where(self.rng.random(rows.shape) < EXCHANGED, other, rows)

    def _context(self, values: FloatArray) -> Context:
        """Some of each group stopped at one place, and the best seen whole: (members, groups, size, places) in."""
        groups, places = values.shape[:2], values.shape[-1]
        many = np.where(self.rng.random(groups) < NO_CONTEXT, 0, self.rng.integers(1, self.size + 1, groups))
        stopped = np.floor((places + 1) ** self.rng.random(groups)).astype(np.int64)
        seen = np.where(np.arange(self.size) < many[..., None], stopped[..., None], 0)
        seen[..., 0] = np.where(many > 0, places, 0)
        return Context.of(values, seen)

    def _best_first(self, rows: IntArray) -> IntArray:
        """Put the best of a random number of each group's rows first: (members, groups, size)."""
        so_far = self.rng.integers(1, self.size + 1, rows.shape[:2])
        among = np.where(np.arange(self.size) < so_far[..., None], self.final[rows], -np.inf)
        best = among.argmax(axis=-1)[..., None]
        swapped = rows.copy()
        np.put_along_axis(swapped, best, rows[..., :1], axis=-1)
        swapped[..., 0] = np.take_along_axis(rows, best, axis=-1)[..., 0]
        return swapped

    def _jitter(self, members: int) -> FloatArray:
        drawn: FloatArray = np.exp(JITTER * self.rng.standard_normal((members, self.groups)))
        return np.where(self.rng.random((members, self.groups)) < 0.5, 1.0, drawn)

    def _cuts(self, shape: tuple[int, ...]) -> IntArray:
        """Places to show of each curve: half of them evenly, half evenly in the logarithm, some none or all."""
        places = self.values.shape[1]
        u = self.rng.random(shape)
        even = 1 + np.floor(u * places)
        short = np.floor((places + 1) ** u)
        cuts = np.where(self.rng.random(shape) < 0.5, even, short)
        kind = self.rng.random(shape)
        cuts = np.where(kind < NOTHING_SEEN, 0, np.where(kind > 1 - ALL_SEEN, places, cuts))
        clipped: IntArray = np.minimum(cuts, places).astype(np.int64)
        return clipped


def better(final: FloatArray, tie: float) -> npt.NDArray[np.float32]:
    """1, .5 or 0 where the first of a pair ends higher, as high (within ``tie``), lower: (..., n) -> (..., n, n)."""
    gap = final[..., :, None] - final[..., None, :]
    return np.where(np.abs(gap) <= tie, 0.5, gap > 0).astype(np.float32)
