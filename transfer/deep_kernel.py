"""A Gaussian process on learned features whose kernel is meta-learned on source tasks.

FSBO (Wistuba & Grabocka, "Few-shot Bayesian optimization with deep kernel surrogates", ICLR 2021) and TNAS (Shala, Elsken,
Hutter & Grabocka, "Transfer NAS with meta-learned Bayesian surrogates", ICLR 2023): a network phi reads an encoding of the
architecture,

    k(x, x') = s^2 Matern-5/2(|phi(x) - phi(x')|),   noise of variance s^2 nu,

and phi and nu are trained by the marginal likelihood of small batches of one source task after another. A new task starts
from what was learned, and phi and nu are fine-tuned by the marginal likelihood of its own results.

Mean and s^2 are in closed form (Rasmussen & Williams 2006, equation 2.30 with s^2 profiled out), so the loss does not
change with the scale of a task's values, which FSBO's augmentation of the labels is for. Values enter as normal scores. The
features are an MLP's on any encoding of the space, of the size of FSBO's code (four layers of 32). TNAS has a graph encoder
and a set encoder of the images in its place; here the features are learned without the data set, and all sources share one
kernel.
"""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..bench import FloatArray, Genotypes, IntArray, SearchSpace, UniformSource
from ..surrogates.acquisition import normal_scores
from ..surrogates.batched import Linear
from .pooling import Source, once, thinned, usable

Float32 = npt.NDArray[np.float32]
CHUNK = 4096  # candidates at a time, which bounds the memory
MOST = 2000  # rows of a source to draw batches from
CONDITION = 200  # rows of a source that its own posterior is made of
NOISE = (1e-3, 1.0)  # least and largest nu
TRUST = 3.0  # results that the scale 1 of normal scores counts for in the predicted deviation


class DeepKernelGP:
    """The process over fixed candidates, for many runs at once.

    Args:
        space: of the genotypes.
        candidates: genotypes (candidates, genes).
        runs: networks side by side.
        rng: uniform numbers, a row per run.
        encoding: which of the space's encodings phi reads.
        width: units of each of the ``layers`` of phi.
        rate: Adam's step size on the sources at the start, a cosine leads to 0; a tenth of it for the target.
        batch: rows of a step.
    """

    def __init__(
        self,
        space: SearchSpace,
        candidates: Genotypes,
        runs: int,
        rng: UniformSource,
        encoding: str = "one-hot",
        width: int = 32,
        layers: int = 4,
        rate: float = 1e-2,
        batch: int = 50,
    ) -> None:
        self.space, self.runs, self.rng, self.encoding = space, runs, rng, encoding
        self.rate, self.batch = rate, batch
        self._candidates = self._encoded(candidates)
        self.kernel = DeepKernel(rng, runs, self._candidates.shape[-1], width, layers)
        self._learned = copy.deepcopy(self.kernel.state_dict())
        self.sources: list[tuple[Tensor, Tensor]] = []

    def _encoded(self, genotypes: Genotypes) -> Tensor:
        x = np.asarray(self.space.encode(genotypes, self.encoding), dtype=np.float32)
        return torch.from_numpy(x.reshape(*genotypes.shape[:-1], -1))

    def fit_sources(self, sources: list[Source], steps: int) -> DeepKernelGP:
        """Train phi and nu on genotypes (runs, rows, genes) and values (runs, rows) of each source, in turn."""
        for source in usable(sources, self.space):
            genotypes, values = once(thinned(source, MOST))
            self.sources.append((self._encoded(genotypes), torch.from_numpy(normal_scores(values))))
        adam = torch.optim.Adam(self.kernel.parameters(), lr=self.rate, foreach=True)
        for step in range(steps if self.sources else 0):
            for group in adam.param_groups:
                group["lr"] = 0.5 * self.rate * (1 + math.cos(math.pi * step / steps))
            x, y = self.sources[step % len(self.sources)]
            drawn = self.rng.random((self.runs, y.shape[1])).argsort(axis=1)[:, : self.batch]
            self._descend(adam, *_rows(x, y, torch.from_numpy(drawn)))
        self._learned = copy.deepcopy(self.kernel.state_dict())
        return self

    def _descend(self, adam: torch.optim.Optimizer, x: Tensor, y: Tensor) -> None:
        adam.zero_grad(set_to_none=True)
        # The sum over runs: each has the gradient of its own loss.
        self.kernel.loss(x, y).sum().backward()  # type: ignore[no-untyped-call]
        adam.step()

    def predict_sources(self, genotypes: Genotypes) -> FloatArray:
        """Mean of each source's own posterior at genotypes (runs, m, genes): (runs, sources, m)."""
        x, means = self._encoded(genotypes), []
        with torch.no_grad():
            new = self.kernel.features(x)
            for seen, y in self.sources:
                some = torch.arange(min(CONDITION, y.shape[1])).expand(self.runs, -1)
                part, told = _rows(seen, y, some)
                posterior = Posterior(self.kernel, part, told)
                means.append(posterior.at(posterior.covariance(new))[0].numpy())
        return np.stack(means, axis=1)

    def adapt(self, rows: IntArray, values: FloatArray, steps: int) -> DeepKernelGP:
        """Fine-tune what the sources taught to the target's results: candidates (runs, n) and values (runs, n)."""
        self.kernel.load_state_dict(self._learned)
        x, y = self._candidates[torch.from_numpy(rows)], torch.from_numpy(normal_scores(values))
        adam = torch.optim.Adam(self.kernel.parameters(), lr=0.1 * self.rate, foreach=True)
        for _ in range(steps):
            self._descend(adam, x, y)
        with torch.no_grad():
            parts = [self.kernel.features(part.expand(self.runs, -1, -1)) for part in torch.split(self._candidates, CHUNK)]
        self._features = torch.cat(parts, dim=1)
        self._covariance = torch.empty(self.runs, 0, self._features.shape[1])
        return self.observe(rows, values)

    def observe(self, rows: IntArray, values: FloatArray) -> DeepKernelGP:
        """Take in all results so far, (runs, n) and (runs, n), with the features as they are."""
        place = torch.from_numpy(rows)
        with torch.no_grad():
            x, y = self._candidates[place], torch.from_numpy(normal_scores(values))
            self._posterior = Posterior(self.kernel, x, y)
            known = self._covariance.shape[1]
            new = self._features[torch.arange(self.runs)[:, None], place[:, known:]]
            self._covariance = torch.cat([self._covariance, matern(new, self._features)], dim=1)
        return self

    def predict(self) -> tuple[Float32, Float32]:
        """Mean and standard deviation at every candidate, two arrays (runs, candidates)."""
        with torch.no_grad():
            mean, deviation = self._posterior.at(self._covariance)
        return mean.numpy(), deviation.numpy()


def _rows(x: Tensor, y: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Some rows of each run, of data (runs or 1, rows, ...) that runs may share."""
    of = torch.arange(len(rows))[:, None] if len(y) > 1 else torch.zeros(len(rows), 1, dtype=torch.int64)
    return x[of, rows], y[of, rows]


class DeepKernel(nn.Module):
    """The features phi and the noise nu of many runs."""

    def __init__(self, rng: UniformSource, runs: int, inputs: int, width: int, layers: int) -> None:
        super().__init__()
        sizes = [inputs, *[width] * layers]
        self.layers = nn.ModuleList(Linear(rng, runs, a, b) for a, b in pairwise(sizes))
        self.noise = nn.Parameter(torch.full((runs,), math.log(0.05)))

    def features(self, x: Tensor) -> Tensor:
        """Encodings (runs, n, inputs) -> phi (runs, n, width)."""
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        out: Tensor = self.layers[-1](x)
        return out

    def factor(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features of (runs, n, inputs), and the Cholesky factor of their kernel with noise, (runs, n, n), in double."""
        z = self.features(x)
        nu = self.noise.exp().clamp(*NOISE).double()
        kernel = matern(z, z).double() + nu[:, None, None] * torch.eye(z.shape[1], dtype=torch.float64)
        return z, torch.linalg.cholesky(kernel)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Negative log marginal likelihood per row, s^2 profiled out: (runs, n, inputs) and (runs, n) -> (runs,)."""
        _, factor = self.factor(x)
        white = torch.linalg.solve_triangular(factor, centred(y)[..., None], upper=False)[..., 0]
        scale = white.square().mean(dim=1).clamp(min=1e-12)
        loss: Tensor = 0.5 * scale.log() + factor.diagonal(dim1=1, dim2=2).log().mean(dim=1)
        return loss


class Posterior:
    """What a kernel and some results say, in single precision where it is many numbers."""

    def __init__(self, kernel: DeepKernel, x: Tensor, y: Tensor) -> None:
        self._z, factor = kernel.factor(x)
        white = torch.linalg.solve_triangular(factor, centred(y)[..., None], upper=False)[..., 0]
        eye = torch.eye(y.shape[1], dtype=torch.float64).expand_as(factor)
        self._inverse = torch.linalg.solve_triangular(factor, eye, upper=False).float()
        self._white = white.float()[:, None]
        self._mean = y.mean(dim=1, keepdim=True).float()
        # Few results do not tell the scale: normal scores of a random sample have 1, which counts as some more.
        scale = (white.square().sum(dim=1, keepdim=True) + TRUST) / (y.shape[1] + TRUST)
        self._scale = scale.float()

    def covariance(self, z: Tensor) -> Tensor:
        """With features (runs, m, width): (runs, n, m)."""
        return matern(self._z, z)

    def at(self, covariance: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation where the covariances with the results are (runs, n, m): two of (runs, m)."""
        explained = self._inverse @ covariance
        mean = self._mean + (self._white @ explained)[:, 0]
        deviation = ((1 - explained.square().sum(dim=1)).clamp(min=1e-6) * self._scale).sqrt()
        return mean, deviation


def centred(y: Tensor) -> Tensor:
    """Values (runs, n) less their mean."""
    return y - y.mean(dim=1, keepdim=True)


def matern(one: Tensor, other: Tensor) -> Tensor:
    """Matern-5/2 of the distances between (runs, n, width) and (runs, m, width): (runs, n, m)."""
    squares = one.square().sum(dim=2)[:, :, None] + other.square().sum(dim=2)[:, None]
    squared = torch.baddbmm(squares, one, other.transpose(1, 2), alpha=-2.0).clamp(min=0)
    scaled = math.sqrt(5) * (squared + 1e-10).sqrt()  # the root has no slope at 0
    return (1 + scaled + scaled.square() / 3) * torch.exp(-scaled)
