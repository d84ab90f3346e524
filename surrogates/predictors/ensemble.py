"""What predictors made of several small torch networks share: members side by side, a fitted scale, files of weights.

All members are one stack of networks (``surrogates/batched``): each has its own initial weights and order of batches, and
one step of all is one batched product. A method may learn to order architectures only: its scores are brought to the scale
of the values by least squares on what it was fitted on.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from ...bench import FloatArray, Genotypes, IntArray
from .predictor import Arrays, Predictor

if TYPE_CHECKING:
    from torch import nn

CHUNK = 2048  # architectures at a time, which bounds the memory


class Ensemble(Predictor):
    """The mean of ``members`` networks, and the deviation between them, however they were fitted."""

    members: int

    @abstractmethod
    def _build(self, rng: np.random.Generator) -> nn.Module:
        """The untrained stack; all that it draws comes from ``rng``."""

    @abstractmethod
    def _scores(self, network: nn.Module, genotypes: Genotypes) -> FloatArray:
        """A number of each member for each architecture, larger for larger values: (members, n)."""

    def _predict(self, genotypes: Genotypes) -> tuple[FloatArray, FloatArray]:
        parts = [genotypes[start : start + CHUNK] for start in range(0, len(genotypes), CHUNK)]
        scores = np.concatenate([self._scores(self._network, part) for part in parts], axis=1)
        each = self._line[0][:, None] * scores + self._line[1][:, None]
        return each.mean(axis=0), each.std(axis=0)

    def _learned(self) -> Arrays:
        weights = {f"weight {name}": value.numpy() for name, value in self._network.state_dict().items()}
        return {**weights, "line": self._line, **self._more()}

    def _restore(self, arrays: Arrays) -> None:
        import torch

        self._restore_more(arrays)
        self._network = self._build(np.random.default_rng(self.seed))
        prefix = "weight "
        state = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
        self._network.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
        self._line = arrays["line"].reshape(2, self.members).astype(np.float64)

    def _more(self) -> Arrays:
        """What else the network needs to be built again."""
        return {}

    def _restore_more(self, arrays: Arrays) -> None:
        """Take it back."""


class EnsemblePredictor(Ensemble):
    """Networks that are fitted to genotypes and a value of each."""

    @abstractmethod
    def _train(self, network: nn.Module, genotypes: Genotypes, values: FloatArray, rng: np.random.Generator) -> None:
        """Train the stack on (n, genes) and standardised values (n,)."""

    def _fit(self, genotypes: Genotypes, values: FloatArray) -> None:
        rng = np.random.default_rng(self.seed)
        self._network = self._build(rng)
        self._train(self._network, genotypes, values, rng)
        scores = self._scores(self._network, genotypes)
        spread = scores.std(axis=1)
        slope = ((scores - scores.mean(axis=1, keepdims=True)) * values).mean(axis=1) / np.maximum(spread, 1e-12) ** 2
        self._line = np.stack([slope, -slope * scores.mean(axis=1)])


def batches(rng: np.random.Generator, members: int, rows: int, size: int) -> list[IntArray]:
    """An epoch: every member's own order of the rows, in batches (members, at most size)."""
    order = rng.random((members, rows)).argsort(axis=1)
    return [order[:, start : start + size] for start in range(0, rows, size)]
