"""Zero-epoch: no candidate is trained to be judged; architecture and earlier tasks alone decide who is trained to the end.

Early termination that reads a curve for an epoch or two may owe all of its success to what it knew before the first one.
This is that rival. Final values of the source tasks become normal scores within each task, are averaged over the tasks for
each function class, and a forest on graph features (Kadlecova et al., ICML 2024) learns them. The best few candidates by
its prediction are trained. Without sources the order is that of the parameters on live paths, or of arrival where the space
does not count them.
"""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray, Genotypes, SearchSpace
from ...surrogates.predictors import predictors
from ...surrogates.predictors.predictor import FEWEST, Predictor
from .history import History
from .stopper import SourceCurves, Stopper, require, stoppers

MOST = 1000  # function classes to learn from


@stoppers("zero-epoch")
class ZeroEpoch(Stopper):
    """The prediction before any training.

    Args:
        finish: how many are trained to the end.
        trees: of the forest.
    """

    prefix, counts = False, True
    knob, front = "finish", (1, 2, 4, 8, 16)

    def __init__(self, finish: int = 3, trees: int = 100) -> None:
        require("zero-epoch: finish", finish, 1)
        require("zero-epoch: trees", trees, 1)
        self.finish, self.trees = finish, trees

    def check_epochs(self, total: int) -> list[int]:
        """Before the first."""
        return [0]

    def learn(self) -> None:
        """Fit the forest."""
        setting = self.setting
        self._model: Predictor | None = None
        genotypes, scores = class_scores(setting.sources, setting.space, setting.metric.sign)
        kind = predictors["trees"]
        if len(genotypes) >= FEWEST and not kind.lacking(setting.space):
            rows = np.random.default_rng(setting.seed).permutation(len(genotypes))[:MOST]
            model = kind(setting.space, seed=setting.seed, model="forest", trees=self.trees)
            self._model = model.fit(genotypes[rows], scores[rows])

    def goes_on(self, history: History, trial: int) -> bool:
        """See :class:`Stopper`."""
        return False

    def promote(self, history: History) -> list[int]:
        """The best few by prediction, once every candidate has come."""
        if history.left != 0:
            return []
        alive = np.flatnonzero(~history.failed)
        order = np.argsort(-self._scores(history.genotypes[alive]), kind="stable") if len(alive) else alive
        chosen = [int(t) for t in alive[order[: self.finish]]]
        return [t for t in chosen if not history.seen[t] and not history.running[t]]

    def _scores(self, genotypes: Genotypes) -> FloatArray:
        if self._model is not None:
            scores: FloatArray = self._model.predict(genotypes)
            return scores
        counted = self.setting.space.live_params(genotypes, 10)
        return np.zeros(len(genotypes)) if counted is None else counted


def class_scores(sources: tuple[SourceCurves, ...], space: SearchSpace, sign: int) -> tuple[Genotypes, FloatArray]:
    """A genotype of each function class of the sources, (classes, genes), and its mean normal score, (classes,)."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    if not sources:
        return np.empty((0, 0), dtype=np.int8), np.empty(0)
    scores = [ndtri((rankdata(sign * s.values[:, -1]) - 0.5) / len(s.values)) for s in sources]
    genotypes = np.concatenate([s.genotypes for s in sources])
    _, first, place = np.unique(space.class_keys(genotypes), return_index=True, return_inverse=True)
    total = np.bincount(place, np.concatenate(scores))
    return genotypes[first], total / np.bincount(place)
