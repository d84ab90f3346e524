"""An optimizer of another library as one run of a study: no architecture twice, none that is not a candidate.

Other libraries propose any combination of genes, and the same one again. A proposal that is no free candidate is withdrawn
and the library asked again, at most RETRIES times; then a free candidate is drawn uniformly and handed to the library as if
it had proposed it. What counts as the same architecture is the candidates' affair: another genotype of the same
function is the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from ..problem import Problem

RETRIES = 20
Genotype = npt.NDArray[np.int8]
Token = Any  # what the library knows a proposal by


class ForeignRun(ABC):
    """One run; a library fills in the four verbs.

    Args:
        problem: of a single run.
        rng: the run's own stream, for what the library's seed does not decide.
    """

    def __init__(self, problem: Problem, rng: np.random.Generator) -> None:
        self.candidates = problem.candidates
        self.genes = problem.candidates.space.genes
        self.rng = rng
        self._free = np.ones(len(problem.candidates), dtype=bool)
        self._open: dict[bytes, Token] = {}

    @abstractmethod
    def suggest(self) -> tuple[Token, Genotype] | None:
        """The library's next proposal, or None where it has no more."""

    @abstractmethod
    def withdraw(self, token: Token) -> None:
        """The proposal will not be evaluated."""

    @abstractmethod
    def impose(self, genotype: Genotype) -> Token:
        """Make this the library's next proposal."""

    @abstractmethod
    def record(self, token: Token, value: float) -> None:
        """What became of a proposal; larger is better."""

    def ask(self) -> Genotype:
        """A free candidate, the library's own where it finds one."""
        for _ in range(RETRIES):
            proposed = self.suggest()
            if proposed is None:
                break
            token, genotype = proposed
            row = int(self.candidates.rows(genotype))
            if row >= 0 and self._free[row]:
                return self._take(row, token)
            self.withdraw(token)
        row = int(self.rng.choice(np.flatnonzero(self._free)))
        return self._take(row, self.impose(self.candidates.genotypes[row]))

    def _take(self, row: int, token: Token) -> Genotype:
        self._free[row] = False
        genotype: Genotype = self.candidates.genotypes[row]
        self._open[genotype.tobytes()] = token
        return genotype

    def tell(self, genotype: Genotype, value: float) -> None:
        """Hand the value to the library."""
        key = np.asarray(genotype, dtype=np.int8).tobytes()
        token = self._open.pop(key) if key in self._open else self.impose(genotype)
        self._free[int(self.candidates.rows(genotype))] = False
        self.record(token, value)
