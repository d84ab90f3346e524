"""RobustDARTS (Zela et al., Understanding and robustifying differentiable architecture search, ICLR 2020).

First-order DARTS whose curvature in alpha is watched: the dominant eigenvalue of the Hessian of the validation loss
(``parts/curvature.py``). Variants:

* ``es``: stop when the smoothed eigenvalue has risen by more than a third within five epochs, and return to alpha of then;
* ``l2``: a larger weight decay of the weights (81e-4, the strongest of the paper's four);
* ``dp``: drop-path up to .2.

The paper chooses among four strengths by short trainings of their cells, and its DARTS-ADA also rolls weights back: neither
is here.
"""

from __future__ import annotations

from dataclasses import replace

from ..method import Method, Regulariser, methods
from .darts import ALPHA, WEIGHTS


@methods("robust-darts")
def robust_darts(variant: str = "es", decay: float = 81e-4, drop: float = 0.2, products: int = 20) -> Method:
    """``variant``: es, l2 or dp; ``decay`` of l2, ``drop`` of dp; ``products``: Hessian-vector products of an epoch."""
    from ..parts.curvature import Curvature
    from ..parts.drop_path import DropPath
    from ..parts.first_order import FirstOrder
    from ..parts.mixed import Softmax
    from ..parts.reading import ArgMax

    if variant not in ("es", "l2", "dp") or products < 1:
        raise ValueError("variant is es, l2 or dp, products a whole number from 1")
    parts: tuple[Regulariser, ...] = (Curvature(products=products, stop=variant == "es"),)
    if variant == "dp":
        parts = (*parts, DropPath(drop))
    weights = replace(WEIGHTS, weight_decay=decay) if variant == "l2" else WEIGHTS
    return Method(Softmax(), FirstOrder(), ArgMax(), parts, weights=weights, alpha=ALPHA)
