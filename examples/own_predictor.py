"""A predictor of your own in a predictor study: ridge regression on one-hot genes. ``python examples/own_predictor.py``"""

import numpy as np

from warmnas.bench import open_benchmark
from warmnas.search.predictor_study import PredictorProtocol, predictor_study
from warmnas.surrogates.predictors import Predictor, predictors


@predictors("ridge")
class Ridge(Predictor):
    """Closed-form ridge regression; it sees canonical genotypes and standardised values."""

    needs = ("one-hot",)

    def __init__(self, space, seed=0, penalty=1.0):
        self.space, self.seed, self.penalty = space, seed, penalty

    def _fit(self, genotypes, values):
        x = self.space.encode(genotypes, "one-hot")
        self.weights = np.linalg.solve(x.T @ x + self.penalty * np.eye(x.shape[1]), x.T @ values)
        self.deviation = np.std(values - x @ self.weights)

    def _predict(self, genotypes):
        mean = self.space.encode(genotypes, "one-hot") @ self.weights
        return mean, np.full(len(mean), self.deviation)

    def _learned(self):
        return {"weights": self.weights, "deviation": np.array(self.deviation)}

    def _restore(self, arrays):
        self.weights, self.deviation = arrays["weights"], float(arrays["deviation"])


protocol = PredictorProtocol(("cifar100",), budget=100, splits=3)
result = predictor_study([open_benchmark("nasbench201")], ["ridge", "gp"], protocol)
for judged in result.judged:
    spearman = judged.values["spearman"].mean(axis=0)  # over splits, one per number of training architectures
    print(judged.task, judged.predictor, dict(zip(protocol.sizes, spearman.round(2).tolist(), strict=True)))
