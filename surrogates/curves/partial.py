"""Partial learning curves: what every curve model reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...bench import ACCURACY, FloatArray, IntArray, Metric, WarmnasError


@dataclass(frozen=True, eq=False)
class Curves:
    """Learning curves of trainings of ``total`` epochs, each seen up to some epoch.

    Args:
        values: the metric after each epoch in its own unit, (curves, epochs), NaN beyond what is seen. A NaN between two
            values is bridged linearly, one before the first value takes that value.
        metric: direction and finite bounds; accuracy in percent if nothing is said.
        total: epochs of a whole training; the width of ``values`` if nothing is said.
        encodings: architectures as numbers, (curves, features), where there are any.
        train_losses: training loss of each epoch, (curves, epochs), where there are any.
        trusted: values are known to be in the metric's unit. Otherwise percentages none of which exceeds 1 are refused,
            because then fractions were meant.

    Raises:
        WarmnasError: for shapes that do not fit, a curve without any value, infinite values, values outside the metric's
            bounds, and fractions where percent is meant.
    """

    values: FloatArray
    metric: Metric = ACCURACY
    total: int = 0
    encodings: FloatArray | None = None
    train_losses: FloatArray | None = None
    trusted: bool = False

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        if values.ndim != 2 or not values.size:
            raise WarmnasError(f"values of curves have the shape (curves, epochs), not {values.shape}")
        object.__setattr__(self, "values", values)
        if self.total != int(self.total):
            raise WarmnasError(f"total is {self.total} epochs; give a whole number")
        object.__setattr__(self, "total", int(self.total or values.shape[1]))
        if self.total < values.shape[1]:
            raise WarmnasError(
                f"total says {self.total} epochs, values have {values.shape[1]}; give the larger one as total"
            )
        self._check_values()
        for name in ("encodings", "train_losses"):
            if (given := getattr(self, name)) is not None:
                object.__setattr__(self, name, self._companion(name, np.array(given, dtype=np.float64)))

    def _check_values(self) -> None:
        low, high = self.metric.bounds
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise WarmnasError(f"curves need a metric with finite bounds, not {low}..{high}; give {self.metric.name} some")
        unseen = np.isnan(self.values)
        if unseen.all(axis=1).any():
            row = int(np.flatnonzero(unseen.all(axis=1))[0])
            raise WarmnasError(f"curve {row} has no value at all; leave it out, or give at least one epoch")
        wrong = ~unseen & ~((self.values >= low) & (self.values <= high))
        if wrong.any():
            row, epoch = (int(i) for i in np.argwhere(wrong)[0])
            where = f"curve {row}, epoch {epoch + 1}: {self.values[row, epoch]:g}"
            raise WarmnasError(
                f"{where} is outside {low:g}..{high:g}, the bounds of {self.metric.name}; give its unit's values"
            )
        highest = self.values[~unseen].max()
        if not self.trusted and self.metric.unit == "percent" and 0 < highest <= 1 < high:
            raise WarmnasError(
                f"no {self.metric.name} exceeds {highest:g} where percent is meant: multiply fractions by 100, "
                "or pass trusted=True if they are percentages"
            )

    def _companion(self, name: str, given: FloatArray) -> FloatArray:
        wanted = (
            self.values.shape if name == "train_losses" else (len(self.values), given.shape[-1] if given.ndim == 2 else 0)
        )
        if given.shape != wanted:
            raise WarmnasError(
                f"{name} have shape {given.shape}; one row for each of the {len(self.values)} curves is needed"
            )
        if name == "encodings" and not np.isfinite(given).all():
            raise WarmnasError("encodings hold NaN or infinite numbers; replace them")
        return given

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def seen(self) -> IntArray:
        """Epochs seen of each curve, at least 1: (curves,)."""
        there = ~np.isnan(self.values)
        last: IntArray = self.values.shape[1] - np.argmax(there[:, ::-1], axis=1)
        return last

    @cached_property
    def complete(self) -> npt.NDArray[np.bool_]:
        """Curves seen to the end: (curves,)."""
        full: npt.NDArray[np.bool_] = self.seen == self.total
        return full

    @cached_property
    def unit(self) -> FloatArray:
        """Values mapped to [0, 1], larger is better, without gaps in what is seen: (curves, total), NaN beyond."""
        unit = np.full((len(self), self.total), np.nan)
        scaled = to_unit(self.values, self.metric)
        for row, seen in enumerate(self.seen):
            known = np.flatnonzero(~np.isnan(scaled[row]))
            unit[row, :seen] = np.interp(np.arange(seen), known, scaled[row, known])
        return unit

    @cached_property
    def last(self) -> FloatArray:
        """The last value seen of each, in [0, 1]: (curves,)."""
        return self.unit[np.arange(len(self)), self.seen - 1]

    def rows(self, index: npt.NDArray[np.bool_] | IntArray) -> Curves:
        """Some of the curves."""
        encodings = None if self.encodings is None else self.encodings[index]
        losses = None if self.train_losses is None else self.train_losses[index]
        return replace(self, values=self.values[index], encodings=encodings, train_losses=losses, trusted=True)

    def until(self, epochs: int) -> Curves:
        """The same trainings, seen up to that epoch at most."""
        kept = min(max(epochs, 1), self.values.shape[1])
        losses = None if self.train_losses is None else self.train_losses[:, :kept]
        return replace(self, values=self.values[:, :kept], train_losses=losses, trusted=True)

    def at_fraction(self, fraction: float) -> Curves:
        """The same trainings, seen up to that fraction of their epochs, rounded and at least one."""
        return self.until(round(fraction * self.total))

    def resampled(self, seen: int, total: int) -> FloatArray:
        """Values in [0, 1] at epochs 1..seen of trainings of ``total`` epochs, between epochs of these by a line.

        Beyond what is seen of a curve stands its last value. (curves, seen)
        """
        at = np.arange(1, seen + 1) * self.total / total
        return np.stack(
            [np.interp(at, np.arange(1, n + 1), line[:n]) for n, line in zip(self.seen, self.unit, strict=True)]
        )


def to_unit(values: FloatArray, metric: Metric) -> FloatArray:
    """Values in a metric's unit as numbers in [0, 1] of which larger is better."""
    low, high = metric.bounds
    unit: FloatArray = (np.asarray(values, dtype=np.float64) - low) / (high - low)
    return unit if metric.sign > 0 else 1 - unit


def from_unit(unit: FloatArray, metric: Metric) -> FloatArray:
    """The inverse of :func:`to_unit`."""
    low, high = metric.bounds
    values: FloatArray = low + (high - low) * (unit if metric.sign > 0 else 1 - unit)
    return values
