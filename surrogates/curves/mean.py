"""Mean of what is seen of a curve: the running average that the median stopping rule compares (Golovin et al. 2017)."""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray
from .model import curve_models
from .partial import Curves
from .summary import SummaryModel


@curve_models("mean")
class MeanValue(SummaryModel):
    """The mean of the values seen."""

    def summary(self, curves: Curves) -> FloatArray:
        """See :class:`SummaryModel`."""
        mean: FloatArray = np.nanmean(curves.unit, axis=1)
        return mean
