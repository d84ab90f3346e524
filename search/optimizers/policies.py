"""Distributions over genotypes that a policy gradient moves, one for every run in lock-step.

``Factorised`` has independent logits for every gene, as in NAS-Bench-201's own REINFORCE; ``Recurrent`` is the controller
of Zoph & Le (ICLR 2017): two LSTM layers of 35 units, a gene per step, its embedding the next input, all parameters uniform
in [-.08, .08]. Parameters have a leading runs axis; run r is what it would be alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator

import numpy as np
import torch
from torch import Tensor

from ...bench import FloatArray, Genotypes, SearchSpace, UniformSource
from ...surrogates.batched import uniform

Steps = Generator[Tensor, Tensor, None]
UNITS, LAYERS, BOUND = 35, 2, 0.08
SMALL = 1e-3  # bound of the first logits of a factorised policy


class Policy(ABC):
    """A distribution over a space's genotypes for every run; ``parameters`` are (runs, ...)."""

    def __init__(self, space: SearchSpace) -> None:
        self.choices = [int(c) for c in space.cardinalities]
        self.parameters: list[Tensor] = []

    @abstractmethod
    def steps(self) -> Steps:
        """Logits (runs, choices) gene after gene; takes what was drawn for the gene, (runs,), by ``send``."""

    @torch.no_grad()
    def draw(self, u: FloatArray) -> Genotypes:
        """A genotype per run from uniform numbers (runs, genes): (runs, genes)."""
        walk, drawn = self.steps(), []
        logits = next(walk)
        for gene in range(len(self.choices)):
            below = logits.double().softmax(dim=1).cumsum(dim=1).numpy()
            drawn.append(np.minimum((u[:, gene, None] >= below).sum(axis=1), self.choices[gene] - 1))
            if gene + 1 < len(self.choices):
                logits = walk.send(torch.from_numpy(drawn[-1]))
        rows: Genotypes = np.stack(drawn, axis=1).astype(np.int8)
        return rows

    def log_probability(self, genotypes: Genotypes) -> Tensor:
        """Of a genotype per run, (runs, genes) -> (runs,), with gradients to the parameters."""
        given = torch.from_numpy(genotypes.astype(np.int64))
        walk = self.steps()
        logits, total = next(walk), torch.zeros(len(given))
        for gene in range(len(self.choices)):
            total = total + logits.log_softmax(dim=1).gather(1, given[:, gene, None])[:, 0]
            if gene + 1 < len(self.choices):
                logits = walk.send(given[:, gene])
        return total


class Factorised(Policy):
    """Independent genes."""

    def __init__(self, space: SearchSpace, runs: int, rng: UniformSource) -> None:
        super().__init__(space)
        self.parameters = [uniform(rng, (runs, c), SMALL) for c in self.choices]

    def steps(self) -> Steps:
        """See :class:`Policy`."""
        for logits in self.parameters:  # noqa: UP028 - "yield from" would hand what is sent to the list
            yield logits


class Recurrent(Policy):
    """The LSTM controller; a run's layers see only that run's choices."""

    def __init__(self, space: SearchSpace, runs: int, rng: UniformSource) -> None:
        super().__init__(space)
        self.runs = torch.arange(runs)
        shapes: list[tuple[int, ...]] = [(1, UNITS)]
        shapes += [shape for _ in range(LAYERS) for shape in ((2 * UNITS, 4 * UNITS), (1, 4 * UNITS))]
        shapes += [(c, UNITS) for c in self.choices[:-1]]
        shapes += [shape for c in self.choices for shape in ((UNITS, c), (1, c))]
        self.parameters = [uniform(rng, (runs, *shape), BOUND) for shape in shapes]
        cut = 1 + 2 * LAYERS
        self.first, self.layers = self.parameters[0], self.parameters[1:cut]
        self.embeddings = self.parameters[cut : cut + len(self.choices) - 1]
        self.heads = self.parameters[cut + len(self.choices) - 1 :]

    def steps(self) -> Steps:
        """See :class:`Policy`."""
        x, zero = self.first, torch.zeros_like(self.first)
        state = [(zero, zero) for _ in range(LAYERS)]
        for gene in range(len(self.choices)):
            for i in range(LAYERS):
                state[i] = self._cell(i, x, *state[i])
                x = state[i][0]
            weight, bias = self.heads[2 * gene : 2 * gene + 2]
            drawn = yield torch.baddbmm(bias, x, weight)[:, 0]
            if gene + 1 < len(self.choices):
                x = self.embeddings[gene][self.runs, drawn][:, None]

    def _cell(self, layer: int, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """One step of an LSTM layer, all tensors (runs, 1, units)."""
        weight, bias = self.layers[2 * layer : 2 * layer + 2]
        into, forget, out, new = torch.baddbmm(bias, torch.cat([x, hidden], dim=2), weight).chunk(4, dim=2)
        cell = forget.sigmoid() * cell + into.sigmoid() * new.tanh()
        return out.sigmoid() * cell.tanh(), cell


POLICIES: dict[str, type[Factorised] | type[Recurrent]] = {"lstm": Recurrent, "factorised": Factorised}


class Adam:
    """Adam (Kingma & Ba 2015) whose runs step alone: a run that does not step keeps its moments.

    Args:
        parameters: (runs, ...) each.
        rate: step size.
    """

    def __init__(self, parameters: list[Tensor], rate: float) -> None:
        self.parameters, self.rate = parameters, rate
        self.first = [torch.zeros_like(p) for p in parameters]
        self.second = [torch.zeros_like(p) for p in parameters]
        self.count = torch.zeros(len(parameters[0]))

    @torch.no_grad()
    def step(self, gradients: list[Tensor], who: Tensor) -> None:
        """Against the gradients, for the runs ``who``, bool (runs,)."""
        self.count += who
        for p, g, m, v in zip(self.parameters, gradients, self.first, self.second, strict=True):
            shape = (-1,) + (1,) * (p.dim() - 1)
            on, count = who.reshape(shape), self.count.clamp(min=1).reshape(shape)
            m.copy_(torch.where(on, 0.9 * m + 0.1 * g, m))
            v.copy_(torch.where(on, 0.999 * v + 0.001 * g.square(), v))
            move = (m / (1 - 0.9**count)) / ((v / (1 - 0.999**count)).sqrt() + 1e-8)
            p -= self.rate * move * on
