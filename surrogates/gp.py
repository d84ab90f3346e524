"""A Gaussian process on genotypes whose kernel decays with the Hamming distance, for many runs at once.

k(x, x') = s^2 theta^(number of genes that differ), observations with noise of variance s^2 nu. For every run the pair
(theta, nu) of a fixed grid with the largest marginal likelihood is taken, s^2 being in closed form (Rasmussen &
Williams 2006, equations 2.25, 2.26, 2.30; with s^2 profiled out).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from ..bench import FloatArray, Genotypes

Float32 = npt.NDArray[np.float32]
CHUNK = 4096  # candidates at a time: bounds the memory of a prediction


class HammingGP(BaseEstimator):  # type: ignore[misc]
    """GP with kernel theta^Hamming; all arrays have a leading runs axis, and a single run may leave it out.

    Args:
        thetas: correlation of two genotypes that differ in one gene, candidates for the likelihood to choose from.
        noises: variance of the noise relative to that of the function, likewise.
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
        best = np.full(len(y), -np.inf)
        self.theta_ = np.zeros(len(y))
        for theta in self.thetas:
            for noise in self.noises:
                fitted = self._likelihood(theta**distance, noise, residual)
                better = fitted[0] > best
                best = np.where(better, fitted[0], best)
                self.theta_ = np.where(better, theta, self.theta_)
                if theta == self.thetas[0] and noise == self.noises[0]:
                    self._inverse, self._alpha, self._scale = fitted[1:]
                for kept, new in zip((self._inverse, self._alpha, self._scale), fitted[1:], strict=True):
                    kept[better] = new[better]
        return self

    @staticmethod
    def _likelihood(kernel: FloatArray, noise: float, residual: FloatArray) -> tuple[FloatArray, ...]:
        """Log marginal likelihood (runs,), inverse factor (runs, n, n), weights (runs, n), s^2 (runs,)."""
        n = residual.shape[1]
        factor = np.linalg.cholesky(kernel + noise * np.eye(n))
        inverse = np.linalg.inv(factor)
        white = (inverse @ residual[..., None])[..., 0]
        scale = np.maximum((white**2).mean(axis=1), 1e-12)
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
        inverse = self._inverse.astype(np.float32)
        weights = self._alpha.astype(np.float32)
        powers = self.theta_[:, None] ** np.arange(candidates.shape[1] + 1)
        for start in range(0, len(candidates), CHUNK):
            part = slice(start, start + CHUNK)
            kernel = self._kernel(candidates[part], powers.astype(np.float32))
            mean[:, part] = self._mean + (weights[:, None, :] @ kernel)[:, 0]
            if return_std:
                explained = np.square(inverse @ kernel).sum(axis=1)
                std[:, part] = np.sqrt(np.maximum(1.0 - explained, 1e-6) * self._scale[:, None])
        if self._single:
            mean, std = mean[0], std[0]
        return (mean, std) if return_std else mean

    def _kernel(self, candidates: Genotypes, powers: Float32) -> Float32:
        """Correlations (runs, n, m) of what was observed with candidates (m, genes)."""
        runs, n, genes = self._x.shape
        distance = np.zeros((runs, n, len(candidates)), dtype=np.int8)
        for gene in range(genes):
            distance += self._x[:, :, gene, None] != candidates[:, gene]
        return np.stack([powers[run][distance[run]] for run in range(runs)])
