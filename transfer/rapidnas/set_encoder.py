"""The set encoder: attention over the images of each class, then over the classes.

Blocks of the Set Transformer (Lee et al., ICML 2019, arXiv 1810.00825, equations 6 to 11), without layer norm as in
MetaD2A's code:

    MAB(X, Y) = H + relu(H W_o + b_o),   H = X W_q + softmax(X W_q (Y W_k)^T / sqrt(d)) Y W_v   per head
    SAB(X) = MAB(X, X),   ISAB(X) = MAB(X, MAB(I, X)) with learned points I,   PMA(X) = MAB(s, X) with a learned seed s

Pooling is two SABs (as the code has it) or ISABs, a PMA with one seed and a linear map; first within a class, which gives
its prototype, then over the prototypes. The order of images and of classes changes nothing.

All layers have a leading runs axis, see :mod:`warmnas.surrogates.batched`.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention as attention

from ...bench import UniformSource
from ...surrogates.batched import Linear, uniform
from .set_bank import SetBatch

HEADS = 4


def unshrunk(module: nn.Module) -> None:
    """Stretch the fresh weights of all linear layers to the variance 1 / inputs, with which a signal keeps its size.

    With PyTorch's default, a third of it, what differs between tasks is some hundred times smaller behind the ten layers of
    a set encoder than before them, and a short training hardly finds it.
    """
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, Linear):
                layer.weight.mul_(math.sqrt(3))


def normalised(codes: Tensor) -> Tensor:
    """Codes (..., width) of mean 0 and deviation 1 each, so that they neither drown in a sum nor saturate what follows."""
    return nn.functional.layer_norm(codes, codes.shape[-1:])


def mapped(layer: Linear, x: Tensor) -> Tensor:
    """A batched linear layer on (runs, ..., inputs)."""
    flat: Tensor = layer(x.reshape(x.shape[0], -1, x.shape[-1]))
    return flat.view(*x.shape[:-1], flat.shape[-1])


class MAB(nn.Module):
    """Attention of queries (runs, b, n, d) to keys (runs, b, m, e): (runs, b, n, width)."""

    def __init__(self, rng: UniformSource, runs: int, queries: int, keys: int, width: int) -> None:
        super().__init__()
        self.q = Linear(rng, runs, queries, width)
        self.kv = Linear(rng, runs, keys, 2 * width)
        self.out = Linear(rng, runs, width, width)

    def forward(self, x: Tensor, y: Tensor, there: Tensor | None = None) -> Tensor:
        """``there`` (runs, b, m) says which keys there are; all of them where it is None."""
        q = mapped(self.q, x)
        k, v = mapped(self.kv, y).chunk(2, dim=-1)
        q_, k_, v_ = (_heads(part) for part in (q, k, v))
        seen = None if there is None else there.flatten(0, 1)[:, None, None, :].expand(-1, HEADS, q.shape[2], -1)
        # The paper's code divides by the root of the whole width, not of a head's.
        found = attention(q_, k_, v_, attn_mask=seen, scale=1 / math.sqrt(q.shape[-1]))
        h = (q_ + found).transpose(1, 2).reshape(q.shape)
        return h + mapped(self.out, h).relu()


def _heads(x: Tensor) -> Tensor:
    """(runs, b, n, d) -> (runs * b, heads, n, d / heads)."""
    return x.reshape(-1, x.shape[2], HEADS, x.shape[3] // HEADS).transpose(1, 2)


class SAB(nn.Module):
    """A set (runs, b, n, d) attends to itself; with ``points`` through so many learned ones (ISAB)."""

    def __init__(self, rng: UniformSource, runs: int, inputs: int, width: int, points: int) -> None:
        super().__init__()
        self.points = points
        if points:
            self.induced = uniform(rng, (runs, points, width), math.sqrt(6 / (points + width)))
            self.inner = MAB(rng, runs, width, inputs, width)
        self.outer = MAB(rng, runs, inputs, width if points else inputs, width)

    def forward(self, x: Tensor, there: Tensor | None = None) -> Tensor:
        """``there`` (runs, b, n) says which elements there are."""
        if not self.points:
            return cast(Tensor, self.outer(x, x, there))
        points = self.induced[:, None].expand(-1, x.shape[1], -1, -1)
        return cast(Tensor, self.outer(x, self.inner(points, x, there)))


class SetPool(nn.Module):
    """Sets (runs, b, n, inputs) to vectors (runs, b, width)."""

    def __init__(self, rng: UniformSource, runs: int, inputs: int, width: int, points: int) -> None:
        super().__init__()
        self.first = SAB(rng, runs, inputs, width, points)
        self.second = SAB(rng, runs, width, width, points)
        self.seed = uniform(rng, (runs, 1, width), math.sqrt(6 / (1 + width)))
        self.pool = MAB(rng, runs, width, width, width)
        self.out = Linear(rng, runs, width, width)

    def forward(self, x: Tensor, there: Tensor | None = None) -> Tensor:
        """``there`` (runs, b, n) says which elements there are."""
        x = self.second(self.first(x, there), there)
        seed = self.seed[:, None].expand(-1, x.shape[1], -1, -1)
        return mapped(self.out, self.pool(seed, x, there)[:, :, 0])


class SetEncoder(nn.Module):
    """Sets of tasks to codes (runs, tasks, width + 2): the last two are the standardised sizes of the task.

    The paper's tasks all have twenty classes; ours differ, and attention, a weighted mean, does not count.
    """

    def __init__(self, rng: UniformSource, runs: int, features: int, width: int, points: int = 0) -> None:
        super().__init__()
        self.within = SetPool(rng, runs, features, width, points)
        self.across = SetPool(rng, runs, width, width, points)
        unshrunk(self)

    def forward(self, batch: SetBatch) -> Tensor:
        """See the class."""
        runs, tasks, classes, images, features = batch.x.shape
        prototypes = self.within(batch.x.view(runs, tasks * classes, images, features)).view(runs, tasks, classes, -1)
        return torch.cat([normalised(self.across(prototypes, batch.there)), batch.sizes], dim=-1)
