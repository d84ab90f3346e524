"""Last value: a training ends where it stands."""

from __future__ import annotations

from ...bench import FloatArray
from .model import curve_models
from .partial import Curves
from .summary import SummaryModel


@curve_models("last")
class LastValue(SummaryModel):
    """The last value seen."""

    def summary(self, curves: Curves) -> FloatArray:
        """See :class:`SummaryModel`."""
        return curves.last
