"""LC-PFN: the posterior of a network that was trained on curves of a prior.

Adriaensen, Rakotoarison, Mueller & Hutter, NeurIPS 2023, section 5 ("predictive early stopping"): a training is stopped
where p(better than the incumbent) is at most .05. The network is :mod:`warmnas.surrogates.curves.lc_pfn`.
"""

from __future__ import annotations

from ...surrogates.curves import curve_models
from ...surrogates.curves.domhan import FEWEST_EPOCHS
from .extrapolating import SingleCurve
from .stopper import require, spread_epochs, stoppers


@stoppers("lc-pfn")
class LCPFNStopper(SingleCurve):
    """One pass of the network per look.

    Args:
        delta: probability of beating the incumbent at which a training is given up.
        grace: epochs before the first look, as many as Domhan's method needs.
    """

    def __init__(self, delta: float = 0.05, grace: int = FEWEST_EPOCHS) -> None:
        require("lc-pfn: delta", delta, 0, 1)
        require("lc-pfn: grace", grace, 1)
        self.delta, self.grace = delta, grace
        self.model = curve_models["lc-pfn"]()

    def check_epochs(self, total: int) -> list[int]:
        """From the end of the grace on."""
        return [epoch for epoch in spread_epochs(total) if epoch >= self.grace]
