"""ProxylessNAS (Cai, Zhu & Han, ProxylessNAS: direct neural architecture search on target task and hardware, ICLR 2019).

The weights learn on one path drawn from softmax(alpha): what is not on it gets no gradient, no momentum and no decay. Alpha
learns through binary gates with two paths in memory, beside a term for the expected cost (``parts/gates.py``). The first
quarter of the epochs trains the weights alone. The cell is the argmax of alpha.
"""

from __future__ import annotations

from ..method import AlphaRecipe, Method, WeightRecipe, methods


@methods("proxylessnas")
def proxylessnas(latency: float = 0.1, every: int = 5) -> Method:
    """``latency``: weight of the cost's term, 0 for none; ``every``: batches between two steps of alpha."""
    from ..parts.gates import GateGradient, Gates
    from ..parts.reading import ArgMax

    if every < 1 or latency < 0:
        raise ValueError("every is a whole number from 1, latency a number from 0")
    return Method(
        Gates(),
        GateGradient(every, latency),
        ArgMax(),
        weights=WeightRecipe(final=0.0, weight_decay=4e-5, smoothing=0.1),
        alpha=AlphaRecipe(rate=1e-3, betas=(0.0, 0.999), weight_decay=0.0),
        warmup=40 / 160,
    )
