"""XferNAS (Wistuba, ECML-PKDD 2020, arXiv 1907.08307): NAO whose predictor knows several tasks.

The score of an architecture with embedding e on task i is

    g_i(e) = f_u(e) + r_i(e),

a universal network, shared by all tasks, plus a residual per task. The residual's last layer starts at zero and
beta * mean(r_i^2) holds it there, so a new task starts at what is true of all sources and drifts from it only as evidence
arrives. Encoder and decoder are shared. Loss: alpha * squared error + (1 - alpha) * reconstruction + beta * mean r^2.

Every task's values enter as normal scores of their ranks. A new task has few results and those are of a chosen, good part
of the space: ranks among them say nothing of where they stand among all architectures. So their scores are moved and
stretched to the mean and the deviation that the sources predict for the same architectures: a result changes the order that
the network believes in, not its level, and one result alone changes nothing. With n results the deviation is at least
(n - 1) / (n - 1 + 20), so that a target that disagrees with its sources is heard in the end.

Without sources there is one task and no residual: what remains is NAO.
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from torch import Tensor, nn

from ..bench import FloatArray, Genotypes, SearchSpace, UniformSource
from ..surrogates.acquisition import normal_scores
from ..surrogates.batched import MLP
from ..surrogates.nao import NAO, SIZES, pick_rows

TRUST = 20  # results at which a target's scores are spread by half of what a random sample's would be
Batch = tuple[int, Tensor, Tensor]  # task, tokens (runs, b, steps), scores (runs, b)


class XferNAS(NAO):
    """NAO with a universal network and residuals; see :class:`~warmnas.surrogates.nao.NAO` for the other arguments.

    Args:
        beta: weight of the residuals' mean square.
        source_rate: step size at the start of the training on the sources; it falls to 0 along a cosine.
    """

    def __init__(
        self,
        space: SearchSpace,
        runs: int,
        rng: UniformSource,
        size: str = "small",
        alpha: float = 0.8,
        rate: float = 4e-3,
        batch: int = 64,
        beta: float = 0.3,
        source_rate: float = 1.2e-2,
    ) -> None:
        super().__init__(space, runs, rng, size, alpha, rate, batch)
        self.beta = beta
        self.source_rate = source_rate
        self.tasks = 0

    def fit_sources(self, sources: list[tuple[Genotypes, FloatArray]], steps: int) -> XferNAS:
        """Train on the source tasks: per task genotypes (runs, n, genes) and values (runs, n), n of its own."""
        self.start()
        self.tasks = len(sources)
        if not sources:
            return self
        size = SIZES[self.size]
        bank = [MLP(self.rng, self.runs, size.hidden, size.hidden, 1, zero=True) for _ in range(self.tasks + 1)]
        self.residuals = nn.ModuleList(bank)  # one per source, the last one for the target
        self.network.add_module("residuals", self.residuals)
        self._restart_optimizer()
        self._sources = [(self._tokens(g), _scores(v)) for g, v in sources]
        for step in range(steps):
            self._set_rate(0.5 * self.source_rate * (1 + math.cos(math.pi * step / steps)))
            self._step(self._joint_loss(self._source_batch(self.batch)))
        self._set_rate(self.rate)
        self._prior = copy.deepcopy(self.network).requires_grad_(False)
        return self

    def _set_rate(self, rate: float) -> None:
        for group in self._adam.param_groups:
            group["lr"] = rate

    def adapt(self, genotypes: Genotypes, values: FloatArray, steps: int) -> XferNAS:
        """Refit with the target's results so far, (runs, n, genes) and (runs, n), beside the sources."""
        if not self.tasks:
            self.fit(genotypes, values, steps)
            return self
        tokens = self._tokens(genotypes)
        scores = self._matched_scores(tokens, values)
        for _ in range(steps):
            part = self._minibatch(values.shape[1], self.batch // 2)
            target = (self.tasks, pick_rows(tokens, part), pick_rows(scores, part))
            self._step(self._joint_loss([*self._source_batch(self.batch // 2), target]))
        return self

    def _matched_scores(self, tokens: Tensor, values: FloatArray) -> Tensor:
        with torch.no_grad():
            believed = self._prior.predict(self._prior.encode(tokens))
        scores = _scores(values)
        deviation = scores.std(dim=1, correction=0, keepdim=True).clamp(min=1e-6)
        scores = (scores - scores.mean(dim=1, keepdim=True)) / deviation
        n = values.shape[1]
        stretch = believed.std(dim=1, correction=0, keepdim=True).clamp(min=(n - 1) / (n - 1 + TRUST))
        return scores * stretch + believed.mean(dim=1, keepdim=True)

    def _source_batch(self, rows: int) -> list[Batch]:
        each = max(rows // self.tasks, 1)
        batches = []
        for task, (tokens, scores) in enumerate(self._sources):
            part = self._minibatch(scores.shape[1], each)
            batches.append((task, pick_rows(tokens, part), pick_rows(scores, part)))
        return batches

    def _joint_loss(self, batches: list[Batch]) -> Tensor:
        """Loss of some tasks together; the target counts as much as all sources, so each of its few rows weighs more."""
        tokens = torch.cat([t for _, t, _ in batches], dim=1)
        code = self.network.encode(tokens)
        embedding = self.network.pool(code)
        universal = self.network.predictor(embedding)
        loss = (1 - self.alpha) * self._reconstruction(code, tokens)
        end = 0
        for task, _, scores in batches:
            part = slice(end, end := end + scores.shape[1])
            residual = self.residuals[task](embedding[:, part])
            error = (universal[:, part] + residual - scores).square().mean(dim=1).sum()
            weight = 1.0 if task == self.tasks else 1 / self.tasks
            loss = loss + weight * (self.alpha * error + self.beta * residual.square().mean(dim=1).sum())
        return loss

    def _score(self, code: Tensor) -> Tensor:
        if not self.tasks:
            return self.network.predict(code)
        embedding = self.network.pool(code)
        score: Tensor = self.network.predictor(embedding) + self.residuals[self.tasks](embedding)
        return score


def _scores(values: FloatArray) -> Tensor:
    """Normal scores; values that are the same for every run (a broadcast) are ranked once."""
    if values.strides[0] == 0:
        once = torch.from_numpy(normal_scores(values[:1]).astype(np.float32))
        return once.expand(values.shape)
    return torch.from_numpy(normal_scores(values).astype(np.float32))
