"""Sum of training losses (SoTL, also called TSE): networks that train fast end well.

Ru, Lyle, Schut, Fil, van der Wilk & Gal, "Speedy performance estimation for neural architecture search", NeurIPS 2021: TSE
is the sum over all epochs so far, TSE-E over the last E of them, TSE-EMA weights the loss of epoch t by decay^(T - t).
It orders trainings of one task and recipe. What it says in the metric's unit it takes from earlier builds, which it needs.
"""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray, WarmnasError
from .model import curve_models
from .partial import Curves
from .summary import SummaryModel


@curve_models("sotl")
class SumOfTrainingLosses(SummaryModel):
    """Minus the sum of the training losses seen.

    Args:
        window: epochs summed, the last ones; None for all.
        decay: weight of a loss relative to that of the next epoch.
    """

    needs_earlier = True

    def __init__(self, window: int | None = None, decay: float = 1.0) -> None:
        self.window = window
        self.decay = decay

    def summary(self, curves: Curves) -> FloatArray:
        """See :class:`SummaryModel`. A loss that is NaN or infinite counts as the largest one seen on any curve."""
        if curves.train_losses is None:
            raise WarmnasError("sotl sums training losses and these curves have none; give train_losses")
        age = curves.seen[:, None] - 1 - np.arange(curves.train_losses.shape[1])
        losses = np.where(age >= 0, curves.train_losses, 0.0)
        finite = np.isfinite(losses)
        if not (finite & (age >= 0)).any():
            raise WarmnasError("sotl: none of the training losses is a finite number")
        losses = np.where(finite, losses, losses[finite].max())
        window = curves.total if self.window is None else self.window
        weight = np.where((age >= 0) & (age < window), self.decay ** np.maximum(age, 0.0), 0.0)
        total: FloatArray = -(weight * losses).sum(axis=1)
        return total

    def unregressed(self, curves: Curves) -> FloatArray:
        """Refuse: a sum of losses alone is no final value."""
        raise WarmnasError("sotl says nothing in the metric's unit without 3 earlier builds: fit it, or use rank_scores")
