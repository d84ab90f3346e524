"""epsinas (Gracheva, arXiv 2302.04406, after Array 12, 2021): how much the outputs of two constant fillings differ.

All weights, batch norm's included, are 1e-7, then 1; biases are 0. Each time the inputs of the classifier for one batch are
flattened and brought to [0, 1] by their smallest and largest value, v1 and v2, where 0 counts as missing:

    score = mean |v1 - v2| / mean of both,   over what is not missing

1e-7 and 1 are the widest powers of ten with which less than a tenth of the authors' sample of NAS-Bench-201 gave no number.
The authors' batch is 256 images in single precision, where deep networks of small weights underflow to a constant and have
no number. In double precision, here, they have one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from ...bench import FloatArray
    from .probe import Probe

SMALL, LARGE = 1e-7, 1.0


@proxies("epsinas")
@dataclass(frozen=True)
class Epsinas(Proxy):
    """See the module's head. Nothing random but the batch."""

    name: ClassVar[str] = "epsinas"

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """Two forward passes in double precision."""
        import torch

        from .recording import penultimate
        from .weights import fill

        network, images = probe.network().double(), probe.batch()[0].double()
        with torch.no_grad():
            small, large = (penultimate(fill(network, value), images).numpy().ravel() for value in (SMALL, LARGE))
        return (disagreement(small, large),)


def disagreement(small: FloatArray, large: FloatArray) -> float:
    """The score of two outputs (n,); NaN where one is constant or nothing is left."""
    values = np.stack([_scaled(small), _scaled(large)])
    both = ~np.isnan(values).any(axis=0)
    if not both.any():
        return float("nan")
    return float(np.abs(values[0] - values[1])[both].mean() / np.nanmean(values))


def _scaled(values: FloatArray) -> FloatArray:
    """To [0, 1] by the finite values; NaN where a value is not finite, or 0 then."""
    finite = np.where(np.isfinite(values), values, np.nan)
    if np.isnan(finite).all() or np.nanmin(finite) == np.nanmax(finite):
        return np.full(values.shape, np.nan)
    low, high = np.nanmin(finite), np.nanmax(finite)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled: FloatArray = (finite - low) / (high - low)
    return np.where(scaled == 0, np.nan, scaled)
