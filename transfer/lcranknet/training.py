"""Training on the source tasks.

    L = alpha * mean over pairs of cross-entropy(sigmoid(f(x_i) - f(x_j)), p_ij) + (1 - alpha) * reconstruction

Pairs are those of one task, p_ij is 1, .5 or 0 where i ends higher, as high, lower, and both curves are cut at random.
Half of the weight is on pairs with the best so far, seen whole, since that is the comparison that a search makes. Every
member leaves a fold of the tasks out (of the families, where they are known), so that what it says of them can be
calibrated; with fewer than three of them it leaves out a fold of the function classes. In a part of the groups the task's
vector is replaced by the mean of all, which is where a new task starts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ...bench import IntArray
from ...surrogates.batched import clip_gradients
from .batches import Batch, Batches, SourceTask
from .network import LCRankNetwork

ALPHA = 0.8
GROUP = 24
GRADIENT_NORM = 5.0
WEIGHT_DECAY = 1e-3
MEAN_TASK = 0.5  # share of the groups that see the mean of the task vectors
WARM_UP = 50
FEWEST_GROUPS = 3  # families from which on folds are of families


@dataclass(frozen=True)
class Settings:
    """Steps, largest step size, weight of the order against the reconstruction, groups of a batch and their size."""

    steps: int
    rate: float = 8e-3
    alpha: float = ALPHA
    groups: int = 3
    size: int = GROUP


def folds(
    tasks: Sequence[SourceTask], families: Sequence[str], members: int, rng: np.random.Generator
) -> list[list[IntArray]]:
    """Rows of each task that each member leaves out, [member][task]. A row is left out by one member at most."""
    known = list(dict.fromkeys(families))
    if members < 2:
        return [[np.arange(0) for _ in tasks] for _ in range(members)]
    if len(known) >= FEWEST_GROUPS:
        place = dict(zip(known, rng.permutation(len(known)), strict=True))
        return [
            [np.arange(len(t.tokens) if place[f] % members == m else 0) for t, f in zip(tasks, families, strict=True)]
            for m in range(members)
        ]
    classes = np.unique(np.concatenate([task.classes for task in tasks]))
    fold = rng.permutation(len(classes)) % members
    return [[np.flatnonzero(fold[np.searchsorted(classes, t.classes)] == m) for t in tasks] for m in range(members)]


def allowed_rows(tasks: Sequence[SourceTask], left_out: Sequence[Sequence[IntArray]]) -> list[list[IntArray]]:
    """Rows that each member sees; one that would see no pair sees everything."""
    everything = [np.arange(len(task.tokens)) for task in tasks]
    kept = [[np.setdiff1d(a, out) for a, out in zip(everything, own, strict=True)] for own in left_out]
    return [own if any(len(rows) > 1 for rows in own) else everything for own in kept]


def train(network: LCRankNetwork, batches: Batches, settings: Settings, rng: np.random.Generator) -> float:
    """Train all members at once; the mean loss of the last tenth of the steps."""
    adam = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=WEIGHT_DECAY, foreach=True)
    places = torch.from_numpy(batches.fractions).float()
    losses = []
    for step in range(settings.steps):
        factor = min((step + 1) / WARM_UP, 1.0) * 0.5 * (1 + math.cos(math.pi * step / settings.steps))
        for group in adam.param_groups:
            group["lr"] = settings.rate * factor
        batch = batches.draw()
        mean_task = torch.from_numpy(rng.random(batch.task.shape) < MEAN_TASK)
        loss = batch_loss(network, batch, places, mean_task, settings.alpha)
        adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        clip_gradients(network.parameters(), GRADIENT_NORM)
        adam.step()
        losses.append(float(loss.detach()) / len(batch.task))
    return float(np.mean(losses[-max(len(losses) // 10, 1) :]))


def batch_loss(network: LCRankNetwork, batch: Batch, places: Tensor, mean_task: Tensor, alpha: float) -> Tensor:
    """The loss at the head of this module, summed over members; ``mean_task`` (members, groups)."""
    code = network.code(batch.tokens)
    features = network.features(code, batch.values, batch.seen, batch.fraction, places)
    score = network.score(features, task_vectors(network, batch.task, mean_task, batch.better.shape[-1]))
    loss = alpha * pair_loss(score.view(batch.better.shape[:3]), batch.better)
    if alpha < 1 and network.architecture:
        some = slice(batch.better.shape[-1])  # one group is enough to learn it from
        loss = loss + (1 - alpha) * network.architectures.reconstruction(code[:, some], batch.tokens[:, some])
    return loss


def task_vectors(network: LCRankNetwork, task: Tensor, mean_task: Tensor, size: int) -> Tensor:
    """Vectors of groups (members, groups), each for ``size`` curves: (members, groups * size, vector)."""
    own = network.tasks[torch.arange(len(task))[:, None], task]
    mean = network.tasks.mean(dim=1, keepdim=True)
    return torch.where(mean_task[..., None], mean, own).repeat_interleave(size, dim=1)


def pair_loss(score: Tensor, better: Tensor) -> Tensor:
    """Cross-entropy of scores (members, groups, size), half on pairs with the first of a group, summed over members."""
    size = score.shape[-1]
    gap = score[..., :, None] - score[..., None, :]
    each = binary_cross_entropy_with_logits(gap, better, reduction="none")
    upper = torch.ones(size, size, dtype=torch.bool).triu(1)
    upper[0] = False
    with_best = each[..., 0, 1:].mean(dim=(1, 2)).sum()
    if not upper.any():
        return with_best
    return 0.5 * with_best + 0.5 * each[..., upper].mean(dim=(1, 2)).sum()
