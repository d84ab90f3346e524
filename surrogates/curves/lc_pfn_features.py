"""What LC-PFN's network is told of each epoch: features of the curve up to there, (batch, epochs, FEATURES).

Place, value, exponential means, an estimate of the noise, and for each of nine shapes phi the least-squares line of the
values so far on phi(x): where it ends at x = 100, and the logarithm of its residual. The published network reads (x, y)
alone and learns such things by itself, with a hundred times the weights. All are sums over the past, so that a feature of
epoch t knows nothing of the epochs after it.
"""

from __future__ import annotations

import torch
from torch import Tensor

MEANS = (2, 4, 8, 16)  # epochs of the exponential means
RIDGE = 1e-4
LEAST_NOISE = 1e-3
HORIZON = 100
SHAPES = 9
FEATURES = 3 + 1 + len(MEANS) + 2 + 2 * SHAPES


def features(values: Tensor, total: int) -> tuple[Tensor, Tensor, Tensor]:
    """Features of values (batch, epochs) in [0, 1] of trainings of ``total`` epochs.

    Returns:
        Features (batch, epochs, FEATURES), a smoothed value and a noise level, (batch, epochs) each.
    """
    epochs = torch.arange(1, values.shape[1] + 1, dtype=values.dtype)
    x = HORIZON * epochs / total
    place = torch.stack([x / HORIZON, x.log() / 4, torch.full_like(x, total).log() / 4], dim=-1).expand(len(values), -1, -1)
    smooth = [exponential_mean(values, span) for span in MEANS]
    bend = torch.zeros_like(values)
    bend[:, 2:] = torch.diff(values, n=2, dim=1).square() / 6  # of pure noise s: 6 s^2 on average
    noise = (bend.cumsum(1) / (epochs - 2).clamp(min=1) + LEAST_NOISE**2).sqrt()
    recent = (exponential_mean(bend, 16) + LEAST_NOISE**2).sqrt()
    ends, residuals = lines(values, x)
    parts = [place, (2 * values - 1)[..., None], torch.stack([4 * (values - mean) for mean in smooth], dim=-1)]
    parts += [torch.stack([noise, recent], dim=-1).log() / 3 + 1.3]
    parts += [2 * ends.clamp(-0.5, 1.5) - 1, residuals.log() / 3 + 1.3]
    return torch.cat(parts, dim=-1), smooth[1], noise


def exponential_mean(values: Tensor, span: int) -> Tensor:
    """Mean of the past with weights that fall by 1 - 1 / span per epoch: (batch, epochs)."""
    age = torch.arange(values.shape[1])[:, None] - torch.arange(values.shape[1])
    weights = torch.where(
        age >= 0, (1 - 1 / span) ** age.clamp(min=0).to(values.dtype), torch.zeros((), dtype=values.dtype)
    )
    return values @ (weights / weights.sum(dim=1, keepdim=True)).T


def shapes(x: Tensor) -> Tensor:
    """The nine shapes at x (places,): (SHAPES, places)."""
    powers = [x**-exponent for exponent in (0.25, 0.5, 1.0, 2.0)]
    decays = [torch.exp(-rate * x) for rate in (0.02, 0.1, 0.4)]
    return torch.stack([*powers, *decays, 1 / torch.log(x + 1), torch.log(x) / 4])


def lines(values: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Lines of values (batch, epochs) on each shape, up to each epoch: ends and residuals, (batch, epochs, SHAPES) each."""
    y = values.double()[..., None]
    phi = shapes(x.double()).T
    count = torch.arange(1, len(x) + 1, dtype=torch.float64)[:, None]
    mean_y, mean_phi = y.cumsum(1) / count, phi.cumsum(0) / count
    var_y = (y.square().cumsum(1) / count - mean_y.square()).clamp(min=0)
    var_phi = (phi.square().cumsum(0) / count - mean_phi.square()).clamp(min=0)
    cov = (y * phi).cumsum(1) / count - mean_y * mean_phi
    slope = cov / (var_phi + RIDGE / count)
    end = mean_y + slope * (shapes(torch.tensor([float(HORIZON)], dtype=torch.float64))[:, 0] - mean_phi)
    squared = (var_y - 2 * slope * cov + slope.square() * var_phi).clamp(min=0)
    return end.to(values.dtype), (squared + LEAST_NOISE**2).sqrt().to(values.dtype)
