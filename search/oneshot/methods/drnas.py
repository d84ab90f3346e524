"""DrNAS (Chen et al., DrNAS: Dirichlet neural architecture search, ICLR 2021).

Operation weights are drawn from Dir(elu(alpha) + 1) at every step, with pathwise gradients (``parts/dirichlet.py``). The
distribution is held near the flat one by weight decay on alpha (``reg=l2``) or by 1e-3 times the divergence (``reg=kl``).
The cell is the argmax of the distribution's means.
"""

from __future__ import annotations

from ..method import AlphaRecipe, Method, methods


@methods("drnas")
def drnas(reg: str = "l2") -> Method:
    """``reg``: l2 or kl."""
    from ..parts.dirichlet import DirichletWeights, FromFlat
    from ..parts.first_order import FirstOrder
    from ..parts.reading import ArgMax

    if reg not in ("l2", "kl"):
        raise ValueError("reg is l2 or kl")
    held = (FromFlat(),) if reg == "kl" else ()
    alpha = AlphaRecipe(weight_decay=1e-3 if reg == "l2" else 0.0)
    return Method(DirichletWeights(), FirstOrder(), ArgMax(), held, alpha=alpha)
