"""DARTS-PT with fixed alpha (Wang et al., ICLR 2021, section 6.1: "blank" DARTS).

Alpha is never trained: the supernet's operations have equal weights throughout, and only the perturbation decides.
"""

from __future__ import annotations

from ..method import Method, Update, methods
from .darts import WEIGHTS


@methods("darts-pt-fixed")
def darts_pt_fixed(tune: float = 0.05) -> Method:
    """``tune``: fine-tuning after each edge, as a share of the epochs."""
    from ..parts.mixed import Softmax
    from ..parts.perturbation import Perturbation

    return Method(Softmax(fixed=True), Update(), Perturbation(tune, update=False), weights=WEIGHTS, alpha=None)
