"""PC-DARTS (Xu et al., PC-DARTS: partial channel connections, ICLR 2020).

Only one K-th of the channels passes the mixture, the rest goes by, and a shuffle changes which
(``bench/networks/mixture.py``); a second softmax over beta weighs the edges that enter a node (``parts/mixed.py``). Alpha
and beta start to learn after 15 of 50 epochs. The cell is the argmax of the products.
"""

from __future__ import annotations

from ..method import AlphaRecipe, Method, WeightRecipe, methods


@methods("pc-darts")
def pc_darts(k: int = 4) -> Method:
    """``k``: K; the supernet's width is a multiple of it."""
    from ..parts.first_order import FirstOrder
    from ..parts.mixed import EdgeNormalised
    from ..parts.reading import ArgMax

    if k < 1:
        raise ValueError("k is a whole number from 1")
    return Method(
        EdgeNormalised(),
        FirstOrder(),
        ArgMax(),
        weights=WeightRecipe(rate=0.1, final=0.0, weight_decay=3e-4, nesterov=False),
        alpha=AlphaRecipe(rate=6e-4),
        warmup=15 / 50,
        partial=k,
    )
