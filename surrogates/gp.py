"""A Gaussian process on genotypes whose kernel decays with the Hamming distance, for many runs at once.

k(x, x') = s^2 theta^(number of genes that differ), observations with noise of variance s^2 nu. For every run the pair
(theta, nu) of a fixed grid with the largest marginal likelihood is taken, s^2 being in closed form (Rasmussen & Williams
2006, equations 2.25, 2.26, 2.30; with s^2 profiled out).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from ..bench import FloatArray, Genotypes
from .estimator import Estimator

Float32 = npt.NDArray[np.float32]
CHUNK = 4096  # candidates at a time: bounds the memory of a prediction


class HammingGP(Estimator):
    """GP with kernel theta^Hamming; all arrays have a leading runs axis, and a single run may leave it out.

    Args:
        thetas: correlation of two genotypes that differ in one gene, for the likelihood to choose from.
        noises: variance of the noise relative to that of the function, likewise.

    Attributes:
        theta_, noise_, scale_: what was chosen and s^2, each (runs,).
        inverse_: inverse Cholesky factor of the kernel with noise, in units of s^2, (runs, n, n).
    """

    def __init__(
        self,
        thetas: Sequence[float] = (0.3, 0.5, 0.65, 0.75, 0.85, 0.93),
        noises: Sequence[float] = (1e-3, 1e-2, 1e-1),
    ) -> None:
        self.thetas = thetas
        self.noises = noises

    def fit(self, genotypes: Genotypes, values: FloatArray) -> HammingGP:
        """Fit to (runs, n, genes) and (runs, n), or to (n, genes) and (n,)."""
        self._single = np.ndim(values) == 1
        x, y = (genotypes[None], values[None]) if self._single else (genotypes, values)
        self._x = np.asarray(x)
        self._mean = y.mean(axis=1, keepdims=True)
        residual = y - self._mean
        distance = (self._x[:, :, None, :] != self._x[:, None, :, :]).sum(axis=-1)
        runs, n = y.shape
        best = np.full(runs, -np.inf)
        self.theta_, self.noise_, self.scale_ = np.empty(runs), np.empty(runs), np.empty(runs)
        self.inverse_, self._weights = np.empty((runs, n, n)), np.empty((runs, n))
        for theta in self.thetas:
            for noise in self.noises:
                likelihood, inverse, weights, scale = self._likelihood(theta**distance, noise, residual)
                better = likelihood > best
                best[better] = likelihood[better]
                self.theta_[better], self.noise_[better], self.scale_[better] = theta, noise, scale[better]
                self.inverse_[better], self._weights[better] = inverse[better], weights[better]
        return self

    @staticmethod
    def _likelihood(kernel: FloatArray, noise: float, residual: FloatArray) -> tuple[FloatArray, ...]:
        """Log marginal likelihood (runs,), inverse factor (runs, n, n), weights (runs, n), s^2 (runs,)."""
        n = residual.shape[1]
        factor = np.linalg.cholesky(kernel + noise * np.eye(n))
        inverse = np.linalg.inv(factor)
        white = (inverse @ residual[..., None])[..., 0]
        scale = profiled_scale(white)
        logdet = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
        weights = (np.swapaxes(inverse, 1, 2) @ white[..., None])[..., 0]
        return -0.5 * n * np.log(scale) - logdet, inverse, weights, scale

    @overload
    def predict(self, genotypes: Genotypes, return_std: Literal[False] = False) -> FloatArray: ...
    @overload
    def predict(self, genotypes: Genotypes, return_std: Literal[True]) -> tuple[FloatArray, FloatArray]: ...

    def predict(self, genotypes: Genotypes, return_std: bool = False) -> Any:
        """Mean, and the standard deviation of the function, at genotypes (m, genes) common to all runs: (runs, m)."""
        candidates = np.asarray(genotypes)
        mean = np.empty((len(self._x), len(candidates)))
        std = np.empty_like(mean)
        inverse, weights = self.inverse_.astype(np.float32), self._weights.astype(np.float32)
        for start in range(0, len(candidates), CHUNK):
            part = slice(start, start + CHUNK)
            kernel = correlations(self._x, candidates[part], self.theta_)
            mean[:, part] = self._mean + (weights[:, None, :] @ kernel)[:, 0]
            if return_std:
                explained = np.square(inverse @ kernel).sum(axis=1)
                std[:, part] = deviation(explained, self.scale_)
        if self._single:
            mean, std = mean[0], std[0]
        return (mean, std) if return_std else mean


class PoolGP:
    """The posterior of a :class:`HammingGP` over fixed candidates, kept up to date one observation at a time.

    Between refits of (theta, nu) a new observation costs one pass over what is kept, V = L^-1 K(observed, candidates) for
    the Cholesky factor L: L^-1 k of the new point is a column of V, so V grows by the row
    (k(new, candidates) - l^T V) / d with l that column and d^2 = 1 + nu - l^T l.

    Args:
        candidates: genotypes (candidates, genes).
        budget: observations per run at most; what is kept grows with the observations, not with it.
    """

    def __init__(self, candidates: Genotypes, runs: int, budget: int) -> None:
        self.candidates = candidates
        self.gp = HammingGP()
        self._budget = budget
        self._v = np.empty((runs, min(budget, 64), len(candidates)), dtype=np.float32)
        self._n = 0
        self._refit_at = 0

    def fit(self, rows: npt.NDArray[np.int64], values: FloatArray) -> None:
        """Take in observations (runs, n): all of the earlier ones in the same order, and one more or some to start with."""
        n = rows.shape[1]
        self._reserve(n)
        if n >= self._refit_at or n != self._n + 1:
            self._refit(rows, values)
            self._refit_at = n + 1 + n // 4
        else:
            self._extend(rows, values)
        self._n = n

    def _reserve(self, n: int) -> None:
        """Room for ``n`` observations: twice as many as there was, when it is too small."""
        runs, room, candidates = self._v.shape
        if n > room:
            larger = np.empty((runs, min(max(n, 2 * room), self._budget), candidates), dtype=np.float32)
            larger[:, : self._n] = self._v[:, : self._n]
            self._v = larger

    def _refit(self, rows: npt.NDArray[np.int64], values: FloatArray) -> None:
        x = self.candidates[rows]
        self.gp.fit(x, values)
        self._inverse = self.gp.inverse_
        n = rows.shape[1]
        inverse = self._inverse.astype(np.float32)
        for start in range(0, len(self.candidates), CHUNK):
            part = slice(start, start + CHUNK)
            np.matmul(inverse, correlations(x, self.candidates[part], self.gp.theta_), out=self._v[:, :n, part])
        self._explained = np.einsum("rna,rna->ra", self._v[:, :n], self._v[:, :n])
        white, mean = self._whiten(values)
        self._mean = mean + (white[:, None, :] @ self._v[:, :n])[:, 0]

    def _extend(self, rows: npt.NDArray[np.int64], values: FloatArray) -> None:
        n, runs = self._n, np.arange(len(rows))
        new = rows[:, -1]
        column = self._v[runs, :n, new].astype(np.float64)
        d = np.sqrt(np.maximum(1 + self.gp.noise_ - np.square(column).sum(axis=1), 1e-9))
        grown = np.zeros((len(rows), n + 1, n + 1))
        grown[:, :n, :n] = self._inverse
        grown[:, n, :n] = -(column[:, None, :] @ self._inverse)[:, 0] / d[:, None]
        grown[:, n, n] = 1 / d
        self._inverse = grown
        white, mean = self._whiten(values)
        both = np.stack([column.astype(np.float32), white[:, :n]], axis=1) @ self._v[:, :n]
        row = correlations(self.candidates[new][:, None], self.candidates, self.gp.theta_)[:, 0] - both[:, 0]
        row /= d[:, None].astype(np.float32)
        self._v[:, n] = row
        self._explained += row * row
        self._mean = mean + both[:, 1] + white[:, n:] * row

    def _whiten(self, values: FloatArray) -> tuple[Float32, Float32]:
        mean = values.mean(axis=1, keepdims=True)
        white = (self._inverse @ (values - mean)[..., None])[..., 0]
        self._scale = profiled_scale(white)
        return white.astype(np.float32), mean.astype(np.float32)

    def leave_one_out(self, values: FloatArray) -> FloatArray:
        """Mean at every observation without it, kernel and constant mean held (equation 5.12): (runs, n) -> (runs, n)."""
        precision = np.swapaxes(self._inverse, 1, 2) @ self._inverse
        weights = (precision @ (values - values.mean(axis=1, keepdims=True))[..., None])[..., 0]
        means: FloatArray = values - weights / np.diagonal(precision, axis1=1, axis2=2)
        return means

    def predict(self) -> tuple[Float32, Float32]:
        """Mean and standard deviation of the function at every candidate: two arrays (runs, candidates)."""
        return self._mean, deviation(self._explained, self._scale)


def profiled_scale(white: FloatArray) -> FloatArray:
    """The s^2 of largest likelihood given whitened residuals: (runs, n) -> (runs,)."""
    scale: FloatArray = np.maximum(np.square(white).mean(axis=1), 1e-12)
    return scale


def deviation(explained: Float32, scale: FloatArray) -> Float32:
    """Standard deviation from the explained share of the variance: (runs, m) and (runs,) -> (runs, m)."""
    std: Float32 = np.sqrt(np.maximum(1.0 - explained, 1e-6) * scale[:, None].astype(np.float32))
    return std


def correlations(observed: Genotypes, candidates: Genotypes, theta: FloatArray) -> Float32:
    """theta^Hamming between observed (runs, n, genes) and candidates (m, genes): (runs, n, m)."""
    runs, n, genes = observed.shape
    powers = (theta[:, None] ** np.arange(genes + 1)).astype(np.float32)
    kernel = np.empty((runs, n, len(candidates)), dtype=np.float32)
    columns = [np.ascontiguousarray(candidates[:, gene]) for gene in range(genes)]
    for run in range(runs):
        distance = np.zeros((n, len(candidates)), dtype=np.int8)
        for gene, column in enumerate(columns):
            distance += observed[run, :, gene, None] != column
        powers[run].take(distance, out=kernel[run])
    return kernel
