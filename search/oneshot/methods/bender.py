"""One-shot search of Bender et al. (Understanding and simplifying one-shot architecture search, ICML 2018).

The supernet sums all operations without weights, under path dropout, ghost batch norm and L2 on what is used
(``parts/path_dropout.py``). Then random architectures are scored with the shared weights, and the best is the answer; the
paper scores 20,000 and trains the best ten.
"""

from __future__ import annotations

from ..method import Method, Update, WeightRecipe, methods


@methods("bender")
def bender(candidates: int = 300, rate: float = 0.1, ghost: int = 32) -> Method:
    """``candidates`` at the end; ``rate``: r of path dropout; ``ghost``: images of a ghost batch."""
    from ..parts.candidates import BestOf, random_genotypes
    from ..parts.path_dropout import PathDropout, UsedL2

    if not 0 <= rate < 1 or ghost < 2:
        raise ValueError("rate is a share, ghost a whole number from 2")
    return Method(
        PathDropout(rate, ghost),
        Update(),
        BestOf(random_genotypes(candidates), first=64),
        (UsedL2(),),
        weights=WeightRecipe(weight_decay=0.0),
        alpha=None,
    )
