"""Baker et al. 2017: nu-SVR of the final value on the curve so far and the architecture.

"Accelerating neural architecture search using performance prediction", 2017. One regressor per number of epochs seen, with
the features of :mod:`warmnas.surrogates.curves.baker`; the residuals of three-fold cross-validation give a normal, and a
training is stopped where p(better than the incumbent) <= delta. C, gamma and nu are drawn at random and chosen once, by
cross-validation on curves of the source tasks (of the target's own first builds where there are no sources); the regressors
are fitted anew every 20 candidates to whole trainings of the same search, whose time is paid.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from ...bench import FloatArray, IntArray
from ...surrogates.curves import Curves
from ...surrogates.curves.baker import FEWEST_BUILDS, FOLDS, HIGH, LEAST_NU, LOW, features, scale, spread
from ...surrogates.curves.partial import to_unit
from .builds import FromBuilds
from .extrapolating import on_unit
from .history import History
from .stopper import require, stoppers

MOST = 100  # source curves to tune on


class Options(NamedTuple):
    """C, gamma times the number of features, nu."""

    c: float
    gamma: float
    nu: float


class Regressor(NamedTuple):
    """A fitted regressor: support vectors and their coefficients on standardised features, and the target's scale."""

    centre: FloatArray
    width: FloatArray
    vectors: FloatArray
    coefficients: FloatArray
    intercept: float
    gamma: float
    finals: FloatArray
    std: float

    def predict(self, x: FloatArray) -> FloatArray:
        """Final values on [0, 1] of features (n, features): (n,)."""
        gap = ((x - self.centre) / self.width)[:, None] - self.vectors
        y = np.exp(-self.gamma * (gap**2).sum(axis=2)) @ self.coefficients + self.intercept
        moved: FloatArray = self.finals.mean() + spread(self.finals) * y
        return moved


@stoppers("baker")
class BakerStopper(FromBuilds[Regressor]):
    """Nu-SVR on curve, differences and architecture.

    Args:
        delta: probability of beating the incumbent at which a training is given up.
        builds: candidates that are trained to the end first.
        trials: draws of (C, gamma, nu).
    """

    fewest = FEWEST_BUILDS

    def __init__(self, delta: float = 0.05, builds: int = 20, trials: int = 40) -> None:
        super().__init__(delta, builds)
        require("baker: trials", trials, 1)
        self.trials = trials

    def learn(self) -> None:
        """Choose the options for every number of epochs, on the source task with most trainings."""
        super().learn()
        self._options: dict[int, Options] = {}
        self._features: dict[bytes, FloatArray] = {}
        if self.setting.sources:
            largest = max(self.setting.sources, key=lambda source: len(source.values))
            if len(largest.values) >= FEWEST_BUILDS:
                rng = np.random.default_rng(self.setting.seed)
                rows = rng.permutation(len(largest.values))[:MOST]
                codes = self.setting.space.one_hot(largest.genotypes[rows]).reshape(len(rows), -1)
                curves = Curves(largest.values[rows], self.setting.metric, encodings=codes, trusted=True)
                total = self.setting.total
                self._options = {e: self._tuned(features(curves, e, total), curves.last) for e in sorted(self.checks)}

    def learn_at(self, history: History, library: IntArray, seen: int) -> Regressor:
        """See :class:`FromBuilds`."""
        x = np.concatenate([self._of(history, int(trial), seen) for trial in library])
        finals = to_unit(history.values[library, -1], history.metric)
        options = self._options[seen] if seen in self._options else self._tuned(x, finals)
        std = float(np.sqrt(cross_validated(x, finals, options))) * spread(finals)
        return fitted(x, finals, options, std)

    def p_of(self, learned: Regressor, history: History, trial: int, best: float) -> float:
        """See :class:`FromBuilds`."""
        mean = float(learned.predict(self._of(history, trial, int(history.seen[trial])))[0])
        return float(ndtr((mean - on_unit(best, history.metric)) / learned.std))

    def _of(self, history: History, trial: int, seen: int) -> FloatArray:
        """Features of a training seen up to an epoch, (1, features); remembered, for they depend on nothing else."""
        code = history.genotype(trial)
        key = history.values[trial, :seen].tobytes() + code.tobytes()
        if key not in self._features:
            codes = self.setting.space.one_hot(code[None]).reshape(1, -1)
            curve = Curves(history.values[[trial], :seen], history.metric, history.total, codes, trusted=True)
            self._features[key] = features(curve, seen, history.total)
        return self._features[key]

    def _tuned(self, x: FloatArray, finals: FloatArray) -> Options:
        """The draw of options that cross-validates best."""
        rng = np.random.default_rng(self.setting.seed)
        draws = np.exp(rng.uniform(np.log(LOW), np.log(HIGH), (self.trials, 2)))
        nus = rng.uniform(LEAST_NU, 1, self.trials)
        options = [Options(float(c), float(gamma), float(nu)) for (c, gamma), nu in zip(draws, nus, strict=True)]
        return min(options, key=lambda o: cross_validated(x, finals, o))


def fitted(x: FloatArray, finals: FloatArray, options: Options, std: float) -> Regressor:
    """A regressor of final values (n,) on features (n, features)."""
    from sklearn.svm import NuSVR

    centre, width = x.mean(axis=0), x.std(axis=0)
    width = np.where(width > 0, width, 1.0)
    gamma = options.gamma / x.shape[1]
    svr = NuSVR(C=options.c, gamma=gamma, nu=options.nu).fit((x - centre) / width, scale(finals))
    return Regressor(
        centre, width, svr.support_vectors_, svr.dual_coef_[0], float(svr.intercept_[0]), gamma, finals, max(std, 1e-4)
    )


def cross_validated(x: FloatArray, finals: FloatArray, options: Options) -> float:
    """Mean squared error of FOLDS folds, in units of the variance of the final values."""
    folds = np.arange(len(x)) % FOLDS
    squares = 0.0
    for fold in range(FOLDS):
        inside = folds != fold
        guess = fitted(x[inside], finals[inside], options, 1.0).predict(x[~inside])
        squares += float(np.sum((guess - finals[~inside]) ** 2))
    return squares / len(x) / spread(finals) ** 2
