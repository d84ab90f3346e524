"""What the networks cost, as scores: the trivial rivals of every other proxy.

NAS-Bench-201 counts operations that no path uses; ``live`` counts leave them out, which costs nothing and ranks better
(Spearman .82 against .75 over all strings on CIFAR-10). FLOPs are multiply-adds of convolutions and linear layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from .probe import Probe


def _counted(probe: Probe) -> tuple[int, int]:
    from ...metadata.training.counting import counted

    return probe.shared("costs", lambda: counted(probe.network(), probe.inputs.shape))


@dataclass(frozen=True)
class _Params(Proxy):
    drawn: ClassVar[bool] = False

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """Number of parameters."""
        return (float(_counted(probe)[0]),)


@dataclass(frozen=True)
class _Flops(Proxy):
    drawn: ClassVar[bool] = False

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """Multiply-adds of one image."""
        return (float(_counted(probe)[1]),)


@proxies("params")
@dataclass(frozen=True)
class Params(_Params):
    """Parameters, those of unused operations included."""

    name: ClassVar[str] = "params"
    whole: ClassVar[bool] = True


@proxies("live-params")
@dataclass(frozen=True)
class LiveParams(_Params):
    """Parameters of what lies on paths from input to output."""

    name: ClassVar[str] = "live-params"


@proxies("flops")
@dataclass(frozen=True)
class Flops(_Flops):
    """Multiply-adds, those of unused operations included."""

    name: ClassVar[str] = "flops"
    whole: ClassVar[bool] = True


@proxies("live-flops")
@dataclass(frozen=True)
class LiveFlops(_Flops):
    """Multiply-adds of what lies on paths from input to output."""

    name: ClassVar[str] = "live-flops"
