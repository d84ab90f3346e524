"""AZ-NAS (Lee & Ham, CVPR 2024): four rankings of the candidates, assembled.

Features f_0, ..., f_L after the stem and each block of a network with Kaiming (fan-in) weights, for Gaussian noise.

* expressivity: sum over l of the entropy of the eigenvalues, divided by their sum, of the covariance of f_l's channels;
* progressivity: min over l of entropy(l + 1) - entropy(l);
* trainability: mean over blocks of 2 - s - 1 / s, s the spectral norm of E[g_in g_out'] over images and pixels, g_out
  random signs at the block's output and g_in what comes back at its input (pixels of a stride in the channels); -inf where
  g_in = g_out, because then the block is the identity;
* complexity: multiply-adds. The authors count the string's, dead edges included; here what is live counts, which ranks a
  little better.

score = sum over the four of log(rank / n) among the n candidates. It is relative to them: scores of different sets are not
comparable, and a search has to rank its own pool.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from ...bench import FloatArray
from .proxy import Proxy, log_ranks, proxies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from .probe import Probe


@proxies("az-nas")
@dataclass(frozen=True)
class AzNas(Proxy):
    """See the module's head. The inputs are noise, whatever the data."""

    name: ClassVar[str] = "az-nas"
    parts: ClassVar[tuple[str, ...]] = ("expressivity", "progressivity", "trainability", "complexity")

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """One forward pass, and one backward pass block by block."""
        from ...metadata.training.counting import counted
        from .recording import block_features

        images = probe.noise(probe.recipe.batch, *probe.inputs.shape, key=4)
        features = block_features(probe.network("kaiming-fan-in"), images)
        entropies = [entropy(feature.detach()) for feature in features]
        progress = min(after - before for before, after in pairwise(entropies))
        with probe.seeded(key=4):
            trainability = mean_trainability(features)
        flops = probe.shared("costs", lambda: counted(probe.network(), probe.inputs.shape))[1]
        return sum(entropies), progress, trainability, float(flops)

    def combine(self, measured: FloatArray) -> FloatArray:
        """Sum of log-ranks among the candidates: (n, 4) -> (n,)."""
        return log_ranks(measured)


def entropy(feature: Tensor) -> float:
    """Of the normalised eigenvalues of the channels' covariance: (batch, channels, height, width) -> a number, in nats."""
    import torch

    rows = feature.transpose(0, 1).flatten(1).double()
    rows = rows - rows.mean(1, keepdim=True)
    values = torch.linalg.eigvalsh(rows @ rows.T / rows.shape[1]).clamp(min=0)
    share = values / values.sum()
    return float(-(share * (share + 1e-8).log()).sum())


def mean_trainability(features: Sequence[Tensor]) -> float:
    """Mean over blocks of 2 - s - 1 / s; signs are drawn from torch's generator, for the last block first."""
    import torch

    scores = []
    for before, after in reversed(list(pairwise(features))):
        g_out = torch.randint(0, 2, after.shape).to(after) * 2 - 1
        (g_in,) = torch.autograd.grad(after, before, g_out, retain_graph=True)
        if g_in.shape == g_out.shape and bool((g_in == g_out).all()):
            return -math.inf
        s = spectral_norm(g_in, g_out)
        scores.append(2 - s - 1 / (s + 1e-6))
    return sum(scores) / len(scores)


def spectral_norm(g_in: Tensor, g_out: Tensor) -> float:
    """Of E[g_in g_out'] over images and pixels: (n, c, h, w) and (n, c', h', w') with h' <= h -> a number."""
    import torch
    from torch.nn import functional

    down = -(-g_in.shape[2] // g_out.shape[2])
    if down > 1:  # as many pixels as the output has; the others become channels
        height, width = (down * size for size in g_out.shape[2:])
        g_in = functional.pad(g_in, (0, width - g_in.shape[3], 0, height - g_in.shape[2]))
        g_in = functional.pixel_unshuffle(g_in, down)
    product = g_in.transpose(0, 1).flatten(1) @ g_out.transpose(0, 1).flatten(1).T
    return float(torch.linalg.matrix_norm(product.double() / g_out[:, 0].numel(), 2))
