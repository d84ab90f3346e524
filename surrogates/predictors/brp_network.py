"""The graph convolutions of :mod:`.brp`, for many members at once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..batched import Embedding, Linear


class BRPNetwork(nn.Module):
    """Labelled graphs to scores.

    Args:
        rng: of the initial weights.
        members: networks side by side.
        kinds: different labels of nodes.
        width: units of a convolution.
        layers: convolutions.
    """

    def __init__(self, rng: np.random.Generator, members: int, kinds: int, width: int, layers: int) -> None:
        super().__init__()
        self.kinds = Embedding(rng, members, kinds, width)
        self.convolutions = nn.ModuleList(Linear(rng, members, width, width) for _ in range(layers))
        self.head = Linear(rng, members, width, 1)

    def forward(self, labels: Tensor, edges: Tensor) -> Tensor:
        """Labels (members, batch, nodes), -1 for none, edges (members, batch, nodes, nodes) -> scores (members, batch)."""
        members, batch, nodes = labels.shape
        there = (labels >= 0).to(torch.float32)
        both = edges.float() + edges.float().transpose(-1, -2) + torch.diag_embed(there)
        flow = both / both.sum(dim=-1, keepdim=True).clamp(min=1)
        x = self.kinds(labels.clamp(min=0)) * there[..., None]
        for convolution in self.convolutions:
            mixed = convolution((flow @ x).view(members, batch * nodes, -1)).view(members, batch, nodes, -1)
            x = (x + mixed.relu()) * there[..., None]
        mean = x.sum(dim=2) / there.sum(dim=2, keepdim=True).clamp(min=1)
        score: Tensor = self.head(mean)
        return score.squeeze(-1)
