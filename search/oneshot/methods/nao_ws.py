"""NAO with weight sharing (Luo et al., Neural architecture optimization, NeurIPS 2018).

A pool of architectures trains shared weights; in rounds the pool is evaluated, NAO's networks learn from it, and
architectures improved in their code space replace the worst (``parts/pool.py``; the networks are ``surrogates/nao.py``).
The paper's pool has 1,000 members.
"""

from __future__ import annotations

from ..method import Method, Update, methods


@methods("nao-ws")
def nao_ws(pool: int = 40, rounds: int = 4, seeds: int = 8, steps: int = 150) -> Method:
    """``pool`` members; ``rounds`` of optimisation; ``seeds`` improved in each; ``steps`` of NAO's training."""
    from ..parts.pool import BestOfPool, Optimize, Pool

    if pool < 4 or min(rounds, seeds, steps) < 1:
        raise ValueError("pool is a whole number from 4, the others from 1")
    update: Update = Optimize(rounds, min(seeds, pool), steps)
    return Method(Pool(pool), update, BestOfPool(), alpha=None)
