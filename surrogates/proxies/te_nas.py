"""TE-NAS (Chen, Gong & Wang, ICLR 2021): trainability and expressivity without labels.

* conditioning: -kappa, kappa the condition number of the empirical neural tangent kernel G G', row n of G the gradient of
  the sum of the logits of image n by all weights (convolutions, linear layers and batch norm; no biases, as in the authors'
  code). 72 images, 3 channels wide, one cell per stage, Kaiming (fan-out) weights. In double precision: in single precision
  the smallest eigenvalue is negative now and then. Where it is not positive, -inf.
* regions: number of different sign patterns of all ReLUs among 3 batches of 1,000 patches (1 channel, 3 x 3 pixels), for a
  network of one channel without stem, Kaiming (fan-in) weights.

Batch norm is in training mode. The networks have this size whatever the recipe says. score = rank by conditioning + rank by
regions, relative to the candidates. kappa alone correlates weakly on NAS-Bench-201 (|rho| of .3 to .4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...bench import FloatArray
from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .probe import Probe

IMAGES, WIDTH = 72, 3
PATCHES, BATCHES, SIDE = 1000, 3, 3


@proxies("te-nas")
@dataclass(frozen=True)
class TeNas(Proxy):
    """See the module's head."""

    name: ClassVar[str] = "te-nas"
    parts: ClassVar[tuple[str, ...]] = ("conditioning", "regions")

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """A backward pass per image of a small network, and forward passes of a tiny one."""
        import torch
        from torch import nn

        small = probe.network("kaiming-fan-out", key=1, width=WIDTH, cells=1).double()
        kappa = condition_number(tangent_kernel(small, probe.batch(number=5, size=IMAGES)[0].double()))
        tiny = probe.network("kaiming-fan-in", key=2, shape=(1, SIDE, SIDE), width=1, cells=1)
        setattr(tiny, "stem", nn.Identity())  # noqa: B010 -- every image network has one; nn.Module does not say so
        batches = [(probe.recipe.seed, probe.init, 6, number) for number in range(BATCHES)]
        patches = [torch.from_numpy(probe.inputs.patches(PATCHES, SIDE, seed)) for seed in batches]
        return -kappa, float(linear_regions(tiny, patches))

    def combine(self, measured: FloatArray) -> FloatArray:
        """Sum of ranks among the candidates: (n, 2) -> (n,)."""
        from scipy.stats import rankdata

        ranks: FloatArray = rankdata(measured, axis=0).sum(axis=1)
        return ranks


def tangent_kernel(network: nn.Module, images: Tensor) -> Tensor:
    """G G', (images, images), for a network in training mode."""
    import torch

    weights = [p for name, p in network.named_parameters() if name.endswith("weight")]
    totals = network(images).sum(1)
    rows = torch.eye(len(images), dtype=totals.dtype)
    # All rows of one weight, then the next: together they would be as large as 72 copies of the network.
    gradients = torch.autograd.grad(totals, weights, rows, is_grads_batched=True, allow_unused=True)
    flat = torch.cat([g.flatten(1) for g in gradients if g is not None], dim=1)
    return flat @ flat.T


def condition_number(kernel: Tensor) -> float:
    """Largest over smallest eigenvalue; inf where the smallest is not positive."""
    import torch

    values = torch.linalg.eigvalsh(kernel)
    return float(values[-1] / values[0]) if float(values[0]) > 0 else math.inf


def linear_regions(network: nn.Module, batches: list[Tensor]) -> int:
    """Number of different patterns of all ReLUs among the images of all batches."""
    import torch

    from .recording import relu_signs

    codes = [np.packbits(torch.cat(relu_signs(network, images), 1).numpy(), axis=1) for images in batches]
    return len(np.unique(np.concatenate(codes), axis=0))
