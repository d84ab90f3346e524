"""NASWOT (Mellor et al., Neural Architecture Search without Training, ICML 2021).

A in {0, 1}^(N x U): which of the U units are active for which of the N images, every ReLU of the network together.
K = A A' + (1 - A)(1 - A)', so K_ij = U - Hamming distance; score = log |det K|.

One product is enough: with r the sums of A's rows, K = 2 A A' - r_i - r_j + U. The determinant is that of exact integers in
double precision.
Only ReLUs that the forward pass calls count; copies of the method that hook every ReLU module count dead edges too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from .probe import Probe


@proxies("naswot")
@dataclass(frozen=True)
class Naswot(Proxy):
    """See the module's head."""

    name: ClassVar[str] = "naswot"

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """One forward pass, shared with swap; -inf where two images have the same pattern."""
        import torch

        sign, logarithm = torch.linalg.slogdet(agreement(probe.signs()))
        return (float(logarithm) if sign > 0 else float("-inf"),)


def agreement(signs: Sequence[Tensor]) -> Tensor:
    """Number of units on which two images agree, (images, images) float64, from boolean (images, units) per ReLU."""
    import torch

    total = torch.zeros(len(signs[0]), len(signs[0]), dtype=torch.float64)
    for active in signs:
        for part in torch.split(active, 2**23, dim=1):  # sums of at most 2^24 ones are exact in float32
            a = part.float()
            both = (a @ a.T).double()
            ones = both.diagonal()
            total += 2 * both - ones[:, None] - ones + part.shape[1]
    return total
