"""GDAS (Dong & Yang, Searching for a robust neural architecture in four GPU hours, CVPR 2019).

Each step draws one operation per edge by Gumbel-softmax and computes only those; straight-through gradients reach alpha
(``parts/gumbel.py``). The temperature falls from 10 to .1. The cell is the argmax of alpha.
"""

from __future__ import annotations

from ..method import AlphaRecipe, Method, methods


@methods("gdas")
def gdas(hot: float = 10.0, cold: float = 0.1) -> Method:
    """``hot`` and ``cold``: first and last temperature."""
    from ..parts.first_order import FirstOrder
    from ..parts.gumbel import Gumbel
    from ..parts.reading import ArgMax

    return Method(Gumbel(hot, cold), FirstOrder(), ArgMax(), alpha=AlphaRecipe())
