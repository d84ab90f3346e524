"""Jacobian covariance (NASWOT's first version, Mellor et al., arXiv 2006.04647v1; as in Abdelfattah et al., ICLR 2021).

J: gradient of the sum of all logits by the images, a row per image; its rows' Pearson correlations have eigenvalues l_i;
score = -sum [log(l_i + k) + 1 / (l_i + k)] with k = 1e-5.

Batch norm is in training mode, so a row depends on the other images too. (The first version's code was in evaluation mode
by mistake, where an untrained batch norm does nothing; its authors corrected that.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from torch import Tensor

    from .probe import Probe

K = 1e-5


@proxies("jacob-cov")
@dataclass(frozen=True)
class JacobCov(Proxy):
    """See the module's head."""

    name: ClassVar[str] = "jacob-cov"

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """One forward and backward pass."""
        import torch

        images = probe.batch()[0].requires_grad_()
        (jacobian,) = torch.autograd.grad(probe.network()(images).sum(), images)
        return (dispersion(jacobian.flatten(1)),)


def dispersion(rows: Tensor) -> float:
    """The score of a Jacobian (images, pixels); NaN where a row is constant, because it then correlates with nothing."""
    import torch

    values = torch.linalg.eigvalsh(torch.corrcoef(rows.double())) + K
    return float(-(values.log() + 1 / values).sum())
