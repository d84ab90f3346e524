"""FairDARTS (Chu et al., Fair DARTS: eliminating unfair advantages in differentiable architecture search, ECCV 2020).

Every operation has its own weight sigmoid(alpha); ``none`` is left out. The zero-one loss pushes the weights away from 1/2:

    total = cross-entropy - 10 * mean((sigmoid(alpha) - 1/2)^2)

An edge keeps its best operation if its weight is .85 or more (``parts/reading.py`` says what happens to cells that this
empties). Its controls are ``darts[skip=drop]``, ``darts[skip=noise]`` and ``rsps[skips=2]``.
"""

from __future__ import annotations

from ..method import AlphaRecipe, Method, WeightRecipe, methods


@methods("fair-darts")
def fair_darts(threshold: float = 0.85) -> Method:
    """``threshold``: least weight of an operation that stays."""
    from ..parts.first_order import FirstOrder
    from ..parts.mixed import Sigmoid
    from ..parts.reading import Threshold
    from ..parts.zero_one import ZeroOne

    return Method(
        Sigmoid(),
        FirstOrder(),
        Threshold(threshold),
        (ZeroOne(),),
        weights=WeightRecipe(rate=0.025, weight_decay=3e-4, nesterov=False),
        alpha=AlphaRecipe(rate=3e-3, betas=(0.9, 0.999), weight_decay=0.0, initial=0.0),
        without=("none",),
    )
