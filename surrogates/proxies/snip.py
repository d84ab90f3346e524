"""SNIP (Lee et al., ICLR 2019) summed over the network, as Abdelfattah et al. (ICLR 2021) do: sum |dL/dW * W|."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from .probe import Probe


@proxies("snip")
@dataclass(frozen=True)
class Snip(Proxy):
    """See the module's head."""

    name: ClassVar[str] = "snip"

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """One backward pass, shared with grad-norm."""
        return (sum(float((weight * gradient).abs().sum()) for weight, gradient in probe.gradients()),)
