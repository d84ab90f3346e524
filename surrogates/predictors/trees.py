"""Tree ensembles on graph features: a random forest (Breiman 2001) and gradient boosting (Friedman 2001), and their mean.

With GRAF's features a random forest predicts as well as graph networks or better on small training sets (Kadlecova et al.,
ICML 2024). Trees are scikit-learn's. The deviation is that between the forest's trees.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ...bench import FloatArray, Genotypes, SearchSpace, WarmnasError
from .graf import graf
from .operation_graphs import operations_of
from .predictor import Arrays, Predictor, predictors
from .tree_arrays import TreeArrays

Model = Literal["both", "forest", "boosting"]


@predictors("trees")
class Trees(Predictor):
    """Forest and boosting on GRAF-like features.

    Args:
        space: of the genotypes.
        seed: of the bootstraps and splits.
        model: ``forest``, ``boosting`` or the mean of ``both``.
        trees: of each.
        rate: by which each boosted tree counts; each has at most ``depth`` levels and sees a ``share`` of the rows.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int = 0,
        model: Model = "both",
        trees: int = 200,
        rate: float = 0.05,
        depth: int = 3,
        share: float = 0.7,
    ) -> None:
        self.space = space
        self.seed = seed
        self.model = model
        self.trees = trees
        self.rate = rate
        self.depth = depth
        self.share = share

    def _fit(self, genotypes: Genotypes, values: FloatArray) -> None:
        from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor

        if self.model not in ("both", "forest", "boosting"):
            raise WarmnasError(f"trees: model '{self.model}' is not known. Choices: both, forest, boosting.")
        self._operations = operations_of(self.space, genotypes)
        x = graf(self.space, genotypes, self._operations)
        # A forest with a third of the features per split and small leaves, as is usual for regression.
        forest = RandomForestRegressor(self.trees, max_features=1 / 3, min_samples_leaf=2, random_state=self.seed)
        self._forest = TreeArrays.of([tree.tree_ for tree in forest.fit(x, values).estimators_])
        boosting = GradientBoostingRegressor(
            n_estimators=self.trees,
            learning_rate=self.rate,
            max_depth=self.depth,
            subsample=self.share,
            max_features=1 / 3,
            random_state=self.seed,
        )
        self._boosted = TreeArrays.of([tree.tree_ for tree in boosting.fit(x, values).estimators_[:, 0]])

    def _predict(self, genotypes: Genotypes) -> tuple[FloatArray, FloatArray]:
        x = graf(self.space, genotypes, self._operations)
        each = self._forest.predict(x)
        forest, std = each.mean(axis=1), each.std(axis=1)
        boosted = self.rate * self._boosted.predict(x).sum(axis=1)  # it starts from the mean, which is 0 here
        mean = {"forest": forest, "boosting": boosted}.get(self.model, (forest + boosted) / 2)
        return mean, std

    def _learned(self) -> Arrays:
        trees = self._forest.arrays("forest") | self._boosted.arrays("boosted")
        return {**trees, "operations": np.array(self._operations, dtype=np.str_)}

    def _restore(self, arrays: Arrays) -> None:
        self._operations = [str(name) for name in arrays["operations"]]
        self._forest = TreeArrays.from_arrays(arrays, "forest")
        self._boosted = TreeArrays.from_arrays(arrays, "boosted")
        width = graf(self.space, self.space.sample(1, np.random.default_rng(0)), self._operations).shape[1]
        if max(self._forest.feature.max(), self._boosted.feature.max()) >= width:
            raise ValueError("a tree asks for a feature that there is not")
