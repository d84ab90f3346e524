"""BRP-NAS (Dudziak et al., NeurIPS 2020): a graph network that learns which of two is better, and iterative data selection.

Of the budget, two thirds and 100 at most are for training the predictor of
:mod:`warmnas.surrogates.predictors.brp`, in five batches. The first is random. Before each of the others the predictor is
trained on all results and ranks all candidates; half of the batch are the best of them, half are drawn at random among the
best M / 2^i, M the number of candidates and i that of the batch. After the last the predictor is trained once more, and the
rest of the budget goes down its ranking.

The authors select the predictor's epoch on 100 further trained networks (their configuration's ``validation_points``). Here
none is trained for that, and the epochs are fixed. One network per run, as theirs. Architectures of one function have one
score, computed once.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...bench import FloatArray, IntArray, WarmnasError
from ..optimizer import optimizers
from ..problem import Problem
from .predicting import BatchSearch, Grouped

if TYPE_CHECKING:
    from torch import Tensor

    from ...surrogates.predictors.brp_network import BRPNetwork

MOST = 200_000  # candidates to rank
MOST_TRAINED = 100  # of the budget, for training the predictor
CHUNK = 1024  # candidates at a time, which bounds the memory


@optimizers("brp")
class BRPSearch(BatchSearch):
    """Binary relation predictor with iterative data selection.

    Args:
        problem: what is searched.
        iterations: batches that train the predictor.
        alpha: share of a batch that is the best by prediction.
        epochs, width, layers: of the predictor.
    """

    def __init__(
        self,
        problem: Problem,
        iterations: int = 5,
        alpha: float = 0.5,
        epochs: int = 100,
        width: int = 64,
        layers: int = 4,
    ) -> None:
        from ...surrogates.predictors.brp import BRP

        if not (iterations >= 1 and 0 <= alpha <= 1):
            raise ValueError(f"iterations {iterations} must be at least 1, and alpha {alpha} a share")
        if len(problem.candidates) > MOST:
            raise WarmnasError(f"brp ranks every candidate, and there are {len(problem.candidates)}; take bananas or tpe")
        trained = max(min(MOST_TRAINED, 2 * problem.budget // 3), 2)
        batch = -(-trained // iterations)
        super().__init__(problem, batch, batch)
        self._predictor = BRP(problem.candidates.space, members=problem.runs, epochs=epochs, width=width, layers=layers)
        self._trained, self._iteration, self.alpha = trained, 0, alpha

    def following(self) -> IntArray:
        """Half the best, half at random among many good ones; when enough is trained, the ranking."""
        score = np.where(self.free, self._scores(), -np.inf)
        ranking = np.argsort(-score, axis=1, kind="stable")
        self._iteration += 1
        left = self._trained - self.evaluations
        if left <= 0:
            return ranking[:, : self.problem.budget - self.evaluations]
        free = int(self.free[0].sum())  # as many in every run
        size = min(self._batch, left, free)
        top = round(self.alpha * size)
        pool = min(max(len(self.problem.candidates) >> self._iteration, size), free)
        drawn = top + self.streams.random((len(self.runs), pool - top)).argsort(axis=1)[:, : size - top]
        return np.concatenate([ranking[:, :top], np.take_along_axis(ranking, drawn, axis=1)], axis=1)

    @cached_property
    def _classes(self) -> tuple[IntArray, IntArray]:
        """A candidate of every function, (functions,), and the function of every candidate, (candidates,)."""
        keys = self.problem.candidates.space.class_keys(self.problem.candidates.genotypes)
        _, first, of = np.unique(keys, return_index=True, return_inverse=True)
        return first, of

    @cached_property
    def _graphs(self) -> tuple[Tensor, Tensor]:
        """Labels (functions, nodes) and edges (functions, nodes, nodes), made once."""
        from ...surrogates.predictors.operation_graphs import operations_of

        space, genotypes = self.problem.candidates.space, self.problem.candidates.genotypes
        canonical = space.canonical(genotypes[self._classes[0]])
        spread = canonical[:: max(len(canonical) // 2000, 1)]
        self._predictor._operations = operations_of(space, spread)
        return self._predictor._graphs(canonical)

    def _scores(self) -> FloatArray:
        """Scores of all candidates by predictors trained on the results so far, (runs, candidates)."""
        import torch

        labels, edges = self._graphs
        network = self._trained_network(labels, edges)
        runs, parts = len(self.runs), []
        for start in range(0, len(labels), CHUNK):
            part = slice(start, start + CHUNK)
            with torch.no_grad():
                parts.append(network(labels[part].expand(runs, -1, -1), edges[part].expand(runs, -1, -1, -1)))
        scores: FloatArray = torch.cat(parts, dim=1).double().numpy()[:, self._classes[1]]
        return scores

    def _trained_network(self, labels: Tensor, edges: Tensor) -> BRPNetwork:
        import torch
        from torch.nn.functional import softplus

        from ...surrogates.predictors.brp_network import BRPNetwork
        from ...surrogates.predictors.ensemble import batches

        model, rng = self._predictor, Grouped(self.streams, len(self.runs), 1)
        network = model._build(rng)  # type: ignore[arg-type]
        assert isinstance(network, BRPNetwork)
        rows, y = torch.from_numpy(self._classes[1][self.rows]), torch.from_numpy(self.standardised().astype(np.float32))
        of = torch.arange(len(self.runs))[:, None]
        adam = torch.optim.AdamW(network.parameters(), lr=model.rate, weight_decay=model.decay, foreach=True)
        steps = model.epochs * -(-y.shape[1] // model.batch)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(adam, max(steps, 1))
        for _ in range(model.epochs):
            for part in batches(rng, model.members, y.shape[1], model.batch):  # type: ignore[arg-type]
                adam.zero_grad(set_to_none=True)
                here, truth = rows[of, part], y[of, part]
                scores = network(labels[here], edges[here])
                better = (truth[:, :, None] > truth[:, None, :]).float()
                losses = softplus(scores[:, None, :] - scores[:, :, None]) * better
                loss = (losses.sum(dim=(1, 2)) / better.sum(dim=(1, 2)).clamp(min=1)).sum()
                loss.backward()  # type: ignore[no-untyped-call]
                adam.step()
                cosine.step()
        return network
