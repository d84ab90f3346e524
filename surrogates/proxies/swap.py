"""SWAP-Score (Peng et al., ICLR 2024): sample-wise activation patterns.

Units in rows, images in columns, 1 where the ReLU's output is positive: the score is the number of different rows, at most
the number of units. The regularised score multiplies it by exp(-(P - mu)^2 / sigma), P being the number of parameters: a
prior on size set by hand, and what the paper's .90 on CIFAR-100 uses. Without ``mu`` and ``sigma`` there is none.

Only ReLUs on feature maps count, as in the authors' code; each call once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from ...bench import WarmnasError
from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from .probe import Probe


@proxies("swap")
@dataclass(frozen=True)
class Swap(Proxy):
    """See the module's head; ``mu`` and ``sigma`` in parameters and squared parameters, both or none."""

    name: ClassVar[str] = "swap"
    mu: float | None = None
    sigma: float | None = None

    def __post_init__(self) -> None:
        """Check the options."""
        if (self.mu is None) != (self.sigma is None) or (self.sigma is not None and self.sigma <= 0):
            raise WarmnasError("swap: give mu and sigma above 0, or neither")

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """One forward pass, shared with naswot."""
        score = float(different_rows(probe.signs()))
        if self.mu is not None and self.sigma is not None:
            parameters = sum(p.numel() for p in probe.network().parameters())
            score *= math.exp(-((parameters - self.mu) ** 2) / self.sigma)
        return (score,)


def different_rows(signs: Sequence[Tensor]) -> int:
    """Number of different patterns (images,) among all units, from boolean (images, units) per ReLU."""
    words = np.concatenate([patterns(active.numpy()) for active in signs])  # (units, images / 32)
    # Sorted rather than np.unique, which hashes: 1.2 s for 900,000 units where this takes 20 ms.
    order = np.sort(words, axis=0) if words.shape[1] == 1 else words[np.lexsort(words.T)]
    return 1 + int((order[1:] != order[:-1]).any(axis=1).sum())


def patterns(active: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint32]:
    """Boolean (images, units) as one row of bits per unit: (units, ceil(images / 32)).

    Bit by bit for all units at once, which takes a tenth of the time of ``np.packbits`` across rows.
    """
    words = np.zeros((-(-len(active) // 32), active.shape[1]), dtype=np.uint32)
    for first in range(0, len(active), 8):  # bytes first: four times as many in a register
        byte = np.zeros(active.shape[1], dtype=np.uint8)
        for bit, image in enumerate(active[first : first + 8]):
            byte |= image.view(np.uint8) << bit
        words[first // 32] |= byte.astype(np.uint32) << (first % 32)
    return words.T
