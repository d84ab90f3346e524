"""epsinas (Gracheva, arXiv 2302.04406, after Array 12, 2021): how much the outputs of two constant fillings differ.

All weights, batch norm's included, are 1e-7, then 1; biases are 0. Each time the inputs of the classifier for one batch are
flattened and brought to [0, 1] by their smallest and largest value, v1 and v2, where 0 counts as missing:

    score = mean |v1 - v2| / mean of both,   over what is not missing

1e-7 and 1 are the widest powers of ten with which less than a tenth of the authors' sample of NAS-Bench-201 gave no number.
The authors' batch is 256 images in single precision, where deep networks of small weights underflow to a constant and have
no number. In double precision, here, they have one.

With equal weights all channels of a map are equal, so a network of two channels in which a weight stands for all that it
replaces gives the same outputs, each less often, and the same score to rounding in a tenth of the time. Where that is not
so (maps side by side in the channels) the whole network is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...bench import WarmnasError
from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from ...bench import FloatArray
    from .probe import Probe

SMALL, LARGE = 1e-7, 1.0
NARROW = 2  # channels: one would leave no halves to a layer that splits them


@proxies("epsinas")
@dataclass(frozen=True)
class Epsinas(Proxy):
    """See the module's head. Nothing random but the batch."""

    name: ClassVar[str] = "epsinas"
    version: ClassVar[int] = 2  # 1 measured the whole network, in which equal channels differed by rounding

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """Two forward passes in double precision, of the narrow network where it says the same."""
        whole, images = probe.network(), probe.batch()[0].double()
        found = in_narrow(probe, whole, images) or responses(whole.double(), images, [1.0] * len(layers(whole)))
        assert found is not None  # with gains of 1 nothing stands for anything else
        return (disagreement(*found),)


def in_narrow(probe: Probe, whole: nn.Module, images: Tensor) -> tuple[FloatArray, FloatArray] | None:
    """Responses of the narrow network; None where there is none that says the same."""
    size = probe.recipe.size | {"width": NARROW}
    try:
        narrow = probe.network("default", 0, None, **size).double()
    except WarmnasError:  # modules that share out more channels than that
        return None
    gains = gains_of(whole, narrow)
    return responses(narrow, images, gains) if gains else None


def layers(network: nn.Module) -> list[Any]:
    """Convolutions and linear layers."""
    from .recording import LAYERS

    return [layer for layer in network.modules() if isinstance(layer, LAYERS)]


def gains_of(whole: nn.Module, narrow: nn.Module) -> list[float]:
    """How many inputs a weight of each layer of the narrow network stands for; empty where the two are built otherwise."""
    kinds = [[type(module) for module in network.modules()] for network in (whole, narrow)]
    if kinds[0] != kinds[1]:
        return []
    return [a.weight.shape[1] / b.weight.shape[1] for a, b in zip(layers(whole), layers(narrow), strict=True)]


def responses(network: nn.Module, images: Tensor, gains: Sequence[float]) -> tuple[FloatArray, FloatArray] | None:
    """Inputs of the classifier (batch * features,) with either filling; None where weights cannot stand for several.

    Every layer's weights are multiplied by its gain. That is right where the channels that they read are all equal, which
    is looked at in every pass.
    """
    import torch

    from .recording import penultimate
    from .weights import fill

    unequal: list[bool] = []

    def compare(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        unequal.append(not torch.equal(inputs[0], inputs[0][:, :1].expand_as(inputs[0])))

    parts = layers(network)
    hooks = [part.register_forward_pre_hook(compare) for part, gain in zip(parts, gains, strict=True) if gain != 1]
    found = []
    with torch.no_grad():
        for value in (SMALL, LARGE):
            fill(network, value)
            for part, gain in zip(parts, gains, strict=True):
                part.weight.mul_(gain)
            found.append(penultimate(network, images).numpy().ravel())
    for hook in hooks:
        hook.remove()
    return None if any(unequal) else (found[0], found[1])


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
