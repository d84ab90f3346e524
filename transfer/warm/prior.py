"""What a run brings along from its sources: an order, a score per source, and which features matter.

Every source is smoothed by ridge regression on the features (:mod:`.smoothing`), so that a source of 200 rows speaks of all
candidates and one of all rows loses its noise. Where a source measured a share c of the candidates, its own scores
count with weight c for the order and c/2 for the kernel: the best of a small sample are the best by luck. A source says
nothing of a candidate with a choice that it never tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, Genotypes
from .features import Features, Float32
from .reading import Measured

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Prior:
    """The knowledge of a run before its first result.

    Attributes:
        order: mean over the sources of the rank among the candidates, 0 worst to 1 best, (candidates,).
        mean: mean score over the sources, standardised, (candidates, 1).
        scores: a centred score per source, (candidates, sources).
        relevance: prior standard deviation of each graph feature's weight, (graph features,).
        agreement: mean correlation between two sources' scores; 1 where there are no two to compare.
        sources: what it was made of.
    """

    order: FloatArray
    mean: Float32
    scores: Float32
    relevance: Float32
    agreement: float
    sources: tuple[Measured, ...] = ()


def relevance(weights: Float32, graph: Float32) -> Float32:
    """Root mean square weight over sources, (p, sources) -> (p,), scaled so that the kernel's mean variance is 1."""
    root = np.sqrt(np.square(weights).mean(axis=1)) + 1e-9
    total = float((np.square(graph) @ np.square(root)).mean())
    return np.asarray(root / np.sqrt(total), dtype=np.float32)


def agreement(scores: FloatArray, speaks: Bools) -> float:
    """Mean correlation between the scores of two sources, where both speak of a candidate; 1 where none can be had."""
    found = []
    for a, b in combinations(range(scores.shape[1]), 2):
        pair = scores[speaks[:, a] & speaks[:, b]][:, [a, b]]
        if len(pair) and (spread := pair.std(axis=0)).min() > 0:
            found.append(float((pair - pair.mean(axis=0)).prod(axis=1).mean() / spread.prod()))
    return float(np.mean(found)) if found else 1.0


def make_prior(features: Features, genotypes: Genotypes, sources: tuple[Measured, ...]) -> Prior | None:
    """Join the sources of one run, for candidates (candidates, genes); None where there is none."""
    if not sources:
        return None
    weights = np.stack([source.weights for source in sources], axis=1)
    smooth = (features.all @ weights).astype(np.float64)
    ranks, blends, scores = (np.zeros_like(smooth) for _ in range(3))
    speaks = np.ones(smooth.shape, dtype=bool)
    for i, source in enumerate(sources):
        speaks[:, i] = ~source.strange(genotypes)
        if not speaks[:, i].any():
            continue
        own, share = _own_scores(source, len(genotypes))
        own = np.where(np.isnan(own), smooth[:, i], own)
        blends[:, i] = smooth[:, i] + share * (own - smooth[:, i])
        half = smooth[:, i] + 0.5 * share * (own - smooth[:, i])
        scores[:, i] = np.where(speaks[:, i], half - half[speaks[:, i]].mean(), 0.0)
        ranks[speaks[:, i], i] = _ranks(blends[speaks[:, i], i])
    mean = _mean(blends, speaks)
    mean -= mean.mean()
    return Prior(
        order=_mean(ranks, speaks),
        mean=(mean / max(float(mean.std()), 1e-9)).astype(np.float32)[:, None],
        scores=scores.astype(np.float32),
        relevance=relevance(weights[: features.graph.shape[1]], features.graph),
        agreement=agreement(scores, speaks),
        sources=sources,
    )


def _mean(scores: FloatArray, speaks: Bools) -> FloatArray:
    """Mean over the sources that speak of a candidate, 0 where none does: (candidates, sources) -> (candidates,)."""
    mean: FloatArray = (scores * speaks).sum(axis=1) / np.maximum(speaks.sum(axis=1), 1)
    return mean


def _ranks(scores: FloatArray) -> FloatArray:
    """0 worst to 1 best, ties shared: (n,) -> (n,)."""
    from scipy.stats import rankdata

    ranks: FloatArray = (rankdata(scores) - 1) / max(len(scores) - 1, 1)
    return ranks


def _own_scores(source: Measured, size: int) -> tuple[FloatArray, float]:
    """Mean of the source's own scores at each candidate, NaN where it has none, and the share of candidates it knows."""
    here = source.rows >= 0
    count = np.bincount(source.rows[here], minlength=size)
    total = np.bincount(source.rows[here], weights=source.scores[here], minlength=size)
    own = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    return own, float((count > 0).mean())
