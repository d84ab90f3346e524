"""Partial curves as they are read: without gaps, at the same fractions of a training whatever its number of epochs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, IntArray, WarmnasError

LONGEST = 32  # epochs up to which each is read; of longer trainings about so many, closer together at the start
SPACED = 44


@dataclass(frozen=True, eq=False)
class PartialCurves:
    """Curves at the places of :func:`places`.

    Attributes:
        values: percent, (n, places); beyond what is seen stands the last value, 0 where nothing is.
        seen: places that are seen, (n,).
        fraction: of the training that is seen, (n,).
        last: the last value seen, percent, (n,); 0 where nothing is.
    """

    values: FloatArray
    seen: IntArray
    fraction: FloatArray
    last: FloatArray

    def __len__(self) -> int:
        return len(self.seen)

    @property
    def complete(self) -> npt.NDArray[np.bool_]:
        """Curves seen to their end, (n,)."""
        whole: npt.NDArray[np.bool_] = self.fraction == 1
        return whole

    def rows(self, index: IntArray | npt.NDArray[np.bool_] | slice) -> PartialCurves:
        """Some of the curves."""
        return PartialCurves(self.values[index], self.seen[index], self.fraction[index], self.last[index])

    def until(self, seen: IntArray, fractions: FloatArray) -> PartialCurves:
        """The same trainings, seen up to so many places (n,) at most; ``fractions`` (places,) are those of the places."""
        cut = seen < self.seen
        values = held(self.values, np.where(cut, seen, self.seen))
        fraction = np.where(cut, np.concatenate([[0.0], fractions])[seen], self.fraction)
        last = np.where(cut, values[:, -1], self.last)
        return PartialCurves(values, np.where(cut, seen, self.seen), fraction, last)


def places(epochs: int) -> FloatArray:
    """Fractions of a training of so many epochs at which a curve is read, increasing up to 1: (places,)."""
    if epochs <= LONGEST:
        return np.arange(1, epochs + 1) / epochs
    chosen: FloatArray = np.unique(np.round(np.geomspace(1, epochs, SPACED))) / epochs
    return chosen


def held(values: FloatArray, seen: IntArray) -> FloatArray:
    """Values (n, m) with the last seen one beyond what is seen (n,), and 0 where nothing is."""
    at = np.minimum(np.arange(values.shape[1]), np.maximum(seen - 1, 0)[:, None])
    kept: FloatArray = np.where(seen[:, None] > 0, np.take_along_axis(values, at, axis=1), 0.0)
    return kept


def read_curves(curves: FloatArray, fractions: FloatArray, what: str = "curves") -> PartialCurves:
    """Curves (n, epochs) in percent, NaN where unknown, one column per epoch of a whole training.

    What is missing between two values is the value before it; before the first value, that value. Between epochs a curve
    is read along a line; before the first one stands the first value.

    Raises:
        WarmnasError: for another shape, infinite values or values outside 0..100.
    """
    curves = np.asarray(curves, dtype=np.float64)
    if curves.ndim != 2 or not curves.shape[1]:
        raise WarmnasError(f"{what} must have the shape (curves, epochs), not {curves.shape}; NaN is what was not seen")
    known = ~np.isnan(curves)
    wrong = known & ~((curves >= 0) & (curves <= 100))
    if wrong.any():
        row, epoch = (int(i) for i in np.argwhere(wrong)[0])
        raise WarmnasError(f"{what}, row {row}, epoch {epoch + 1}: {curves[row, epoch]:g} is no percentage; give 0..100")
    total = curves.shape[1]
    seen = np.where(known.any(axis=1), total - np.argmax(known[:, ::-1], axis=1), 0)
    before = np.maximum.accumulate(np.where(known, np.arange(total), -1), axis=1)
    source = np.where(before < 0, np.argmax(known, axis=1)[:, None], before)
    filled = np.where(seen[:, None] > 0, np.take_along_axis(curves, source, axis=1), 0.0)
    at = fractions * total
    reached = (at <= seen[:, None] + 1e-9).sum(axis=1)
    reached = np.where(seen > 0, np.maximum(reached, 1), 0)
    return PartialCurves(held(_at_epochs(filled, at), reached), reached, seen / total, filled[:, -1])


def _at_epochs(filled: FloatArray, at: FloatArray) -> FloatArray:
    """Values of (n, epochs) at epochs ``at`` (m,), whole or between: (n, m)."""
    total = filled.shape[1]
    position = np.clip(at - 1, 0, total - 1)
    left = np.floor(position + 1e-9).astype(np.int64)
    weight = np.clip(position - left, 0, 1)
    between: FloatArray = (1 - weight) * filled[:, left] + weight * filled[:, np.minimum(left + 1, total - 1)]
    return between
