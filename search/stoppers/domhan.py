"""Domhan et al. 2015: extrapolation by a mixture of eleven parametric families.

"Speeding up automatic hyperparameter optimization of deep neural networks by extrapolation of learning curves", IJCAI 2015:
stopped where p(better than the incumbent) < .05. By default the mixture is fitted by least squares
(:mod:`warmnas.surrogates.curves.domhan_fast`, which mostly agrees with the sampler; docs/curves.md says how often); with
``sampler=mcmc`` it is sampled as published, at seconds per look.
"""

from __future__ import annotations

from ...bench import WarmnasError
from ...surrogates.curves import curve_models
from ...surrogates.curves.domhan import FEWEST_EPOCHS
from .extrapolating import SingleCurve
from .stopper import require, spread_epochs, stoppers

SAMPLERS = {"least-squares": "domhan-fast", "mcmc": "domhan"}


@stoppers("domhan")
class DomhanStopper(SingleCurve):
    """Curves of fewer than four epochs are not extrapolated.

    Args:
        delta: probability of beating the incumbent at which a training is given up.
        sampler: ``least-squares`` or ``mcmc``.
    """

    def __init__(self, delta: float = 0.05, sampler: str = "least-squares") -> None:
        require("domhan: delta", delta, 0, 1)
        if sampler not in SAMPLERS:
            raise WarmnasError(f"domhan: sampler '{sampler}' is not known. Choices: {', '.join(SAMPLERS)}.")
        self.delta, self.sampler = delta, sampler
        self.model = curve_models[SAMPLERS[sampler]]()

    def check_epochs(self, total: int) -> list[int]:
        """From the fourth on."""
        return [epoch for epoch in spread_epochs(total) if epoch >= FEWEST_EPOCHS]
