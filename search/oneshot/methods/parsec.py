"""PARSEC (Casale, Gordon & Fusi, Probabilistic neural architecture search, arXiv 1902.05116).

A factorised categorical distribution over operations; the gradients of weights and alpha are importance-weighted over
``samples`` architectures drawn from it (``parts/importance.py``). Only paths are ever in memory. The cell is the mode.
"""

from __future__ import annotations

from ..method import AlphaRecipe, Method, WeightRecipe, methods


@methods("parsec")
def parsec(samples: int = 8) -> Method:
    """``samples``: architectures of a step."""
    from ..parts.importance import Importance, ImportanceWeighted
    from ..parts.reading import ArgMax

    if samples < 2:
        raise ValueError("samples is a whole number from 2")
    return Method(
        Importance(samples),
        ImportanceWeighted(),
        ArgMax(),
        weights=WeightRecipe(weight_decay=3e-4, nesterov=False),
        alpha=AlphaRecipe(rate=3e-3, weight_decay=0.0),
    )
