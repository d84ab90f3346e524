"""BANANAS (White, Neiswanger & Savani, AAAI 2021): an ensemble of networks on path encodings, mutation of the best.

Ten random evaluations, then batches of ten: the ensemble of :mod:`warmnas.surrogates.predictors.bananas` is trained anew on
all results; the best architecture is mutated into 100 new ones, and where it has not so many new neighbours the next best
are (naszilla goes through five at most, and here through more only where a batch would not be full). Independent Thompson
sampling chooses the batch: every mutant's value is drawn from the normal distribution with mean and deviation of the
ensemble, and the largest are evaluated.
"""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray, IntArray, WarmnasError
from ..optimizer import optimizers
from ..problem import Problem
from .predicting import BatchSearch, Grouped

PATIENCE = 5  # architectures that are mutated in turn
TRIES = 100  # mutations of each


@optimizers("bananas")
class BananasSearch(BatchSearch):
    """Ensemble with independent Thompson sampling over mutants.

    Args:
        problem: what is searched.
        initial: random evaluations.
        batch: evaluations between two trainings.
        mutants: new architectures that are judged for a batch.
        members, epochs, layers, width: of the ensemble.
    """

    def __init__(
        self,
        problem: Problem,
        initial: int = 10,
        batch: int = 10,
        mutants: int = 100,
        members: int = 5,
        epochs: int = 150,
        layers: int = 10,
        width: int = 20,
    ) -> None:
        from ...surrogates.predictors.bananas import BANANAS

        super().__init__(problem, initial, batch)
        space = problem.candidates.space
        if lacking := BANANAS.lacking(space):
            raise WarmnasError(f"bananas needs the {lacking}, which {space.name} has not; take brp, tpe or gp")
        self._predictor = BANANAS(space, members=members * problem.runs, epochs=epochs, layers=layers, width=width)
        self._members, self._mutants = members, max(mutants, batch)

    def following(self) -> IntArray:
        """A batch of mutants, the largest draws."""
        rows = np.stack([self._mutate(run) for run in range(len(self.runs))])
        mean, deviation = self._predict(np.maximum(rows, 0))
        from scipy.special import ndtri

        drawn = mean + deviation * ndtri(np.maximum(self.streams.random(mean.shape), 1e-12))
        drawn[rows < 0] = -np.inf
        order = np.argsort(-drawn, axis=1, kind="stable")[:, : self._batch]
        chosen: IntArray = np.take_along_axis(rows, order, axis=1)
        return chosen

    def _mutate(self, run: int) -> IntArray:
        """New candidates near the best results of a run, -1 behind the last: (mutants,)."""
        candidates, rng = self.problem.candidates, self.streams.own(run)
        found: dict[int, None] = {}
        for place, best in enumerate(np.argsort(-self.values[run], kind="stable")):
            if len(found) >= self._mutants or (place >= PATIENCE and len(found) >= self._batch):
                break
            parent = candidates.genotypes[self.rows[run, best]]
            rows = candidates.rows(candidates.space.mutate(np.tile(parent, (TRIES, 1)), rng))
            found.update(dict.fromkeys(rows[(rows >= 0) & self.free[run, rows]].tolist()))
        new = np.full(self._mutants, -1)
        some = list(found)[: self._mutants]
        new[: len(some)] = some
        return new

    def _predict(self, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Mean and deviation of ensembles trained on the results so far, at candidates (runs, n): two of (runs, n)."""
        import torch

        from ...surrogates.predictors.ensemble import batches

        space, genotypes, model = self.problem.candidates.space, self.problem.candidates.genotypes, self._predictor
        rng = Grouped(self.streams, len(self.runs), self._members)
        network = model._build(rng)  # type: ignore[arg-type]
        x = torch.from_numpy(space.paths(space.canonical(genotypes[self.rows])).astype(np.float32))
        y = torch.from_numpy(self.standardised().astype(np.float32))
        of = torch.arange(len(self.runs)).repeat_interleave(self._members)[:, None]
        adam = torch.optim.Adam(network.parameters(), lr=model.rate, foreach=True)
        for _ in range(model.epochs):
            for part in batches(rng, model.members, y.shape[1], model.batch):  # type: ignore[arg-type]
                adam.zero_grad(set_to_none=True)
                # The sum over networks: each has the gradient of its own error.
                (network(x[of, part]) - y[of, part]).abs().mean(dim=1).sum().backward()
                adam.step()
        new = torch.from_numpy(space.paths(space.canonical(genotypes[rows])).astype(np.float32))
        with torch.no_grad():
            scores = network(new.repeat_interleave(self._members, dim=0)).double().numpy()
        each = scores.reshape(len(self.runs), self._members, -1)
        return each.mean(axis=1), each.std(axis=1)
