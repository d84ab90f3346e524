"""DARTS+ (Liang et al., DARTS+: improved differentiable architecture search with early stopping, arXiv 1909.06035).

First-order DARTS that stops when its cell has two skips, or when the order of the operations is stable
(``parts/stop_rules.py``). There is no code of its authors.
"""

from __future__ import annotations

from ..method import Method, methods
from .darts import ALPHA, WEIGHTS


@methods("darts-plus")
def darts_plus(skips: int = 2, stable: int = 10) -> Method:
    """``skips`` that end the search; ``stable``: epochs of one order that do."""
    from ..parts.first_order import FirstOrder
    from ..parts.mixed import Softmax
    from ..parts.reading import ArgMax
    from ..parts.stop_rules import StopRules

    return Method(Softmax(), FirstOrder(), ArgMax(), (StopRules(skips, stable),), weights=WEIGHTS, alpha=ALPHA)
