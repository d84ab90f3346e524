"""The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio & Kegl, NeurIPS 2011, section 4) on categorical genes.

Of n results the best ceil(gamma n) make the density l, the others g. Both are products over the genes; with N choices of a
gene and C_i results that chose i,

    p(i) = (1 + C_i) / (N + sum C),

which is the paper's N p_i + C_i with a uniform prior p_i = 1 / N. The proposal is the sample of l with the largest l / g.
``samples`` is 24 and ``gamma`` .25 in the authors' hyperopt, which takes the best ceil(gamma sqrt n), at most 25: that is
``split=sqrt``. ``split=quantile`` is the paper's.
"""

from __future__ import annotations

import math

import numpy as np

from ...bench import FloatArray, Genotypes, IntArray, UnknownName
from ..optimizer import optimizers
from ..problem import Problem
from .parzen import ParzenSearch

SPLITS = ("quantile", "sqrt")
MOST_GOOD = 25  # hyperopt's bound on the results that make l


@optimizers("tpe")
class TPE(ParzenSearch):
    """A categorical TPE.

    Args:
        problem: what is searched.
        initial: random evaluations first.
        samples: drawn from l for a proposal.
        gamma: share of the results that counts as good, between 0 and 1.
        split: ``quantile`` for ceil(gamma n) good ones, ``sqrt`` for ceil(gamma sqrt n).
    """

    def __init__(
        self, problem: Problem, initial: int = 10, samples: int = 24, gamma: float = 0.15, split: str = "quantile"
    ) -> None:
        if split not in SPLITS:
            raise UnknownName("split of tpe", split, SPLITS)
        if not 0 < gamma < 1:
            raise ValueError(f"gamma {gamma} is not between 0 and 1")
        super().__init__(problem, max(initial, 2), samples)
        self.gamma, self.by_root = gamma, split == "sqrt"
        self._offsets = np.concatenate([[0], np.cumsum(self.choices)[:-1]])

    def good(self, n: int) -> int:
        """See :class:`~warmnas.search.optimizers.parzen.ParzenSearch`."""
        many = min(math.ceil(self.gamma * math.sqrt(n)), MOST_GOOD) if self.by_root else math.ceil(self.gamma * n)
        return min(many, n - 1)

    def fit(self, good: Genotypes, bad: Genotypes) -> None:
        """Probabilities of every choice of every gene."""
        self._likely = self._probabilities(good)
        self._log_ratio = np.log(self._likely) - np.log(self._probabilities(bad))

    def _probabilities(self, genotypes: Genotypes) -> FloatArray:
        """(runs, n, genes) -> (runs, choices of all genes), smoothed by one count of each choice."""
        total = int(self.choices.sum())
        place = genotypes + self._offsets + total * self.runs[:, None, None]
        counts = np.bincount(place.ravel(), minlength=total * len(self.runs)).reshape(-1, total)
        smooth: FloatArray = (1.0 + counts) / np.repeat(self.choices + genotypes.shape[1], self.choices)
        return smooth

    def sample(self, n: int) -> Genotypes:
        """Every gene from its own probabilities."""
        u = self.streams.random((len(self.runs), n, len(self.choices)))
        drawn = np.empty(u.shape, dtype=np.int8)
        for gene, (first, many) in enumerate(zip(self._offsets, self.choices, strict=True)):
            below = np.cumsum(self._likely[:, first : first + many - 1], axis=1)
            drawn[..., gene] = (u[:, :, gene, None] >= below[:, None, :]).sum(axis=-1)
        return drawn

    def log_ratio(self, genotypes: Genotypes, runs: IntArray) -> FloatArray:
        """Sum over the genes of the logarithms of the ratios."""
        ratios: FloatArray = self._log_ratio[runs[:, None, None], genotypes + self._offsets].sum(axis=-1)
        return ratios
