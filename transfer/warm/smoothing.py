"""Ridge regression of a source's scores on features, its penalty by evidence.

z = F w + e with w ~ N(0, s^2/lambda) and e ~ N(0, s^2). For eigenvalues d of F F^T (or F^T F) the log evidence is
-n/2 log s^2 - 1/2 sum log(1 + d/lambda) with s^2 = z^T (I + F F^T/lambda)^-1 z / n (Rasmussen & Williams 2006, equation
2.30). The penalty of the largest evidence is taken. The same evidence against that of noise alone, w = 0, says whether the
scores follow the features at all.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
PENALTIES = (100.0, 300.0, 1e3, 3e3, 1e4, 1e5)


class Ridge:
    """The decomposition of features (n, p), kept for the sources that were measured on the same rows."""

    def __init__(self, features: Float32) -> None:
        self._features = features
        n, p = features.shape
        self._dual = n <= p
        square = features @ features.T if self._dual else features.T @ features
        values, self._vectors = np.linalg.eigh(square.astype(np.float64))
        self._values = np.maximum(values, 0.0)

    def weights(self, scores: Float64) -> tuple[Float32, Float64]:
        """Weights (p, k) of scores (n, k), each column with its own penalty; log Bayes factor against noise (k,)."""
        rotated = self._vectors.T @ (scores if self._dual else self._features.T @ scores)
        penalty, factor = self._penalties(rotated, np.square(scores).sum(axis=0), len(scores))
        solved = self._vectors @ (rotated / (self._values[:, None] + penalty))
        weights = self._features.T @ solved if self._dual else solved
        return np.asarray(weights, dtype=np.float32), factor

    def _penalties(self, rotated: Float64, total: Float64, n: int) -> tuple[Float64, Float64]:
        """The penalty of the largest evidence for each column, and how far that is above the evidence of noise: (k,)."""
        evidence = []
        for penalty in PENALTIES:
            share = self._values[:, None] + penalty
            if self._dual:
                misfit = (np.square(rotated) * penalty / share).sum(axis=0)
            else:
                misfit = total - (np.square(rotated) / share).sum(axis=0)
            scale = np.maximum(misfit / n, 1e-12)
            evidence.append(-0.5 * n * np.log(scale) - 0.5 * np.log1p(self._values / penalty).sum())
        best = np.argmax(evidence, axis=0)
        chosen: Float64 = np.array(PENALTIES)[best]
        factor: Float64 = np.max(evidence, axis=0) + 0.5 * n * np.log(np.maximum(total / n, 1e-12))
        return chosen, factor
