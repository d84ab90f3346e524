"""Quantile transfer by a Gaussian copula (Salinas, Shen & Perrone, ICML 2020, arXiv 1909.13595).

Every source's values become z = Phi^-1(F(y)), F the empirical distribution cut off at delta and 1 - delta with
delta = 1 / (4 n^(1/4) sqrt(pi log n)), so that tasks of any metric and scale are one normal scale (section 3). A network
with parameters common to all sources gives a prior of z for every architecture,

    z(x) ~ N(mu(x), sigma(x)^2),

trained on the Gaussian log-likelihood of all sources' rows (section 4.1). On the target a Gaussian process models what is
left, r = (z - mu(x)) / sigma(x) (section 4.3; :mod:`warmnas.search.optimizers.copula`).

Sizes as in the authors' code: a linear layer and three of 50 units with ReLU and dropout .1, Adam at .01 on batches of 64,
three times so many updates with a step size divided by 5 in between, a tenth of the rows held out, and the weights kept
that had the least squared error on them. All runs' networks are trained side by side.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..bench import FloatArray, Genotypes, SearchSpace, UniformSource
from ..surrogates.batched import Linear
from .pooling import Source, once, thinned, usable

Float32 = npt.NDArray[np.float32]
CHUNK = 2048  # architectures at a time, which bounds the memory
CHECK = 100  # updates between looks at the rows held out
MOST = 20_000  # rows of a source
ROUNDS, DECAY = 3, 5.0


def winsorised_scores(values: FloatArray) -> FloatArray:
    """Phi^-1 of the cut-off empirical distribution within each run: (runs, n) -> (runs, n), larger being better."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    n = values.shape[1]
    if n == 1:
        return np.zeros(values.shape)
    delta = 1 / (4 * n**0.25 * math.sqrt(math.pi * math.log(n)))
    below = (rankdata(values, axis=1, method="min") - 1) / n
    scores: FloatArray = ndtri(np.clip(below, delta, 1 - delta))
    return scores


class CopulaPrior:
    """mu and sigma of every architecture, learned from the sources; 0 and 1 where there is none.

    Args:
        space: of the genotypes.
        runs: networks side by side.
        rng: uniform numbers, a row per run.
        steps: updates of each of the three rounds; the authors make 1,000, with the same results here.
        hidden: units of a layer.
        batch: rows of an update.
        rate: Adam's step size at the start.
        dropout: share of the units that an update leaves out.
    """

    def __init__(
        self,
        space: SearchSpace,
        runs: int,
        rng: UniformSource,
        steps: int = 300,
        hidden: int = 50,
        batch: int = 64,
        rate: float = 0.01,
        dropout: float = 0.1,
    ) -> None:
        self.space, self.runs, self.rng = space, runs, rng
        self.steps, self.hidden, self.batch, self.rate, self.dropout = steps, hidden, batch, rate, dropout
        self.network: CopulaNetwork | None = None

    def fit(self, sources: list[Source]) -> CopulaPrior:
        """Learn from genotypes (runs, rows, genes) and values (runs, rows) of each source."""
        kept = [thinned(source, MOST) for source in usable(sources, self.space)]
        if not kept:
            return self
        shared = all(once(source)[1].shape[0] == 1 for source in kept)
        parts = [once(source) for source in kept] if shared else kept
        genotypes = np.concatenate([genotypes for genotypes, _ in parts], axis=1)
        x = self.space.one_hot(genotypes).astype(np.float32)
        self._scaler = x.mean(axis=1, keepdims=True), np.maximum(x.std(axis=1, keepdims=True), 1e-6)
        y = np.concatenate([winsorised_scores(values) for _, values in parts], axis=1).astype(np.float32)
        self.network = CopulaNetwork(self.rng, self.runs, x.shape[-1], self.hidden)
        self._train(torch.from_numpy((x - self._scaler[0]) / self._scaler[1]), torch.from_numpy(y))
        return self

    def _train(self, x: Tensor, y: Tensor) -> None:
        """Fit to (runs or 1, rows, inputs) and (runs or 1, rows)."""
        assert self.network is not None
        runs, total = torch.arange(self.runs)[:, None], y.shape[1]
        of = runs if len(y) > 1 else torch.zeros_like(runs)
        order = torch.from_numpy(self.rng.random((self.runs, total)).argsort(axis=1))
        held, used = order[:, : total // 10], order[:, total // 10 :]
        best = _Best(self.network, self.runs)
        adam = torch.optim.Adam(self.network.parameters(), lr=self.rate, foreach=True)
        for step in range(ROUNDS * self.steps):
            for group in adam.param_groups:
                group["lr"] = self.rate / DECAY ** (step // self.steps)
            drawn = torch.from_numpy((self.rng.random((self.runs, self.batch)) * used.shape[1]).astype(np.int64))
            place = used[runs, drawn]
            mean, sigma = self.network(x[of, place], self._masks())
            loss = (sigma.log() + 0.5 * ((y[of, place] - mean) / sigma).square()).mean(dim=1).sum()
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            if held.shape[1] and (step % CHECK == CHECK - 1 or step == ROUNDS * self.steps - 1):
                some = held[:, :CHUNK]
                with torch.no_grad():
                    error = (self.network(x[of, some])[0] - y[of, some]).square().mean(dim=1)
                best.keep(error)
        best.restore()

    def _masks(self) -> list[Tensor]:
        """What dropout leaves of each layer's units, scaled: three of (runs, batch, hidden)."""
        u = self.rng.random((self.runs, LAYERS * self.batch * self.hidden)).astype(np.float32)
        kept = torch.from_numpy(u).view(self.runs, LAYERS, self.batch, self.hidden) >= self.dropout
        return list((kept.float() / (1 - self.dropout)).unbind(dim=1))

    def predict(self, genotypes: Genotypes) -> tuple[Float32, Float32]:
        """Parameters mu and sigma at genotypes (m, genes): two arrays (runs, m)."""
        if self.network is None:
            shape = (self.runs, len(genotypes))
            return np.zeros(shape, dtype=np.float32), np.ones(shape, dtype=np.float32)
        parts = []
        for start in range(0, len(genotypes), CHUNK):
            x = self.space.one_hot(genotypes[start : start + CHUNK]).astype(np.float32)
            scaled = torch.from_numpy((x - self._scaler[0]) / self._scaler[1])
            with torch.no_grad():
                parts.append(self.network(scaled.expand(self.runs, -1, -1)))
        mean, sigma = (torch.cat(part, dim=1).numpy() for part in zip(*parts, strict=True))
        return mean, sigma


LAYERS = 3


class CopulaNetwork(nn.Module):
    """(runs, batch, inputs) -> mean and deviation, two of (runs, batch)."""

    def __init__(self, rng: UniformSource, runs: int, inputs: int, hidden: int) -> None:
        super().__init__()
        sizes = [inputs, *[hidden] * (LAYERS + 1)]
        self.layers = nn.ModuleList(Linear(rng, runs, a, b) for a, b in pairwise(sizes))
        for layer, (a, b) in zip(self.layers, pairwise(sizes), strict=True):
            assert isinstance(layer, Linear)
            with torch.no_grad():
                layer.weight.mul_(math.sqrt(6 * a / (a + b)))  # Glorot's bound
        self.mean, self.sigma = Linear(rng, runs, hidden, 1), Linear(rng, runs, hidden, 1)

    def forward(self, x: Tensor, masks: list[Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Normal distributions of z; ``masks`` of dropout where it is trained."""
        x = self.layers[0](x)
        for i, layer in enumerate(self.layers[1:]):
            x = layer(x).relu()
            x = x if masks is None else x * masks[i]
        sigma = nn.functional.softplus(self.sigma(x)) + 1e-4
        return self.mean(x).squeeze(-1), sigma.squeeze(-1)


class _Best:
    """The weights with the least error so far, run by run."""

    def __init__(self, network: nn.Module, runs: int) -> None:
        self._network = network
        self._error = torch.full((runs,), torch.inf)
        self._state = {name: value.detach().clone() for name, value in network.state_dict().items()}

    def keep(self, error: Tensor) -> None:
        """Take over the weights of the runs whose error (runs,) is lower than before."""
        better = error < self._error
        self._error = torch.where(better, error, self._error)
        for name, value in self._network.state_dict().items():
            self._state[name][better] = value[better]

    def restore(self) -> None:
        """Give the network those weights, unless it was never looked at."""
        if torch.isfinite(self._error).all():
            self._network.load_state_dict(self._state)
