"""A Gaussian process on normal scores with the Weisfeiler-Lehman subtree kernel.

Ru, Wan, Dong & Osborne, "Interpretable neural architecture search via Bayesian optimisation with Weisfeiler-Lehman kernels"
(NAS-BOWL), ICLR 2021; the kernel is that of Shervashidze et al., JMLR 2011.

A node's label at height 0 is its operation; at height h + 1 it is its label and the multiset of its predecessors' labels
at height h. With phi_h(g) counting the labels of height h in a graph, the kernel is the mean over 0..H of the cosine of
phi_h(g) and phi_h(g'), so that no height drowns the others. H and the noise are chosen by marginal likelihood, as
in the paper, which takes inner products of all counts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, Genotypes, SearchSpace
from ..gp import profiled_scale
from .normal_scores import NormalScores
from .operation_graphs import OperationGraphs, operation_graphs, operations_of
from .predictor import Arrays, Predictor, predictors

Labels = npt.NDArray[np.uint64]
HEIGHTS = (0, 1, 2, 3)
NOISES = (1e-3, 1e-2, 3e-2, 1e-1, 3e-1)
MULTIPLIER, SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(31)


class _Chosen(NamedTuple):
    likelihood: float
    height: int
    inverse: FloatArray
    weights: FloatArray
    scale: float


def subtree_labels(graphs: OperationGraphs, height: int) -> list[Labels]:
    """Hashes of the nodes' labels at heights 0 to ``height``, 0 where there is no node: each (n, nodes)."""
    there = graphs.labels >= 0
    edges = graphs.edges.astype(np.uint64)
    current = np.where(there, _mixed((graphs.labels + 1).astype(np.uint64)), np.uint64(0))
    found = [current]
    for _ in range(height):
        # The sum of mixed values is a hash of the multiset.
        before = np.einsum("nab,na->nb", edges, _mixed(current))
        current = np.where(there, _mixed(current * np.uint64(3) + _mixed(before)), np.uint64(0))
        found.append(current)
    return found


def _mixed(values: Labels) -> Labels:
    """A random-looking map of 64-bit integers: multiplications modulo 2^64 and shifts."""
    mixed = (values ^ (values >> SHIFT)) * MULTIPLIER
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed ^ (mixed >> np.uint64(32))


@predictors("gp-wl")
class WeisfeilerLehmanGP(Predictor):
    """Gaussian process on architectures as graphs; the deviation is that of the function. ``seed`` has no part in it."""

    def __init__(self, space: SearchSpace, seed: int = 0) -> None:
        self.space = space
        self.seed = seed

    def _fit(self, genotypes: Genotypes, values: FloatArray) -> None:
        self._seen, self._values = genotypes, values
        self._operations = operations_of(self.space, genotypes)
        graphs = list(operation_graphs(self.space, genotypes, self._operations))
        labels = [np.concatenate(level) for level in _padded([subtree_labels(g, HEIGHTS[-1]) for g in graphs])]
        self._known = [np.unique(level[level > 0]) for level in labels]
        counted = [_counts(level, known) for level, known in zip(labels, self._known, strict=True)]
        self._phi = [phi / norm[:, None] for phi, norm in counted]
        kernels = np.cumsum([phi @ phi.T for phi in self._phi], axis=0)
        self._warp = NormalScores(values)
        scores = self._warp.scores
        tried = [_likelihood(kernels[h] / (h + 1), noise, scores, h) for h in HEIGHTS for noise in NOISES]
        self._best = max(tried, key=lambda one: one.likelihood)

    def _predict(self, genotypes: Genotypes) -> tuple[FloatArray, FloatArray]:
        means, stds = [], []
        for graphs in operation_graphs(self.space, genotypes, self._operations):
            kernel = np.zeros((len(self._seen), len(graphs.labels)))
            for level, (labels, known) in enumerate(
                zip(subtree_labels(graphs, self._best.height), self._known, strict=False)
            ):
                phi, norm = _counts(labels, known)
                kernel += self._phi[level] @ (phi / norm[:, None]).T / (self._best.height + 1)
            means.append(self._best.weights @ kernel)
            explained = np.square(self._best.inverse @ kernel).sum(axis=0)
            stds.append(np.sqrt(np.maximum(1 - explained, 1e-6) * self._best.scale))
        return self._warp.values(np.concatenate(means), np.concatenate(stds))

    def _learned(self) -> Arrays:
        return {"genotypes": self._seen, "values": self._values}

    def _restore(self, arrays: Arrays) -> None:
        """Fitting is closed-form, so it is done again."""
        self._fit(self.space.check(arrays["genotypes"]), arrays["values"].astype(np.float64))


def _padded(chunks: list[list[Labels]]) -> list[list[Labels]]:
    """Labels by height, of chunks with different numbers of nodes: heights x chunks of (n, most nodes)."""
    most = max(levels[0].shape[1] for levels in chunks)
    widened = [[np.pad(level, ((0, 0), (0, most - level.shape[1]))) for level in levels] for levels in chunks]
    return [list(level) for level in zip(*widened, strict=True)]


def _counts(labels: Labels, known: Labels) -> tuple[FloatArray, FloatArray]:
    """How often each known label occurs, (n, known), and the norm of all counts, unknown labels included, (n,)."""
    place = np.searchsorted(known, labels).clip(max=len(known) - 1)
    counts = np.zeros((len(labels), len(known)))
    rows, nodes = np.nonzero((known[place] == labels) & (labels > 0))
    np.add.at(counts, (rows, place[rows, nodes]), 1.0)
    alike = (labels[:, :, None] == labels[:, None, :]) & (labels > 0)[:, :, None]
    norm = np.sqrt(alike.sum(axis=(1, 2)))  # the sum over nodes of a label's count is the sum of squared counts
    return counts, np.maximum(norm, 1.0)


def _likelihood(kernel: FloatArray, noise: float, values: FloatArray, height: int) -> _Chosen:
    """Log marginal likelihood with s^2 in closed form (Rasmussen & Williams 2006, equation 2.30)."""
    n = len(values)
    factor = np.linalg.cholesky(kernel + (noise + 1e-9) * np.eye(n))
    inverse = np.linalg.inv(factor)
    white = inverse @ values
    scale = float(profiled_scale(white[None])[0])
    likelihood = -0.5 * n * np.log(scale) - float(np.log(np.diagonal(factor)).sum())
    return _Chosen(likelihood, height, inverse, inverse.T @ white, scale)
