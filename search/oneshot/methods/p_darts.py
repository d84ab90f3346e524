"""P-DARTS (Chen et al., Progressive differentiable architecture search, ICCV 2019).

Three stages, each deeper and with fewer operations per edge, dropout behind skips (``parts/progressive.py``), and a bound
on the skips of the cell that is read: the weakest ones go until two are left (``parts/reading.py``).
"""

from __future__ import annotations

from ..method import AlphaRecipe, Method, WeightRecipe, methods


@methods("p-darts")
def p_darts(stages: int = 3, skips: int = 2) -> Method:
    """``stages``; ``skips``: most of them in the (normal) cell."""
    from ..parts.first_order import FirstOrder
    from ..parts.mixed import Softmax
    from ..parts.progressive import Progressive
    from ..parts.reading import FewSkips

    return Method(
        Softmax(),
        FirstOrder(),
        FewSkips(skips, without=("none",)),
        (Progressive(stages),),
        weights=WeightRecipe(final=0.0, weight_decay=3e-4, nesterov=False),
        alpha=AlphaRecipe(rate=6e-4, clip=5.0),
    )
