"""The network of LC-PFN: a small causal transformer that reads a curve epoch by epoch and predicts its last value.

Tokens are epochs, each with what ``lc_pfn_features`` says of the curve up to there. Causal attention makes every prefix of
a curve a training example of its own, so that one pass gives the predictions after 1, 2, ..., E epochs; the published
network reads one prefix per curve with attention in both directions. Out comes a mixture of normals, each truncated to
[0, 1], where the published one has 1,000 bars: fewer weights, and a resolution that is not that of the bars.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, log_softmax, scaled_dot_product_attention

from .lc_pfn_features import FEATURES, features

LOWEST_LOG_STD, HIGHEST_LOG_STD = -7.5, 0.0


@dataclass(frozen=True)
class Size:
    """Width, heads, layers and normals of the mixture."""

    width: int = 64
    heads: int = 4
    layers: int = 3
    normals: int = 8


class Block(nn.Module):
    """Attention to what is before, then two dense layers; layer norm ahead of each."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        for layer in (self.out, self.narrow):  # starts as the identity, as in the published code
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor) -> Tensor:
        """(batch, epochs, width) to the same."""
        batch, epochs, width = h.shape
        parts = self.qkv(self.norm1(h)).view(batch, epochs, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, epochs, width)
        h = h + self.out(mixed)
        deeper: Tensor = self.narrow(gelu(self.wide(self.norm2(h))))
        return h + deeper


class LCPFNNetwork(nn.Module):
    """See the head of this file."""

    def __init__(self, size: Size | None = None) -> None:
        super().__init__()
        self.size = size or Size()
        width = self.size.width
        self.enter = nn.Sequential(nn.Linear(FEATURES, width), nn.GELU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(Block(width, self.size.heads) for _ in range(self.size.layers))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, 3 * self.size.normals)

    def forward(self, values: Tensor, total: int) -> tuple[Tensor, Tensor, Tensor]:
        """Seen values (batch, epochs) in [0, 1] of trainings of ``total`` epochs to a mixture for the last value.

        Returns:
            Log weights, locations and log standard deviations of the normals before truncation to [0, 1], each
            (batch, epochs, normals): entry t of the second axis knows the epochs up to t.
        """
        with torch.no_grad():
            told, smooth, noise = features(values, total)
        h = self.enter(told)
        for block in self.blocks:
            h = block(h)
        weight, place, spread = self.leave(self.norm(h)).chunk(3, dim=-1)
        location = torch.sigmoid(place + torch.logit(smooth.clamp(0.01, 0.99))[..., None])
        log_std = (spread + noise.log()[..., None] + 0.5).clamp(LOWEST_LOG_STD, HIGHEST_LOG_STD)
        return log_softmax(weight, dim=-1), location, log_std


def log_density(mixture: tuple[Tensor, Tensor, Tensor], target: Tensor) -> Tensor:
    """Log density of targets (batch, epochs) under a mixture of truncated normals."""
    log_weight, location, log_std = mixture
    std = log_std.exp()
    z = (target[..., None] - location) / std
    inside = torch.special.ndtr((1 - location) / std) - torch.special.ndtr(-location / std)
    density = -0.5 * z.square() - log_std - 0.9189385332046727 - inside.log()  # ln sqrt(2 pi)
    return torch.logsumexp(log_weight + density, dim=-1)
