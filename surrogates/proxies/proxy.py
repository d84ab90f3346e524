"""What a zero-cost proxy is: some numbers measured on an untrained network, and a ranking made of them.

A proxy measures one network at a time (:meth:`Proxy.measure`, through a :class:`~.probe.Probe`). What it measures may have
several parts, and some proxies rank by all of them relative to the other candidates (AZ-NAS, TE-NAS): :meth:`Proxy.combine`
turns the parts of a whole set into one score each. Larger is better everywhere, in parts and in scores.

No score is ever NaN. What cannot be measured (a disconnected network, an overflow) is -inf, the last place of a ranking,
and the reason is kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ...bench import FloatArray, Registry

if TYPE_CHECKING:
    from .probe import Probe


@dataclass(frozen=True)
class Proxy(ABC):
    """A proxy with its options, which are the fields.

    Attributes:
        name: of the registry.
        parts: names of what is measured on one network; a single one without a name where that is the score.
        version: raised when the same options come to mean another number.
        whole: whether operations that no path uses count; else the network is built without them.
        drawn: whether the number depends on weights and inputs that are drawn.
    """

    name: ClassVar[str]
    parts: ClassVar[tuple[str, ...]] = ("",)
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False
    drawn: ClassVar[bool] = True

    @abstractmethod
    def measure(self, probe: Probe) -> tuple[float, ...]:
        """The parts, measured on one network. What is not finite counts as not measurable."""

    def combine(self, measured: FloatArray) -> FloatArray:
        """Scores of a set of candidates: (candidates, parts) -> (candidates,)."""
        return measured[:, 0]

    def key(self) -> list[Any]:
        """Name, version and options, for whoever keeps results."""
        return [self.name, self.version, asdict(self)]


proxies: Registry[type[Proxy]] = Registry("proxy")


def log_ranks(measured: FloatArray) -> FloatArray:
    """Sum over parts of log(rank / n), rank n the best: (n, parts) -> (n,); equal values share the mean of their ranks."""
    import numpy as np
    from scipy.stats import rankdata

    total: FloatArray = np.log(rankdata(measured, axis=0) / len(measured)).sum(axis=1)
    return total
