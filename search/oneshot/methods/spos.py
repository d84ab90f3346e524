"""SPOS (Guo et al., Single path one-shot neural architecture search with uniform sampling, ECCV 2020).

The weights learn on uniformly drawn paths, with running statistics in batch norm. Then evolution among paths; before each
evaluation batch norm's statistics are measured anew on training images for that path (``parts/evolution.py``).

The paper has 50 individuals in 20 generations and recalibrates on 20,000 images; the defaults here are for a CPU.
"""

from __future__ import annotations

from ..method import Method, Update, WeightRecipe, methods


@methods("spos")
def spos(population: int = 20, generations: int = 3) -> Method:
    """``population``, ``generations``: of the evolution."""
    from ..parts.evolution import Evolution
    from ..parts.paths import Uniform

    weights = WeightRecipe(weight_decay=4e-5, final=0.0, smoothing=0.1)
    return Method(Uniform(), Update(), Evolution(population, generations), weights=weights, alpha=None, running=True)
