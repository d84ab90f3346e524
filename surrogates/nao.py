"""NAO as a predictor: fit on architectures and values, predict, and propose better ones by moving codes.

Loss: alpha * squared error + (1 - alpha) * negative log-likelihood of the tokens, alpha = 0.8 (the released code; the paper
says 0.9), Adam with weight decay 1e-4, gradient norm at most 5. Scores stand in for accuracies: the predictor learns normal
scores of the ranks instead of the min-max normalised accuracy behind a sigmoid, which flattens exactly where the best
architectures are. The paper's dropout is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from ..bench import FloatArray, Genotypes, SearchSpace, UniformSource
from .acquisition import normal_scores
from .batched import clip_gradients
from .estimator import Estimator
from .nao_network import NAONetwork

WEIGHT_DECAY = 1e-4
GRADIENT_NORM = 5.0


@dataclass(frozen=True)
class Size:
    """Sizes of the networks; see :class:`NAONetwork`."""

    embedding: int
    hidden: int
    head: int
    layers: int


SIZES = {"small": Size(16, 32, 64, 1), "paper": Size(48, 96, 200, 3)}


class NAO(Estimator):
    """NAO's networks for ``runs`` independent runs.

    Args:
        space: of the genotypes.
        runs: independent networks; arrays have this leading axis.
        rng: all randomness; its rows are the runs.
        size: ``small`` or ``paper``.
        alpha: weight of the prediction against the reconstruction.
        rate: Adam's step size.
        batch: rows per training step.
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
    ) -> None:
        self.space = space
        self.runs = runs
        self.rng = rng
        self.size = size
        self.alpha = alpha
        self.rate = rate
        self.batch = batch

    def start(self) -> None:
        """Draw the initial weights."""
        size = SIZES[self.size]
        self.network = NAONetwork(self.space, self.runs, self.rng, **vars(size))
        self._restart_optimizer()

    def _restart_optimizer(self) -> None:
        self._adam = torch.optim.Adam(self.network.parameters(), lr=self.rate, weight_decay=WEIGHT_DECAY, foreach=True)

    def fit(self, genotypes: Genotypes, values: FloatArray, steps: int = 200) -> NAO:
        """Train from where the networks stand on (runs, n, genes) and (runs, n); larger values are better."""
        if not hasattr(self, "network"):
            self.start()
        tokens = self._tokens(genotypes)
        scores = torch.from_numpy(normal_scores(values).astype(np.float32))
        for _ in range(steps):
            part = self._minibatch(values.shape[1], self.batch)
            self._step(self._loss(pick_rows(tokens, part), pick_rows(scores, part)))
        return self

    def predict(self, genotypes: Genotypes) -> FloatArray:
        """Predicted scores of (runs, m, genes): (runs, m)."""
        with torch.no_grad():
            return self._score(self.network.encode(self._tokens(genotypes))).numpy().astype(np.float64)

    def improve(self, genotypes: Genotypes, steps: tuple[float, ...]) -> Genotypes:
        """Move the codes of (runs, m, genes) by each step length and decode: (runs, m * len(steps), genes).

        The gradient of each code is scaled to norm 1 per token before it is multiplied by the step length, so that a step
        means the same however flat the predictor is.
        """
        with torch.no_grad():
            code = self.network.encode(self._tokens(genotypes))
        code.requires_grad_(True)
        (gradient,) = torch.autograd.grad(self._score(code).sum(), code)
        with torch.no_grad():
            direction = normalize(gradient.flatten(2), dim=-1).view_as(gradient) * np.sqrt(code.shape[2])
            moved = [normalize(code + length * direction, dim=-1) for length in steps]
            genes = self.network.decode(torch.cat(moved, dim=1))
        return genes.numpy().astype(np.int8)

    def _score(self, code: Tensor) -> Tensor:
        """What is predicted for the target: (runs, batch)."""
        return self.network.predict(code)

    def _tokens(self, genotypes: Genotypes) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.space.tokens(genotypes)))

    def _minibatch(self, rows: int, size: int) -> Tensor:
        """Rows to train on, with repetition: (runs, at most size). All rows, in order, where they are fewer."""
        if rows <= size:
            return torch.arange(rows).expand(self.runs, rows)
        return torch.from_numpy((self.rng.random((self.runs, size)) * rows).astype(np.int64))

    def _loss(self, tokens: Tensor, scores: Tensor) -> Tensor:
        code = self.network.encode(tokens)
        error = (self.network.predict(code) - scores).square().mean(dim=1).sum()
        return self.alpha * error + (1 - self.alpha) * self._reconstruction(code, tokens)

    def _reconstruction(self, code: Tensor, tokens: Tensor) -> Tensor:
        """Negative log-likelihood per token, summed over runs."""
        logits = self.network.logits(code, tokens)
        return cross_entropy(logits.flatten(0, 2), tokens.flatten(), reduction="mean") * len(tokens)

    def _step(self, loss: Tensor) -> None:
        self._adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        clip_gradients(self.network.parameters(), GRADIENT_NORM)
        self._adam.step()


def pick_rows(values: Tensor, rows: Tensor) -> Tensor:
    """Pick rows (runs, b) out of (runs, n, ...)."""
    return values[torch.arange(len(values))[:, None], rows]
