"""What searches by two densities share: l of what did well, g of the rest, and the proposal with the largest l / g.

Expected improvement grows with l / g (Bergstra, Bardenet, Bengio & Kegl 2011, section 4.1). It is maximised as in the
paper: some architectures are drawn from l, and the one with the largest ratio is taken, among those that are free
candidates. A run in which none of them is free takes the free candidate with the largest ratio of all.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from ...bench import FloatArray, Genotypes, IntArray
from ..optimizer import CandidateOptimizer
from ..problem import Problem


class ParzenSearch(CandidateOptimizer):
    """Random evaluations first, then the best ratio of the two densities among some samples.

    Args:
        problem: what is searched.
        initial: random evaluations before there is a model.
        samples: drawn from l for a proposal.
    """

    def __init__(self, problem: Problem, initial: int, samples: int) -> None:
        super().__init__(problem)
        if samples < 1:
            raise ValueError(f"{samples} samples; at least one is needed")
        self.choices: IntArray = problem.candidates.space.cardinalities
        self._first = self.first_random(max(initial, 1))
        self._samples = samples
        self._asked = 0

    def propose(self) -> IntArray:
        """The random start, then what the two densities prefer."""
        self._asked += 1
        if self._asked <= self._first.shape[1]:
            return self._first[:, self._asked - 1]
        if not self.ready():  # asked for more before the random part was told
            return self.draw(np.full(len(self.runs), -1))
        good, bad = self.split()
        self.fit(good, bad)
        return self.choose()

    def split(self) -> tuple[Genotypes, Genotypes]:
        """Genotypes that did well, (runs, good, genes), and the others, (runs, bad, genes)."""
        rows, values = self.results()
        order = np.argsort(-values, axis=1, kind="stable")
        ordered = self.problem.candidates.genotypes[np.take_along_axis(rows, order, axis=1)]
        good = self.good(rows.shape[1])
        return ordered[:, :good], ordered[:, good:]

    def results(self) -> tuple[IntArray, FloatArray]:
        """Rows and values that the densities are made of, twice (runs, n)."""
        return self.rows, self.values

    def ready(self) -> bool:
        """Whether there are as many of them as the random start."""
        return int(self.results()[0].shape[1]) >= int(self._first.shape[1])

    @abstractmethod
    def good(self, n: int) -> int:
        """How many of ``n`` results count as good, at least one and fewer than ``n``."""

    @abstractmethod
    def fit(self, good: Genotypes, bad: Genotypes) -> None:
        """The densities l and g of what :meth:`split` gives."""

    @abstractmethod
    def sample(self, n: int) -> Genotypes:
        """Draw from l: (runs, n, genes)."""

    @abstractmethod
    def log_ratio(self, genotypes: Genotypes, runs: IntArray) -> FloatArray:
        """Logarithm of l / g of genotypes (some runs, n, genes) under the densities of those runs: (some runs, n)."""

    def choose(self) -> IntArray:
        """The best free sample of each run, (runs,)."""
        drawn = self.sample(self._samples)
        nowhere = len(self.problem.candidates)
        rows = self.problem.candidates.rows(drawn)
        rows = np.where(rows < 0, nowhere, rows)
        free = self._free.take(self._first_of_run[:, None] + rows)
        score = np.where(free, self.log_ratio(drawn, self.runs), -np.inf)
        chosen: IntArray = rows[self.runs, score.argmax(axis=1)]
        for run in np.flatnonzero(~free.any(axis=1)):
            everything = self.problem.candidates.genotypes[None]
            ratio = self.log_ratio(everything, self.runs[run : run + 1])[0]
            chosen[run] = np.where(self.free[run], ratio, -np.inf).argmax()
        return chosen
