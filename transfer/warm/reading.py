"""Sources as they were measured, read for many runs; what several runs share is computed once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, Genotypes, IntArray
from ...surrogates.acquisition import normal_scores
from .features import Features, Float32
from .smoothing import Ridge

FEWEST = 5  # rows of a source that can be learned from
STRONG = 2.3  # log 10: from this Bayes factor on, evidence is called strong (Jeffreys 1961, appendix B)


@dataclass(frozen=True)
class Source:
    """An earlier task for all runs.

    Attributes:
        name: of the task.
        genotypes: (runs, rows, genes).
        values: (runs, rows), larger being better; not a number where nothing was measured.
        rows: candidate of each genotype, -1 where the target has none such, (runs, rows).
    """

    name: str
    genotypes: Genotypes
    values: FloatArray
    rows: IntArray

    @property
    def shared(self) -> bool:
        """Whether it is the same for all runs: a broadcast."""
        return self.values.strides[0] == 0 and self.genotypes.strides[0] == 0


@dataclass(frozen=True)
class Measured:
    """What one run knows of one source.

    Attributes:
        genotypes: its rows, (n, genes).
        features: of its rows, (n, features).
        rows: candidate of each row, -1 where the target has none such, (n,).
        scores: normal scores of its values, (n,).
        weights: of the ridge regression of scores on features, (features,).
    """

    genotypes: Genotypes
    features: Float32
    rows: IntArray
    scores: FloatArray
    weights: Float32

    def strange(self, genotypes: Genotypes) -> npt.NDArray[np.bool_]:
        """Genotypes (n, genes) with a choice that the source never tried, of which its regression knows nothing: (n,)."""
        new = [~np.isin(genotypes[:, gene], np.unique(column)) for gene, column in enumerate(self.genotypes.T)]
        return np.asarray(np.any(new, axis=0))

    def differing(self, rows: IntArray) -> IntArray:
        """Genes that differ between some of its rows: (n,) -> (n, n)."""
        some = self.genotypes[rows]
        count: IntArray = (some[:, None] != some).sum(axis=-1)
        return count


class _Reader:
    """Reads sources; rows that the last source had too are not decomposed again."""

    def __init__(self, features: Features) -> None:
        self._features = features
        self._last: tuple[bytes, Float32, Ridge] | None = None

    def read(self, source: Source, run: int) -> Measured | None:
        genotypes, values, rows = source.genotypes[run], source.values[run], source.rows[run]
        finite = np.isfinite(values)
        if not finite.all():
            genotypes, values, rows = genotypes[finite], values[finite], rows[finite]
        if len(values) < FEWEST or np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
            has = "the same value everywhere" if len(values) >= FEWEST else f"values of {len(values)} architectures"
            warnings.warn(f"warm: source {source.name} has {has}; nothing is learned from it", stacklevel=2)
            return None
        scores = normal_scores(values[None])[0]
        features, ridge = self._decomposed(genotypes, rows)
        weights, factor = ridge.weights(scores[:, None])
        return Measured(genotypes, features, rows, scores, weights[:, 0]) if factor[0] >= STRONG else None

    def _decomposed(self, genotypes: Genotypes, rows: IntArray) -> tuple[Float32, Ridge]:
        key = genotypes.tobytes()
        if self._last is None or self._last[0] != key:
            features = self._features.all[rows]
            if (unknown := rows < 0).any():
                features[unknown] = self._features.of(genotypes[unknown])
            self._last = key, features, Ridge(features)
        return self._last[1:]


def read_sources(features: Features, sources: Sequence[Source], runs: int) -> list[tuple[Measured, ...]]:
    """What each run knows: per run its usable sources; one entry for all runs where all of them know the same.

    Values that are no finite numbers are left out. A source of fewer than FEWEST values, or with the same value everywhere,
    is left out with a warning. So is, silently, a source whose scores are not strongly more likely to follow the features
    than to be noise: what says nothing of its own architectures misleads on those of others.
    """
    reader = _Reader(features)
    different = 1 if all(source.shared for source in sources) else runs
    # Source by source within a run where they differ, so that sources measured on the same rows follow each other.
    read = [[reader.read(source, run) for source in sources] for run in range(different)]
    return [tuple(one for one in of_run if one is not None) for of_run in read]
