"""Layers for many independent networks at once: every parameter and activation has a leading runs axis.

A study trains the same small network for thirty runs, each on its own data. One by one that is thirty times the overhead of
the framework; stacked, each step is one batched matrix product. Runs do not mix: run r of a stack computes what it would
compute alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from ..bench import UniformSource


def uniform(rng: UniformSource, shape: tuple[int, ...], bound: float) -> nn.Parameter:
    """A parameter (runs, ...), uniform in [-bound, bound], each run's part from its own stream."""
    drawn = rng.random((shape[0], math.prod(shape[1:]))).reshape(shape)
    return nn.Parameter(torch.from_numpy(((2 * drawn - 1) * bound).astype(np.float32)))


class Linear(nn.Module):
    """(runs, batch, inputs) -> (runs, batch, outputs)."""

    def __init__(self, rng: UniformSource, runs: int, inputs: int, outputs: int, zero: bool = False) -> None:
        super().__init__()
        bound = 0.0 if zero else 1 / math.sqrt(inputs)
        self.weight = uniform(rng, (runs, inputs, outputs), bound)
        self.bias = uniform(rng, (runs, 1, outputs), bound)

    def forward(self, x: Tensor) -> Tensor:
        """Affine map of each run."""
        return torch.baddbmm(self.bias, x, self.weight)


class MLP(nn.Module):
    """ReLU layers and a linear one: (runs, batch, inputs) -> (runs, batch). ``zero`` makes its first output 0."""

    def __init__(self, rng: UniformSource, runs: int, inputs: int, hidden: int, layers: int, zero: bool = False) -> None:
        super().__init__()
        sizes = [inputs, *[hidden] * layers]
        self.hidden = nn.ModuleList(Linear(rng, runs, a, b) for a, b in pairwise(sizes))
        self.out = Linear(rng, runs, sizes[-1], 1, zero=zero)

    def forward(self, x: Tensor) -> Tensor:
        """One number per row."""
        for layer in self.hidden:
            x = layer(x).relu()
        out: Tensor = self.out(x)
        return out.squeeze(-1)


class Embedding(nn.Module):
    """Tokens (runs, ...) -> (runs, ..., size)."""

    def __init__(self, rng: UniformSource, runs: int, vocabulary: int, size: int) -> None:
        super().__init__()
        self.weight = uniform(rng, (runs, vocabulary, size), 0.1 * math.sqrt(3))

    def forward(self, tokens: Tensor) -> Tensor:
        """The vector of each token, in its run's own table."""
        runs, vocabulary, size = self.weight.shape
        offset = torch.arange(runs).view(-1, *[1] * (tokens.dim() - 1)) * vocabulary
        return nn.functional.embedding(tokens + offset, self.weight.view(-1, size))


class LSTM(nn.Module):
    """One layer: (runs, batch, steps, inputs) -> outputs (runs, batch, steps, hidden)."""

    def __init__(self, rng: UniformSource, runs: int, inputs: int, hidden: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(hidden)
        self.input = uniform(rng, (runs, inputs, 4 * hidden), bound)
        self.recurrent = uniform(rng, (runs, hidden, 4 * hidden), bound)
        self.bias = uniform(rng, (runs, 1, 4 * hidden), bound)

    def forward(self, x: Tensor, h: Tensor | None = None, c: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Outputs of all steps and the last state, from zeros or from state (runs, batch, hidden)."""
        runs, batch, steps, inputs = x.shape
        hidden = self.recurrent.shape[1]
        projected = torch.baddbmm(self.bias, x.reshape(runs, batch * steps, inputs), self.input)
        gates_of_x = projected.view(runs, batch, steps, 4 * hidden).unbind(2)
        h = x.new_zeros(runs, batch, hidden) if h is None else h
        c = x.new_zeros(runs, batch, hidden) if c is None else c
        outputs = []
        for gates in gates_of_x:
            before = torch.baddbmm(gates, h, self.recurrent)
            i, f, o = before[..., : 3 * hidden].sigmoid().chunk(3, dim=-1)
            c = f * c + i * before[..., 3 * hidden :].tanh()
            h = o * c.tanh()
            outputs.append(h)
        return torch.stack(outputs, dim=2), h, c


def clip_gradients(parameters: Iterable[nn.Parameter], limit: float) -> None:
    """Scale the gradient of each run to a norm of at most ``limit``, run by run."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    runs = gradients[0].shape[0]
    norm = torch.stack([g.reshape(runs, -1).square().sum(dim=1) for g in gradients]).sum(dim=0).sqrt()
    scale = (limit / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale.view(-1, *[1] * (gradient.dim() - 1)))
