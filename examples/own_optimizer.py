"""An optimizer of your own against all baselines, on every task of a benchmark.

Written for one run; warmnas loops it over runs, pairs it with its rivals and gives error bars.
``python examples/own_optimizer.py``
"""

import numpy as np

from warmnas.bench import open_benchmark
from warmnas.search import Protocol, optimizers, per_run, study


@optimizers("hill-climber")
@per_run
class HillClimber:
    """Change one gene of the best architecture so far."""

    def __init__(self, problem, rng, patience: int = 20):
        self.candidates, self.rng, self.patience = problem.candidates, rng, patience
        self.seen: set[int] = set()
        self.best = (-np.inf, None)

    def ask(self):
        for _ in range(self.patience):
            start = self.best[1]
            near = None if start is None else self.candidates.space.mutate(start[None], self.rng)[0]
            row = self.rng.integers(len(self.candidates)) if near is None else self.candidates.rows(near)
            if row >= 0 and row not in self.seen:
                break
        else:
            row = self.rng.choice(np.setdiff1d(np.arange(len(self.candidates)), list(self.seen)))
        self.seen.add(int(row))
        return self.candidates.genotypes[row]

    def tell(self, genotype, value):
        self.best = max(self.best, (value, genotype), key=lambda pair: pair[0])


table = open_benchmark("nasbench201")
rivals = ["random", "rea", "local", "tpe", "gp", "live-params", "source-ranking", "copula", "warm"]
for outcome in study([table], ["hill-climber", *rivals], Protocol(table.tasks, budget=30, runs=5)).outcomes:
    row = outcome.row()
    print(f"{row['task']:15} {row['optimizer']:15} regret {row['regret']['30']:.2f} +- {row['regret_sem']['30']:.2f}")
