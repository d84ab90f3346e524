"""The surrogate of many runs over the same candidates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, Genotypes, IntArray, SearchSpace
from .features import Float32, features_of
from .model import WarmGP
from .prior import Prior, make_prior
from .reading import Source, read_sources


class WarmSurrogate:
    """Learns from sources once, from results one by one, and says where an improvement is to be expected.

    Args:
        space: of the candidates.
        candidates: genotypes (candidates, genes), the same for all runs.
        sources: earlier tasks, perhaps none.
        runs: independent runs.

    Attributes:
        priors: what each run knows from its sources, None where that is nothing.
        models: the different Gaussian processes.
        owner: which of them each run has, (runs,). Runs that know the same and saw the same have one, so that a study of a
            deterministic search costs one run.
    """

    def __init__(self, space: SearchSpace, candidates: Genotypes, sources: Sequence[Source], runs: int) -> None:
        self._features = features_of(space, candidates)
        made = [make_prior(self._features, candidates, known) for known in read_sources(self._features, sources, runs)]
        self.priors: list[Prior | None] = made * (runs // len(made))
        self.models = [WarmGP(candidates, self._features, prior) for prior in made]
        self.owner = np.arange(runs) % len(made)

    def add(self, rows: IntArray, values: FloatArray) -> None:
        """Take in a result per run: candidates (runs,) and values (runs,)."""
        first = self._part(rows, values)
        relevant, plain = self._kernels(rows[first])
        for i, (model, run) in enumerate(zip(self.models, first, strict=True)):
            model.add(int(rows[run]), float(values[run]), relevant[i], plain[i])

    def _part(self, rows: IntArray, values: FloatArray) -> IntArray:
        """Give runs that see something else than their twins a model of their own; first run of every model."""
        seen: dict[tuple[int, int, float], int] = {}
        given: set[int] = set()
        for run, (row, value) in enumerate(zip(rows, values, strict=True)):
            owner = int(self.owner[run])
            key = owner, int(row), float(value)
            if key not in seen:
                if owner in given:
                    self.models.append(self.models[owner].twin())
                    owner = len(self.models) - 1
                seen[key] = owner
                given.add(owner)
            self.owner[run] = seen[key]
        return np.unique(self.owner, return_index=True)[1]

    def fit(self) -> None:
        """Weigh the hypotheses of every run by its results."""
        for model in self.models:
            model.fit()

    def best(self, free: npt.NDArray[np.bool_]) -> IntArray:
        """The free candidate of largest expected improvement, -1 where nothing is free: (runs, candidates) -> (runs,)."""
        found = np.empty(len(free), dtype=np.int64)
        for i, model in enumerate(self.models):
            runs = np.flatnonzero(self.owner == i)
            # Twins have evaluated the same, and what one of them was asked for ahead, all of them were.
            found[runs] = model.best(free[runs[0]])
        return found

    @property
    def influence(self) -> FloatArray:
        """Share of each run's kernel that knows sources, 0 to 1: (runs,)."""
        return np.array([model.influence for model in self.models])[self.owner]

    def _kernels(self, rows: IntArray) -> tuple[Float32, Float32]:
        """Kernels between a candidate per model and all, of learned and of equal variances: (models, candidates) each."""
        graph = self._features.graph
        own = graph[rows]
        plain = np.asarray((own / np.float32(graph.shape[1])) @ graph.T, dtype=np.float32)
        if all(model.prior is None for model in self.models):
            return plain, plain
        nothing = np.zeros(graph.shape[1], dtype=np.float32)
        variances = [nothing if m.prior is None else np.square(m.prior.relevance) for m in self.models]
        return np.asarray((own * np.stack(variances)) @ graph.T, dtype=np.float32), plain
