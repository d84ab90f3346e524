"""i-Epoch: the value after a constant number of epochs, whatever else is seen.

Egele, Mohr, Viering & Balaprakash, "The unreasonable effectiveness of early discarding after one epoch in neural network
hyperparameter optimization", Neurocomputing 2024. The rival that every early-termination method is to be compared with.
"""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray, WarmnasError
from .model import curve_models
from .partial import Curves
from .summary import SummaryModel


@curve_models("i-epoch")
class IEpoch(SummaryModel):
    """The value after epoch ``epochs``, or the last one seen of a curve that is shorter.

    Args:
        epochs: i, at least 1.
    """

    def __init__(self, epochs: int = 1) -> None:
        self.epochs = epochs

    def summary(self, curves: Curves) -> FloatArray:
        """See :class:`SummaryModel`."""
        if not isinstance(self.epochs, int) or self.epochs < 1:
            raise WarmnasError(f"i-epoch: epochs is a whole number of at least 1, not {self.epochs}")
        values: FloatArray = curves.unit[np.arange(len(curves)), np.minimum(self.epochs, curves.seen) - 1]
        return values
