"""Once-for-All (Cai et al., Once-for-all: train one network and specialize it for efficient deployment, ICLR 2020).

One network is trained so that its parts, with smaller kernels, fewer layers and fewer channels, work without further
training: progressive shrinking with distillation (``parts/shrinking.py``). Then evolution among the parts
(``parts/evolution.py``); the paper puts a predictor of accuracy, learnt from 16,000 parts, and a table of latencies in
the supernet's place there. The space is ``elastic``, small enough for a CPU.
"""

from __future__ import annotations

from ..method import Method, Update, WeightRecipe, methods


@methods("once-for-all")
def once_for_all(population: int = 10, generations: int = 3) -> Method:
    """``population``, ``generations``: of the evolution."""
    from ..parts.evolution import Evolution
    from ..parts.shrinking import Distilled, Shrinking

    sampler = Shrinking()
    return Method(
        sampler,
        Update(),
        Evolution(population, generations),
        objective=Distilled(sampler),
        weights=WeightRecipe(rate=0.03, final=0.0, weight_decay=3e-5),
        alpha=None,
        space="elastic",
    )
