"""BOHB's model (Falkner, Klein & Hutter, ICML 2018, section 3.2): two multivariate kernel densities and a share of chance.

The best 15 % of the results (at least genes + 1 of them) make l, the others g, each a mean of products over the genes of
Aitchison-Aitken kernels: 1 - h for the same choice, h / (choices - 1) for another one. Unlike TPE's product of
one-dimensional densities it knows which choices did well together. With probability 1/3 a proposal is random; else 64
architectures are drawn around good ones, each gene kept with probability 1 - h and drawn uniformly else, and the one with
the largest l / g is taken.

Bandwidths follow the normal reference rule of the authors' code, h = 1.06 sigma n^(-1 / (4 + genes)), at least .001. There
the deviation is that of the numbers by which the choices happen to be coded. Here sigma^2 = P(two results differ) / 2, the
same for two choices and free of any order; h is at most (choices - 1) / choices, where the kernel is flat.

Under a stopper such as ``hyperband`` there are values of several budgets (epochs), and a model for each: the one of the
largest budget that has enough results, 2 (genes + 1) as in the authors' code, is used, as in the paper. A budget is a
number of epochs at which trainings were put away, a rung. Until one has enough (with stoppers that end trainings at any
epoch that may take long) the model is of all results as they were told, on the scale of final values. Without a stopper
there is one budget, that of a whole training.
"""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray, Genotypes, IntArray
from ..optimizer import optimizers
from ..problem import Problem
from .parzen import ParzenSearch

NARROWEST = 1e-3  # the least bandwidth, in the authors' code
SMALLEST = 1e-32  # the least density, likewise


@optimizers("bohb")
class BOHB(ParzenSearch):
    """Search by kernel densities, those of the largest budget with enough results.

    Args:
        problem: what is searched.
        top: share of the results that counts as good.
        samples: drawn around good results for a proposal.
        random_fraction: share of the proposals that is random.
    """

    def __init__(self, problem: Problem, top: float = 0.15, samples: int = 64, random_fraction: float = 1 / 3) -> None:
        if not (0 < top < 1 and 0 <= random_fraction <= 1):
            raise ValueError(f"top {top} and random_fraction {random_fraction} must be shares")
        self._fewest = len(problem.candidates.space.genes) + 1
        super().__init__(problem, 2 * self._fewest, samples)
        self.top, self.random_fraction = top, random_fraction
        self._noted: dict[int, list[tuple[IntArray, FloatArray]]] = {}  # by epochs: rows and values, (runs,) each

    def note(self, genotypes: Genotypes, values: FloatArray, epochs: int) -> None:
        """Results of one budget."""
        rows = self.problem.candidates.rows(genotypes)
        self._noted.setdefault(epochs, []).extend(zip(rows.T, values.T, strict=True))

    def results(self) -> tuple[IntArray, FloatArray]:
        """Those of the largest budget that has enough of them, else what was told, on one scale."""
        enough = [epochs for epochs, known in self._noted.items() if len(known) >= 2 * self._fewest]
        if not enough:
            return super().results()
        known = self._noted[max(enough)]
        return np.stack([rows for rows, _ in known], axis=1), np.stack([values for _, values in known], axis=1)

    def good(self, n: int) -> int:
        """See :class:`~warmnas.search.optimizers.parzen.ParzenSearch`."""
        return max(self._fewest, int(self.top * n))

    def fit(self, good: Genotypes, bad: Genotypes) -> None:
        """Keep the results as centres, with the bandwidths of both densities."""
        self._kernels = [(part, self._bandwidths(part)) for part in (good, bad)]

    def _bandwidths(self, genotypes: Genotypes) -> FloatArray:
        """Bandwidth h of every gene: (runs, n, genes) -> (runs, genes)."""
        n = genotypes.shape[1]
        shares = np.stack([(genotypes == choice).mean(axis=1) for choice in range(int(self.choices.max()))], axis=-1)
        deviation = np.sqrt(np.maximum(1 - np.square(shares).sum(axis=-1), 0.0) / 2)
        h = 1.06 * deviation * n ** (-1 / (4 + len(self.choices)))
        widest = np.maximum((self.choices - 1) / self.choices, NARROWEST)
        bandwidths: FloatArray = np.clip(h, NARROWEST, widest)
        return bandwidths

    def sample(self, n: int) -> Genotypes:
        """Around good results."""
        centres, h = self._kernels[0]
        genes = len(self.choices)
        u = self.streams.random((len(self.runs), n, 1 + 2 * genes))
        around = centres[self.runs[:, None], (u[..., 0] * centres.shape[1]).astype(np.int64)]
        fresh = (u[..., 1 : 1 + genes] * self.choices).astype(np.int8)
        return np.where(u[..., 1 + genes :] < 1 - h[:, None, :], around, fresh)

    def log_ratio(self, genotypes: Genotypes, runs: IntArray) -> FloatArray:
        """Logarithm of l / g by the two kernel densities."""
        good, bad = (self._density(genotypes, centres[runs], h[runs]) for centres, h in self._kernels)
        return np.log(np.maximum(good, SMALLEST)) - np.log(np.maximum(bad, SMALLEST))

    def _density(self, genotypes: Genotypes, centres: Genotypes, h: FloatArray) -> FloatArray:
        """Mean over the centres (runs, c, genes) of the kernels at genotypes (runs, n, genes): (runs, n)."""
        apart = h / np.maximum(self.choices - 1, 1)
        product = np.ones((len(centres), genotypes.shape[1], centres.shape[1]))
        for gene in range(len(self.choices)):
            same = genotypes[:, :, None, gene] == centres[:, None, :, gene]
            product *= np.where(same, 1 - h[:, None, None, gene], apart[:, None, None, gene])
        density: FloatArray = product.mean(axis=-1)
        return density

    def choose(self) -> IntArray:
        """A random candidate in some runs, a model's in the others."""
        by_chance = self.streams.random((len(self.runs), 1))[:, 0] < self.random_fraction
        modelled = super().choose()
        return self.draw(np.where(by_chance, -1, modelled))
