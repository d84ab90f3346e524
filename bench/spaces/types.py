"""What the spaces are made of: arrays of genotypes, genes, cells to draw, a source of randomness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Genotypes = npt.NDArray[np.int8]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class UniformSource(Protocol):
    """Where randomness comes from: a numpy Generator, or the streams of many runs in lock-step."""

    def random(self, size: tuple[int, ...]) -> FloatArray:
        """Uniform numbers in [0, 1) of the given shape."""
        ...


@dataclass(frozen=True)
class Gene:
    """One position of a genotype: its name and what each of its integers means."""

    name: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class CellGraph:
    """An architecture to look at: nodes left to right, edges as (from, to, operation)."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[int, int, str], ...]
