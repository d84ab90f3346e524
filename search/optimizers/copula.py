"""Search by Gaussian copula regression (Salinas, Shen & Perrone, ICML 2020): CTS and GCP + prior.

``method=gcp``: the first evaluations are Thompson samples of the prior of :mod:`warmnas.transfer.copula`, one normal draw
per candidate and the largest taken; then a GP of the residuals r = (z - mu) / sigma of the target's results gives

    z(x) ~ N(mu(x) + sigma(x) m(x), sigma(x)^2 s(x)^2)

and the candidate with the largest expected improvement over the best z is evaluated (section 4.3). ``method=cts``: all are
Thompson samples of the prior, and nothing is learned on the target (section 4.2). Without a source the prior is N(0, 1),
and the first evaluations are random.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, IntArray, UnknownName
from ...surrogates.acquisition import expected_improvement
from ..optimizer import CandidateOptimizer, optimizers
from ..problem import Problem

if TYPE_CHECKING:
    from ...surrogates.gp import PoolGP

METHODS = ("gcp", "cts")
Float32 = npt.NDArray[np.float32]


@optimizers("copula")
class CopulaSearch(CandidateOptimizer):
    """Quantile transfer.

    Args:
        problem: what is searched.
        method: ``gcp`` or ``cts``.
        initial: Thompson samples before the GP has a say.
        steps: updates of each of the three rounds that train the prior; 1,000 are the authors'.
    """

    together = 16

    def __init__(self, problem: Problem, method: str = "gcp", initial: int = 5, steps: int = 300) -> None:
        super().__init__(problem)
        if method not in METHODS:
            raise UnknownName("method of copula", method, METHODS)
        if steps < 1:
            raise ValueError(f"{steps} steps; at least one is needed")
        self.method, self.steps = method, steps
        self._initial = max(initial, 1)
        self._gp: PoolGP | None = None  # made when it is first fitted

    @cached_property
    def prior(self) -> tuple[Float32, Float32]:
        """Parameters mu and sigma of all candidates, two arrays (runs, candidates); learned when first needed."""
        from ...transfer.copula import CopulaPrior

        candidates = self.problem.candidates
        model = CopulaPrior(candidates.space, self.problem.runs, self.streams, self.steps)
        return model.fit([(s.genotypes, s.values) for s in self.problem.sources]).predict(candidates.genotypes)

    def propose(self) -> IntArray:
        """A Thompson sample, or the largest expected improvement."""
        score = self._sampled() if self._gp is None else self._improvement(self._gp)
        score[~self.free] = -np.inf
        return np.asarray(score.argmax(axis=1))

    def _sampled(self) -> Float32:
        """A draw of every candidate's z, (runs, candidates)."""
        from scipy.special import ndtri

        mean, sigma = self.prior
        u = np.maximum(self.streams.random(mean.shape), np.finfo(np.float64).tiny).astype(np.float64)
        drawn: Float32 = mean + sigma * ndtri(u).astype(np.float32)
        return drawn

    def _improvement(self, gp: PoolGP) -> Float32:
        mean, sigma = self.prior
        left, spread = gp.predict()
        best = self._scores().max(axis=1, keepdims=True).astype(np.float32)
        return expected_improvement(mean + sigma * left, sigma * spread, best)

    def _scores(self) -> FloatArray:
        from ...transfer.copula import winsorised_scores

        return winsorised_scores(self.values)

    def learn(self, rows: IntArray, values: FloatArray) -> None:
        """Fit the GP of the residuals, once the Thompson samples are over."""
        if self.method == "gcp" and self._initial <= self.evaluations < self.problem.budget:
            from ...surrogates.gp import PoolGP

            mean, sigma = (part[self.runs[:, None], self.rows].astype(np.float64) for part in self.prior)
            self._gp = self._gp or PoolGP(self.problem.candidates.genotypes, self.problem.runs, self.problem.budget)
            self._gp.fit(self.rows, (self._scores() - mean) / sigma)
