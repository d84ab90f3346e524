"""Random numbers for many runs in lock-step: one child stream per run, drawn in blocks.

A run's numbers depend on its own seed and on how many were drawn, never on how many other runs there are. So the r-th
of a hundred runs is bit for bit the single run with the same child stream, as long as every step draws the same amount
for every run. What only some runs need (a rare case) comes from a second stream of that run, :meth:`Streams.own`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ..bench import FloatArray

BLOCK = 2048
OBSERVED = 2  # key of the child stream that draws which recorded seed a run observes


class Streams:
    """Uniform numbers, a row per run."""

    def __init__(self, seeds: Sequence[np.random.SeedSequence]) -> None:
        self._seeds = list(seeds)
        self._own: dict[int, np.random.Generator] = {}
        self._buffer = np.empty((len(seeds), 0))
        self._used = 0

    @cached_property
    def generators(self) -> list[np.random.Generator]:
        """The generator of each run; they are made when the first number is drawn."""
        # Children are made by key, not by spawn(): spawning counts up in the parent, and all optimizers share it.
        return [np.random.default_rng(child(seed, 0)) for seed in self._seeds]

    def random(self, size: tuple[int, ...]) -> FloatArray:
        """Uniform numbers in [0, 1), shape (runs, ...): each run's row comes from its own stream."""
        needed = math.prod(size[1:])
        if self._used + needed > self._buffer.shape[1]:
            block = max(BLOCK, needed)
            self._buffer = np.stack([generator.random(block) for generator in self.generators])
            self._used = 0
        drawn = self._buffer[:, self._used : self._used + needed]
        self._used += needed
        return drawn.reshape(size)

    def own(self, run: int) -> np.random.Generator:
        """The stream of one run for what the others do not need at this step."""
        if run not in self._own:
            self._own[run] = np.random.default_rng(child(self._seeds[run], 1))
        return self._own[run]


def child(seed: np.random.SeedSequence, key: int) -> np.random.SeedSequence:
    """The ``key``-th child of a seed, the same however often it is asked for."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, key))
