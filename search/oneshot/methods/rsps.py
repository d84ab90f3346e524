"""RSPS, random search with parameter sharing (Li & Talwalkar, Random search and reproducibility for NAS, UAI 2019).

Each step trains one uniformly drawn architecture, the same in all cells. Then ``candidates`` random ones (1,000 in the
paper) are scored on 64 images and the best ten on the architecture's whole half. (A later port draws other operations in
every cell: those networks are not in the space.)
"""

from __future__ import annotations

from ..method import Method, Update, methods


@methods("rsps")
def rsps(candidates: int = 300, skips: int | None = None) -> Method:
    """``candidates``: random architectures at the end; with at most so many ``skips``, a control of FairDARTS."""
    from ..parts.candidates import BestOf, random_genotypes
    from ..parts.paths import Uniform

    return Method(Uniform(), Update(), BestOf(random_genotypes(candidates, skips), first=64), alpha=None)
