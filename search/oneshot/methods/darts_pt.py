"""DARTS-PT (Wang et al., Rethinking architecture selection in differentiable NAS, ICLR 2021).

The supernet of first-order DARTS, read by perturbation: an edge keeps the operation without which the supernet loses most
accuracy, and the weights are tuned after each edge (``parts/perturbation.py``).
"""

from __future__ import annotations

from ..method import Method, methods
from .darts import ALPHA, WEIGHTS


@methods("darts-pt")
def darts_pt(tune: float = 0.05) -> Method:
    """``tune``: fine-tuning after each edge, as a share of the epochs."""
    from ..parts.first_order import FirstOrder
    from ..parts.mixed import Softmax
    from ..parts.perturbation import Perturbation

    return Method(Softmax(), FirstOrder(), Perturbation(tune), weights=WEIGHTS, alpha=ALPHA)
