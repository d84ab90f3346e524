"""Gradient norm (Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS, ICLR 2021, section 3.1).

sum over layers of ||dL/dW_l||_2, L the cross-entropy of one batch: a sum of norms, as in the authors' code, and not the
norm of all gradients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from .probe import Probe


@proxies("grad-norm")
@dataclass(frozen=True)
class GradNorm(Proxy):
    """See the module's head."""

    name: ClassVar[str] = "grad-norm"

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """One backward pass, shared with snip."""
        return (sum(float(gradient.norm()) for _, gradient in probe.gradients()),)
