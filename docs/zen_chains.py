"""Proxies on plain convolutional networks: ``python docs/zen_chains.py`` prints the rows of docs/proxies.md.

Spearman between a score and the trained accuracy of the chains of ``chains-v1``, within each of its tasks.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from warmnas.bench import open_benchmark
from warmnas.bench.spaces.chain import ChainSpace
from warmnas.surrogates.proxies import GaussianInputs, Memory, ProbeRecipe, score

NAMES = ["synflow", "zen", "live-params", "live-flops", "swap", "naswot"]


def main() -> None:
    """Score all chains once, and correlate."""
    table = open_benchmark("chains-v1")
    assert isinstance(table.space, ChainSpace)
    recipe, noise = ProbeRecipe(batch=32, seed=3, inits=3), GaussianInputs((3, 16, 16), 10)
    scores = score(table.space, table.genotypes, NAMES, noise, recipe, Memory.of_user())
    orders = {name: scores.of(name) for name in NAMES} | {"depth": table.space.depth(table.genotypes)}
    print("| score | mean | lowest task | highest task |\n|---|---|---|---|")
    for name, order in orders.items():
        rhos = []
        for task in table.tasks:
            values = table.values(task)
            known = ~np.isnan(values)
            rhos.append(float(spearmanr(order[known], values[known]).statistic))
        print(f"| `{name}` | {np.mean(rhos):.2f} | {min(rhos):.2f} | {max(rhos):.2f} |".replace(" 0.", " ."))


if __name__ == "__main__":
    main()
