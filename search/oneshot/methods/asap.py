"""ASAP (Noy et al., ASAP: architecture search, anneal and prune, AISTATS 2020).

Operation weights softmax(alpha / T) sharpen as T falls, and weak operations are pruned during the search: the supernet
shrinks and its epochs get faster, until the cell is what is left (``parts/annealing.py``).
"""

from __future__ import annotations

from ..method import AlphaRecipe, Method, WeightRecipe, methods


@methods("asap")
def asap(hot: float = 1.0, cold: float = 0.05, share: float = 0.4) -> Method:
    """``hot``, ``cold``: first and last temperature; ``share``: of the threshold."""
    from ..parts.annealing import Annealed, Pruning
    from ..parts.first_order import FirstOrder
    from ..parts.reading import ArgMax

    if not 0 < cold <= hot or not 0 < share < 1:
        raise ValueError("temperatures are above 0 and cold is not above hot; share is between 0 and 1")
    weights = WeightRecipe(weight_decay=3e-4, nesterov=False)
    return Method(
        Annealed(hot, cold), FirstOrder(), ArgMax(), (Pruning(share),), weights=weights, alpha=AlphaRecipe(rate=1e-3)
    )
