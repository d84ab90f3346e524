"""Scores without torch, the same as the network's: a search asks for one at a time, and thousands of times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...bench import IntArray

if TYPE_CHECKING:
    from .network import LCRankNetwork
    from .target import Target

Floats = npt.NDArray[np.float32]
Layer = tuple[Floats, Floats]  # weight (members, inputs, outputs) and bias (members, 1, outputs)


@dataclass(frozen=True, eq=False)
class Scorer:
    """A network's weights for one task.

    Attributes:
        kernels: of the convolutions, None where the curve is not read.
        layers: of the trunk; of the first one the part that reads the task is in the bias.
        roots: of the places' fractions, (places,).
        width: numbers that the curve gives.
    """

    kernels: Layer | None
    layers: tuple[Layer, Layer, Layer]
    roots: Floats
    width: int

    @classmethod
    def of(cls, network: LCRankNetwork, target: Target, places: npt.NDArray[np.float64]) -> Scorer:
        """The scorer of a network on a target."""
        trunk = target.trunk
        first, second, out = ((part.weight.numpy(), part.bias.numpy()) for part in (trunk.first, trunk.second, trunk.out))
        vector = target.vector.numpy()
        split = first[0].shape[1] - vector.shape[-1]
        known = first[1] + vector @ first[0][:, split:]
        kernels = None
        if network.curve:
            linear = network.curves.kernels
            kernels = ((linear.weight * network.curves.mask).numpy(), linear.bias.numpy())
        layers = ((np.ascontiguousarray(first[0][:, :split]), known), second, out)
        return cls(kernels, layers, np.sqrt(places).astype(np.float32), network.width)

    def scores(self, code: Floats, values: Floats, seen: IntArray, fraction: Floats) -> Floats:
        """Of codes (members, n, hidden), values (n, places, 2), places and fractions seen (n,) each: (members, n)."""
        features = np.concatenate([code, self._curve(len(code), values, seen, fraction)], axis=-1)
        hidden = np.maximum(features @ self.layers[0][0] + self.layers[0][1], 0)
        hidden = np.maximum(hidden @ self.layers[1][0] + self.layers[1][1], 0)
        out = hidden @ self.layers[2][0] + self.layers[2][1]
        last = features[..., -5:-3]
        total: Floats = out[..., 0] + (out[..., 1:] * last).sum(axis=-1)
        return total

    def _curve(self, members: int, values: Floats, seen: IntArray, fraction: Floats) -> Floats:
        """What the curves give, (members, n, width)."""
        n = len(seen)
        if self.kernels is None:
            return np.zeros((members, n, self.width), dtype=np.float32)
        weight, bias = self.kernels
        longest, widest = max(int(seen.max(initial=0)), 1), (weight.shape[1] - 1) // 2
        shown = values[:, :longest]
        padded = np.concatenate([np.repeat(shown[:, :1], widest - 1, axis=1), shown], axis=1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, widest, axis=1).reshape(n, longest, 2 * widest)
        place = np.broadcast_to(self.roots[:longest, None], (n, longest, 1))
        inputs = np.concatenate([windows, place], axis=-1).reshape(n * longest, -1)
        outputs = (inputs @ weight + bias).reshape(members, n, longest, -1)
        outputs[:, np.arange(longest) >= seen[:, None]] = 0
        pooled = np.maximum(outputs.max(axis=2), 0)
        some = (seen > 0).astype(np.float32)
        last = shown[np.arange(n), np.maximum(seen - 1, 0)] * some[:, None]
        rest = np.concatenate([last, np.stack([fraction, np.sqrt(fraction), some], axis=-1)], axis=-1)
        return np.concatenate([pooled, np.broadcast_to(rest, (members, *rest.shape))], axis=-1).astype(np.float32)
