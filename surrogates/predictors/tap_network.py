"""The two LSTMs of TAP and their loss, for many members at once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..batched import LSTM, Linear


class TAPNetwork(nn.Module):
    """Layers and DCN to an accuracy per prefix.

    Args:
        rng: of the initial weights.
        members: networks side by side.
        features: numbers that describe a layer.
        first, second: units of the two LSTMs.
    """

    def __init__(self, rng: np.random.Generator, members: int, features: int, first: int, second: int) -> None:
        super().__init__()
        self.first = LSTM(rng, members, features, first)
        self.second = LSTM(rng, members, first + 1, second)
        self.head = Linear(rng, members, second, 1)

    def forward(self, layers: Tensor, dcn: Tensor) -> Tensor:
        """Layers (members, batch, steps, features) and DCN (members, batch) -> (members, batch, steps)."""
        members, batch, steps, _ = layers.shape
        outputs = self.first(layers)[0]
        with_dcn = torch.cat([outputs, dcn[:, :, None, None].expand(-1, -1, steps, 1)], dim=-1)
        outputs = self.second(with_dcn)[0]
        accuracy: Tensor = self.head(outputs.reshape(members, batch * steps, -1))
        return accuracy.view(members, batch, steps)


def tap_loss(predicted: Tensor, truth: Tensor, mask: Tensor, task: Tensor, last: Tensor, ranking: float) -> Tensor:
    """Weighted squared error over measured prefixes, and ``ranking`` times the logistic loss of pairs of whole chains.

    Args:
        predicted: standardised accuracy of every prefix, (members, batch, steps).
        truth: what was measured, likewise.
        mask: 0 where nothing was measured, else a weight, likewise.
        task: number of each row's task, (members, batch): only pairs of one task are compared.
        last: place of each chain's last layer, (members, batch).
        ranking: weight of the second part; members are summed, so that each has its own gradient.
    """
    error = ((predicted - truth).square() * mask).sum(dim=(1, 2)) / mask.sum(dim=(1, 2)).clamp(min=1e-6)
    if not ranking:
        return error.sum()
    ends, truths, weights = (part.gather(2, last[..., None])[..., 0] for part in (predicted, truth, mask))
    better = (truths[:, :, None] > truths[:, None, :]) & (task[:, :, None] == task[:, None, :])
    pairs = better * weights[:, :, None] * weights[:, None, :]
    losses = softplus(ends[:, None, :] - ends[:, :, None]) * pairs
    return (error + ranking * losses.sum(dim=(1, 2)) / pairs.sum(dim=(1, 2)).clamp(min=1e-6)).sum()
