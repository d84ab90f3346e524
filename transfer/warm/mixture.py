"""The hypotheses that the evidence chooses among: weights of the kernel's parts, with and without sources.

The kernel of a hypothesis is, its weights w summing to 1,

    k(x, x') = 1 + w_source s(x).s(x') + w_mean m(x) m(x') + w_near exp(-|s(x) - s(x')|^2 / 2 l^2)
             + w_relevant sum_j v_j^2 f_j(x) f_j(x') + w_plain f(x).f(x') / p + w_hamming theta^(genes that differ)

with s a smoothed score per source, m their mean, f graph features and v their weights' spread on the sources. Slopes of s
and m have mean 0, so a source that is upside down helps as much as one that is not. The hypotheses with w_source = w_mean =
w_near = w_relevant = 0 know nothing of any source: they are the guard.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from ...bench import FloatArray, IntArray

PARTS = ("source", "mean", "near", "relevant", "plain", "hamming")
OF_SOURCES = 4  # the first parts know sources
NOISES = (0.03, 0.2)
THETA = 0.6
REACH = 2.5  # l, in units of a source's score
LEVEL = 1.0  # variance of the constant, relative to the kernel's
SHRINK = 0.5  # prior weight of a scale of 1, in observations of half a degree


@dataclass(frozen=True)
class Hypotheses:
    """Weights (hypotheses, parts) with sum 1, and noise relative to the kernel's variance (hypotheses,)."""

    weights: FloatArray
    noise: FloatArray

    @classmethod
    def grid(cls, with_sources: bool) -> Hypotheses:
        """All hypotheses, those without sources last."""
        plain = [(0.0, 0.0, 0.0, 0.0, p, 1.0, nu) for p, nu in product((0.0, 0.5, 2.0), NOISES)]
        rows = [
            (s, m, near, r, 0.0, h, nu)
            for s, m, near, r, h, nu in product((0.0, 1.0), (0.0, 1.0), (0.0, 0.5), (0.3, 1.0), (0.1, 0.4), NOISES)
        ]
        table = np.array([*(rows if with_sources else []), *plain])
        return cls(table[:, :-1] / table[:, :-1].sum(axis=1, keepdims=True), table[:, -1])

    def __len__(self) -> int:
        return len(self.noise)

    @property
    def share_of_sources(self) -> FloatArray:
        """Share of the kernel's variance that sources say: (hypotheses,)."""
        share: FloatArray = self.weights[:, :OF_SOURCES].sum(axis=1)
        return share

    def some(self, which: IntArray) -> Hypotheses:
        """Some of them."""
        return Hypotheses(self.weights[which], self.noise[which])


@dataclass(frozen=True)
class Fit:
    """Posterior quantities of hypotheses given n results.

    Attributes:
        evidence: log marginal likelihood with the scale integrated out, (hypotheses,).
        inverse: inverse Cholesky factors of the kernels with noise, (hypotheses, n, n).
        weights: of the results in the posterior mean, (hypotheses, n).
        scale: variance of the results relative to the kernel's, (hypotheses,).
    """

    evidence: FloatArray
    inverse: FloatArray
    weights: FloatArray
    scale: FloatArray


def fit(hypotheses: Hypotheses, parts: FloatArray, z: FloatArray) -> Fit:
    """Fit every hypothesis to values z (n,), given the parts' kernels (parts, n, n).

    The scale has an inverse-gamma prior: evidence = -(n + 2)/2 log s^2 - log|L|, s^2 = (|L^-1 z|^2 + 2 SHRINK)/(n + 2).
    """
    n = len(z)
    kernel = np.tensordot(hypotheses.weights, parts, axes=1) + LEVEL + hypotheses.noise[:, None, None] * np.eye(n)
    factor = np.linalg.cholesky(kernel)
    inverse = np.linalg.inv(factor)
    white = inverse @ z
    scale = (np.square(white).sum(axis=1) + 2 * SHRINK) / (n + 2)
    evidence = -0.5 * (n + 2) * np.log(scale) - np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    return Fit(evidence, inverse, np.einsum("hij,hi->hj", inverse, white), scale)


def standardised(values: FloatArray) -> FloatArray:
    """Results (n,) with mean 0 and deviation 1, failures pulled in to 2.5 times the distance from median to best."""
    middle, best = np.median(values), values.max()
    distance = best - middle
    if distance <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return np.zeros(len(values))
    z = np.maximum((values - middle) / distance, -2.5)
    scaled: FloatArray = (z - z.mean()) / max(float(z.std()), 1e-9)
    return scaled
