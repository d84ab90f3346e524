"""Median of what is seen of a curve: its middle, whatever single epochs did."""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray
from .model import curve_models
from .partial import Curves
from .summary import SummaryModel


@curve_models("median")
class MedianValue(SummaryModel):
    """The median of the values seen."""

    def summary(self, curves: Curves) -> FloatArray:
        """See :class:`SummaryModel`."""
        median: FloatArray = np.nanmedian(curves.unit, axis=1)
        return median
