"""RGPE, the ranking-weighted ensemble of Gaussian processes (Feurer, Letham & Bakshy 2018, arXiv 1802.02219).

A GP per source task, fitted once, and one of the target. The ensemble is

    mean = sum_i w_i mean_i,   variance = sum_i w_i^2 variance_i,

where w_i is the share of bootstrap samples of the target's results in which model i misranks the fewest pairs,

    loss_i = sum_j sum_k [ (f_i(x_j) < f_i(x_k)) xor (y_j < y_k) ],

and the target's own model is asked for x_j without having seen it: [ (f_-j(x_j) < y_k) xor (y_j < y_k) ]. Models that tie
share. Before three results there is nothing to rank, and all models weigh the same (authors' code).

Weight dilution, many bad models that win now and then by chance, is prevented by leaving models out for a step:
``probabilistic``, a source stays with probability (1 - n / budget) P(loss_i < loss_target), the rule of the later versions
of the paper; ``percentile``, a source goes where its median loss is not below the 95th percentile of the target's, the rule
of the first; ``none``.

Values enter as normal scores of their ranks, the authors' option ``Copula``: standardised values would be decided by the
few networks that stay at chance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..bench import FloatArray, Genotypes, IntArray, SearchSpace, UniformSource, UnknownName
from ..surrogates.acquisition import normal_scores
from ..surrogates.gp import HammingGP, PoolGP
from .pooling import Source, once, thinned, usable

Float32 = npt.NDArray[np.float32]
DILUTIONS = ("probabilistic", "percentile", "none")
FEWEST = 3  # results to rank
CHOSEN_ON = 256  # rows that a source's kernel is chosen on


class RGPE:
    """The ensemble over fixed candidates, for many runs at once.

    Args:
        space: of the genotypes.
        candidates: genotypes (candidates, genes).
        runs: how many.
        budget: results per run at most.
        rng: uniform numbers, a row per run.
        samples: bootstrap samples.
        dilution: one of ``DILUTIONS``.
        rows: of a source at most, since a GP costs their cube.

    Attributes:
        weights_: of the source models and, last, the target's, (runs, models).
    """

    def __init__(
        self,
        space: SearchSpace,
        candidates: Genotypes,
        runs: int,
        budget: int,
        rng: UniformSource,
        samples: int = 256,
        dilution: str = "probabilistic",
        rows: int = 1000,
    ) -> None:
        if dilution not in DILUTIONS:
            raise UnknownName("weight dilution of rgpe", dilution, DILUTIONS)
        self.space, self.candidates = space, candidates
        self.runs, self.budget, self.rng = runs, budget, rng
        self.samples, self.dilution, self.rows = samples, dilution, rows
        self.target: PoolGP | None = None
        self.means: list[Float32] = []
        self.variances: list[Float32] = []

    def fit_sources(self, sources: list[Source]) -> RGPE:
        """Fit a GP to each source, genotypes (runs, rows, genes) and values (runs, rows), and ask it for all candidates."""
        for source in usable(sources, self.space):
            genotypes, values = once(thinned(source, self.rows))
            mean, variance = _posterior(genotypes, normal_scores(values), self.candidates)
            self.means.append(mean)
            self.variances.append(variance)
        models = len(self.means)
        self.weights_ = np.full((self.runs, models + 1), 1 / max(models, 1))
        self.weights_[:, -1] = 0.0 if models else 1.0
        return self

    def adapt(self, rows: IntArray, values: FloatArray) -> RGPE:
        """Take in the target's results so far: candidates (runs, n) and values (runs, n)."""
        scores = normal_scores(values)
        if self.target is None:
            self.target = PoolGP(self.candidates, self.runs, self.budget)
        self.target.fit(rows, scores)
        n, models = rows.shape[1], len(self.means)
        if not models:
            self.weights_ = np.ones((self.runs, 1))
        elif n < FEWEST:
            self.weights_ = np.full((self.runs, models + 1), 1 / (models + 1))
        else:
            run = np.arange(self.runs)[:, None]
            base = [mean[run if len(mean) > 1 else 0, rows] for mean in self.means]
            loss = ranking_losses(np.stack(base, axis=1), self.target.leave_one_out(scores), scores, self._counts(n))
            self.weights_ = shares(self._diluted(loss, n))
        return self

    def _counts(self, n: int) -> FloatArray:
        """How often each of n results is in each bootstrap sample, (runs, samples, n)."""
        drawn = (self.rng.random((self.runs, self.samples, n)) * n).astype(np.int64)
        place = drawn + n * np.arange(self.runs * self.samples).reshape(self.runs, self.samples, 1)
        counts = np.bincount(place.ravel(), minlength=self.runs * self.samples * n)
        return counts.reshape(self.runs, self.samples, n).astype(np.float64)

    def _diluted(self, loss: FloatArray, n: int) -> FloatArray:
        """Losses (runs, models, samples), infinite for sources that are left out this time."""
        own = loss[:, -1:]
        if self.dilution == "probabilistic":
            better = (loss[:, :-1] < own).mean(axis=2)
            out = self.rng.random(better.shape) >= better * (1 - n / self.budget)
        elif self.dilution == "percentile":
            out = np.median(loss[:, :-1], axis=2) >= np.percentile(own[:, 0], 95, axis=1)[:, None]
        else:
            return loss
        return np.concatenate([np.where(out[..., None], np.inf, loss[:, :-1]), own], axis=1)

    def predict(self) -> tuple[Float32, Float32]:
        """Mean and standard deviation at every candidate, two arrays (runs, candidates)."""
        parts = list(zip(self.means, self.variances, strict=True))
        if self.target is not None:
            mean, deviation = self.target.predict()
            parts.append((mean, np.square(deviation)))
        shape = (self.runs, len(self.candidates))
        total, variance = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
        for weight, (mean, spread) in zip(self.weights_.T.astype(np.float32), parts, strict=False):
            total += weight[:, None] * mean
            variance += np.square(weight)[:, None] * spread
        return total, np.sqrt(np.maximum(variance, 1e-12))


def _posterior(genotypes: Genotypes, scores: FloatArray, candidates: Genotypes) -> tuple[Float32, Float32]:
    """Mean and variance of a GP of (runs, n, genes) and (runs, n) at candidates (m, genes): two arrays (runs, m)."""
    gps: list[HammingGP] = []
    if scores.shape[1] <= CHOSEN_ON:
        gps.append(HammingGP().fit(genotypes, scores))
    else:
        for x, y in zip(genotypes, scores, strict=True):
            chosen = HammingGP().fit(x[None, :CHOSEN_ON], y[None, :CHOSEN_ON])
            gps.append(HammingGP(chosen.theta_.tolist(), chosen.noise_.tolist()).fit(x[None], y[None]))
    predicted = [gp.predict(candidates, return_std=True) for gp in gps]
    mean = np.concatenate([part[0] for part in predicted]).astype(np.float32)
    return mean, np.square(np.concatenate([part[1] for part in predicted])).astype(np.float32)


def ranking_losses(base: FloatArray, own: FloatArray, values: FloatArray, counts: FloatArray) -> FloatArray:
    """Misranked pairs of each model in each bootstrap sample.

    Args:
        base: predictions of the source models, (runs, models, n).
        own: of the target's model for each result without it, (runs, n).
        values: what was observed, (runs, n).
        counts: how often a result is in a sample, (runs, samples, n).

    Returns:
        (runs, models + 1, samples), the target's last.
    """
    less = values[:, :, None] < values[:, None, :]
    of_base = (base[..., :, None] < base[..., None, :]) != less[:, None]
    of_own = (own[:, :, None] < values[:, None, :]) != less
    wrong = np.concatenate([of_base, of_own[:, None]], axis=1).astype(np.float32)  # small whole numbers: exact
    many = counts.astype(np.float32)[:, None]
    losses: FloatArray = ((many @ wrong) * many).sum(axis=-1).astype(np.float64)
    return losses


def shares(loss: FloatArray) -> FloatArray:
    """Share of samples in which each model has the least loss, ties divided: (runs, models, samples) -> (runs, models)."""
    best = loss == loss.min(axis=1, keepdims=True)
    weights: FloatArray = (best / best.sum(axis=1, keepdims=True)).mean(axis=2)
    return weights
