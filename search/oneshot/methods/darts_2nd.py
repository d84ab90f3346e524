"""DARTS, second order (Liu, Simonyan & Yang, ICLR 2019, equations 5 to 8).

As ``darts``, but alpha's gradient looks one step of the weights ahead: of L_val(w - xi dL_train/dw, alpha), with finite
differences for the product with the second derivative (``parts/unrolled.py``). About twice the time of the first order.
"""

from __future__ import annotations

from ..method import Method, methods
from .darts import ALPHA, WEIGHTS


@methods("darts-2nd")
def darts_2nd() -> Method:
    """The recipe."""
    from ..parts.mixed import Softmax
    from ..parts.reading import ArgMax
    from ..parts.unrolled import SecondOrder

    return Method(Softmax(), SecondOrder(), ArgMax(), weights=WEIGHTS, alpha=ALPHA)
