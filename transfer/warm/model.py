"""The surrogate of one run: kernels between results and candidates, hypotheses by evidence, expected improvement."""

from __future__ import annotations

from copy import copy

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, Genotypes, IntArray
from ...surrogates.acquisition import expected_improvement
from .features import Features, Float32
from .mixture import LEVEL, PARTS, REACH, THETA, Hypotheses, fit, standardised
from .prior import Prior

TOP = 3  # hypotheses that are averaged over
SHORTLIST = 1024  # candidates by mean, and as many by mean and prior deviation, whose improvement is computed
MOST = 160  # results that are held; beyond, the worst one makes room
STORED = ("near", "relevant", "plain", "hamming")


class WarmGP:
    """Gaussian process of one run over fixed candidates.

    Args:
        candidates: genotypes (candidates, genes).
        features: of the candidates.
        prior: of the run's sources, None where there is none.
    """

    def __init__(self, candidates: Genotypes, features: Features, prior: Prior | None) -> None:
        self._genotypes = candidates
        self.prior = prior
        self._columns = [np.ascontiguousarray(candidates[:, gene]) for gene in range(candidates.shape[1])]
        self.hypotheses = Hypotheses.grid(prior is not None)
        self._stored = STORED if prior is not None else STORED[2:]
        self._kernels = {part: np.empty((0, len(candidates)), dtype=np.float32) for part in self._stored}
        self._values, self._held = np.empty(0), np.empty(0, dtype=np.int64)
        self._diagonal = self._prior_variances(features)
        self._refit_at = 0
        self._chosen = np.arange(len(self.hypotheses))
        self.posterior = np.full(len(self.hypotheses), 1 / len(self.hypotheses))

    def _prior_variances(self, features: Features) -> Float32:
        """Variance of each part at each candidate, (parts, candidates)."""
        one = np.ones(len(self._genotypes), dtype=np.float32)
        graph = features.graph
        plain = np.square(graph).mean(axis=1)
        if self.prior is None:
            return np.stack([0 * one, 0 * one, 0 * one, 0 * one, plain, one])
        scores, mean = self.prior.scores, self.prior.mean
        self._linear = scores / max(float(np.sqrt(np.square(scores).sum(axis=1).mean())), 1e-9)
        self._squares = np.square(scores).sum(axis=1)
        relevant = np.square(graph) @ np.square(self.prior.relevance)
        return np.stack([np.square(self._linear).sum(axis=1), np.square(mean).sum(axis=1), one, relevant, plain, one])

    def add(self, row: int, value: float, relevant: Float32, plain: Float32) -> None:
        """Take in a result, with the kernel of the features between its architecture and all candidates."""
        new = {"plain": plain, "hamming": self._hamming(row)}
        if self.prior is not None:
            new |= {"relevant": relevant, "near": self._near(row)}
        n = len(self._values)
        if n < MOST:
            if n == len(self._kernels["plain"]):
                for part, kernel in self._kernels.items():
                    room = np.empty((min(max(16, 2 * n), MOST), kernel.shape[1]), dtype=np.float32)
                    room[:n] = kernel
                    self._kernels[part] = room
            slot = n
            self._values, self._held = np.append(self._values, value), np.append(self._held, row)
        else:
            slot = int(self._values.argmin())
            self._values[slot], self._held[slot] = value, row
        for part, kernel in new.items():
            self._kernels[part][slot] = kernel

    def twin(self) -> WarmGP:
        """One that knows the same and goes its own way from here on."""
        other = copy(self)
        other._kernels = {part: kernel.copy() for part, kernel in self._kernels.items()}
        other._values, other._held = self._values.copy(), self._held.copy()
        return other

    def _hamming(self, row: int) -> Float32:
        distance = np.zeros(len(self._genotypes), dtype=np.int8)
        for column in self._columns:
            distance += column != column[row]
        powers = (THETA ** np.arange(len(self._columns) + 1)).astype(np.float32)
        return powers.take(distance)

    def _near(self, row: int) -> Float32:
        assert self.prior is not None
        scores = self.prior.scores
        distance = self._squares + self._squares[row] - 2 * scores @ scores[row]
        kernel: Float32 = np.exp(np.maximum(distance, 0) / np.float32(-2 * REACH**2))
        return kernel

    def _between(self, columns: IntArray) -> Float32:
        """Kernels of the parts between what is held and some candidates: (parts, n, columns)."""
        n = len(self._held)
        kernels = np.zeros((len(PARTS), n, len(columns)), dtype=np.float32)
        if self.prior is not None:
            kernels[0] = self._linear[self._held] @ self._linear[columns].T
            kernels[1] = self.prior.mean[self._held] @ self.prior.mean[columns].T
        for part in self._stored:
            kernels[PARTS.index(part)] = self._kernels[part][:n, columns]
        return kernels

    def fit(self) -> None:
        """Weigh the hypotheses; later results change them less, so all of them are looked at ever less often."""
        n = len(self._held)
        z = standardised(self._values)
        parts = self._between(self._held).astype(np.float64)
        parts = (parts + parts.transpose(0, 2, 1)) / 2
        if n >= self._refit_at or len(self._chosen) > TOP:
            evidence = fit(self.hypotheses, parts, z).evidence
            self._chosen = np.argsort(-evidence, kind="stable")[:TOP]
            self.posterior = shares(evidence)
            self._refit_at = n + 1 + n // 10
        chosen = self.hypotheses.some(self._chosen)
        self._fit = fit(chosen, parts, z)
        self._share = shares(self._fit.evidence)
        self._best = float(z.max())

    @property
    def influence(self) -> float:
        """Share of the surrogate's variance that sources speak for, 0 to 1: posterior mean over the hypotheses."""
        return float(self.posterior @ self.hypotheses.share_of_sources)

    def _mean(self) -> Float32:
        """Posterior mean of every chosen hypothesis at all candidates: (TOP, candidates)."""
        n = len(self._held)
        weights = self.hypotheses.weights[self._chosen].astype(np.float32)
        share = self._fit.weights.astype(np.float32)
        mean = np.broadcast_to(LEVEL * share.sum(axis=1, keepdims=True), (len(share), len(self._genotypes))).copy()
        if self.prior is not None:
            source = (share @ self._linear[self._held]) * weights[:, :1]
            slope = (share @ self.prior.mean[self._held]) * weights[:, 1:2]
            mean += source @ self._linear.T + slope @ self.prior.mean.T
        for part in self._stored:
            weight = weights[:, PARTS.index(part), None]
            if weight.any():
                mean += (weight * share) @ self._kernels[part][:n]
        return mean

    def best(self, free: npt.NDArray[np.bool_]) -> int:
        """The free candidate of largest expected improvement, -1 where none is free."""
        rows, gain = self.gains(free)
        return int(rows[gain.argmax()]) if len(rows) else -1

    def gains(self, free: npt.NDArray[np.bool_]) -> tuple[IntArray, FloatArray]:
        """Expected improvement of a short list of free candidates: rows and gains, both (listed,)."""
        chosen = self.hypotheses.some(self._chosen)
        mean = self._mean()
        prior = chosen.weights.astype(np.float32) @ self._diagonal + np.float32(LEVEL)
        middle = self._share.astype(np.float32) @ mean
        hope = middle + self._share.astype(np.float32) @ np.sqrt(prior * self._fit.scale[:, None].astype(np.float32))
        rows = shortlist([middle, hope], free, SHORTLIST)
        kernels = np.tensordot(chosen.weights.astype(np.float32), self._between(rows), axes=1) + np.float32(LEVEL)
        explained = np.square(self._fit.inverse.astype(np.float32) @ kernels).sum(axis=1)
        variance = np.maximum(prior[:, rows] - explained, 1e-6) * self._fit.scale[:, None]
        gain = expected_improvement(mean[:, rows].astype(np.float64), np.sqrt(variance), np.array(self._best))
        total: FloatArray = self._share @ gain
        return rows, total


def shares(evidence: FloatArray) -> FloatArray:
    """Posterior probabilities of hypotheses that were equally likely before: (hypotheses,) -> (hypotheses,)."""
    likelihood = np.exp(evidence - evidence.max())
    share: FloatArray = likelihood / likelihood.sum()
    return share


def shortlist(scores: list[Float32], free: npt.NDArray[np.bool_], n: int) -> IntArray:
    """The ``n`` free candidates that are best by each of some scores, in the order of the candidates."""
    listed = np.zeros(len(free), dtype=bool)
    for score in scores:
        held = np.where(free, score, -np.inf)
        listed[np.argpartition(-held, min(n, len(held) - 1))[:n]] = True
    return np.flatnonzero(listed & free)
