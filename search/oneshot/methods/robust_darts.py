"""RobustDARTS (Zela et al., Understanding and robustifying differentiable architecture search, ICLR 2020).

First-order DARTS whose curvature in alpha is watched: the dominant eigenvalue of the Hessian of the validation loss
(``parts/curvature.py``). Variants:

* ``es``: stop when the smoothed eigenvalue has risen by more than a third within five epochs, and return to alpha of then;
* ``l2``: a larger weight decay of the weights (81e-4, the strongest of the paper's four);
* ``ada``: at that point go back to that epoch with three times the weight decay, at most 243e-4, and train on
  (``parts/adaptive.py``);
* ``dp``: drop-path up to .2.

The paper chooses among four strengths of ``l2`` and ``dp`` by short trainings of their cells; that is not here.
"""

from __future__ import annotations

from dataclasses import replace

from ..method import Method, Regulariser, methods
from .darts import ALPHA, WEIGHTS


@methods("robust-darts")
def robust_darts(variant: str = "es", decay: float = 81e-4, drop: float = 0.2, products: int = 20) -> Method:
    """``variant``: es, ada, l2 or dp; ``decay`` of l2, ``drop`` of dp; ``products`` of the Hessian in an epoch."""
    from ..parts.adaptive import Adaptive
    from ..parts.curvature import Curvature
    from ..parts.drop_path import DropPath
    from ..parts.first_order import FirstOrder
    from ..parts.mixed import Softmax
    from ..parts.reading import ArgMax

    if variant not in ("es", "ada", "l2", "dp") or products < 1:
        raise ValueError("variant is es, ada, l2 or dp, products a whole number from 1")
    watch = Adaptive(products=products) if variant == "ada" else Curvature(products=products, stop=variant == "es")
    parts: tuple[Regulariser, ...] = (watch,)
    if variant == "dp":
        parts = (*parts, DropPath(drop))
    weights = replace(WEIGHTS, weight_decay=decay) if variant == "l2" else WEIGHTS
    return Method(Softmax(), FirstOrder(), ArgMax(), parts, weights=weights, alpha=ALPHA)
