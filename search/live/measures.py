"""What the test images say of the network: accuracy with its interval, confusion, balanced accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Measures:
    """Counts of true class by predicted class, (classes, classes), and the figures made of them."""

    confusion: Ints

    @property
    def accuracy(self) -> float:
        """Percent of all images."""
        return 100 * float(np.trace(self.confusion)) / int(self.confusion.sum())

    @property
    def recalls(self) -> npt.NDArray[np.float64]:
        """Percent of each class that was found, (classes,); NaN for a class without images."""
        totals = self.confusion.sum(axis=1)
        shares = np.full(len(totals), np.nan)
        np.divide(100.0 * np.diag(self.confusion), totals, out=shares, where=totals > 0)
        return shares

    @property
    def balanced(self) -> float:
        """Mean over classes of what was found of each, in percent."""
        return float(np.nanmean(self.recalls))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy in percent (Wilson, JASA 1927): the luck of which images are tested on."""
        n = int(self.confusion.sum())
        share = self.accuracy / 100
        middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
        return 100 * float(middle - half), 100 * float(middle + half)


def measured(labels: Ints, predicted: Ints, classes: int) -> Measures:
    """Measures of predictions: labels and predictions (n,)."""
    return Measures(np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes))


def predict(logits: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]], images: npt.NDArray[np.uint8]) -> Ints:
    """Classes of images (n, h, w, c), a batch at a time."""
    parts = [logits(images[start : start + 256]).argmax(axis=1) for start in range(0, len(images), 256)]
    return np.concatenate(parts).astype(np.int64)
