"""SETN (Dong & Yang, One-shot neural architecture search via self-evaluated template network, ICCV 2019).

The weights learn on uniformly drawn paths. Alpha learns with them on its half, on DARTS's mixture. At the end the ``top``
most probable architectures by alpha are evaluated with the shared weights, and the best is the answer. All see the same
images; in the authors' code each candidate saw another batch.
"""

from __future__ import annotations

from ..method import AlphaRecipe, Method, methods


@methods("setn")
def setn(top: int = 100) -> Method:
    """``top``: candidates that are evaluated."""
    from ..parts.candidates import BestOf, most_probable
    from ..parts.first_order import FirstOrder
    from ..parts.paths import Uniform

    return Method(Uniform(joint=True), FirstOrder(), BestOf(most_probable(top)), alpha=AlphaRecipe())
