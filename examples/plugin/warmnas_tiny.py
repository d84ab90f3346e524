"""A plug-in: once its package is installed, what this module registers stands beside warmnas's own."""

import numpy as np

from warmnas.bench import SPACES, CategoricalSpace
from warmnas.bench.readers import formats
from warmnas.bench.readers.formats import file_format
from warmnas.search import OrderOptimizer, optimizers
from warmnas.search.stoppers import Stopper, stoppers
from warmnas.surrogates.predictors import Predictor, predictors


@optimizers("tiny-first")
class First(OrderOptimizer):
    """The candidates in the order of the table, in every run."""

    def order(self):
        budget = min(self.problem.budget, len(self.problem.candidates))
        return np.broadcast_to(np.arange(budget), (self.problem.runs, budget))


@stoppers("tiny-worse")
class Worse(Stopper):
    """Stop what is worse than the first whole training's end."""

    def goes_on(self, history, trial):
        ended = np.flatnonzero(history.complete)
        value = history.metric.sign * history.values[trial, history.seen[trial] - 1]
        return not len(ended) or bool(value >= history.metric.sign * history.values[ended[0], -1])


@predictors("tiny-mean")
class Mean(Predictor):
    """The mean of what it has seen, whatever is asked: what a predictor must beat."""

    needs = ()

    def __init__(self, space, seed=0):
        self.space, self.seed = space, seed

    def _fit(self, genotypes, values):
        self.mean = float(values.mean())

    def _predict(self, genotypes):
        return np.full(len(genotypes), self.mean), np.ones(len(genotypes))

    def _learned(self):
        return {"mean": np.array(self.mean)}

    def _restore(self, arrays):
        self.mean = float(arrays["mean"])


class TinySpace(CategoricalSpace):
    """Two choices."""

    name = "tiny"


SPACES["tiny"] = TinySpace([("kernel", ["3", "5"]), ("depth", ["1", "2", "4"])])


@file_format("tiny-semicolons", "a CSV with semicolons, as some spreadsheets write it")
def semicolons(path, options):
    """The CSV reader's work, once the separators are commas."""
    twin = path.with_suffix(".commas.csv")
    twin.write_text(path.read_text().replace(";", ","))
    try:
        return formats["csv"].read(twin, options)
    finally:
        twin.unlink()
