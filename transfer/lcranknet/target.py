"""The refit on a target: task vector and trunk move to what its trainings say, and stay near the sources otherwise.

Minimised by Adam from the sources' weights, the encoders fixed:

    mean over certain pairs of CE(sigmoid(gap / T), p) + mean over censored pairs of CE(sigmoid(gap / T), q)
        + PRIOR / n * |weights - weights of the sources|^2

n finished trainings are each cut at several epochs and compared with the finished ones, seen whole: these orders are
certain. A terminated training is compared as it stood: with a finished one that it had already passed p = 1, with the
others q is what the sources alone said, so that a termination is no evidence against what it cut off. Full batches,
no randomness: the same trainings give the same refit in whatever order they came.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ...bench import FloatArray, Genotypes, IntArray
from .calibration import grid, interpolated
from .inputs import PartialCurves
from .network import LCRankNetwork, Trunk, scored

if TYPE_CHECKING:
    from .model import LCRankNet

PRIOR = 1.0
TRUNK_RATE = 2e-3
VECTOR_RATE = 2e-2
MOST_COMPARED = 16  # finished trainings that others are compared with, the best ones
MOST_CUT = 24  # finished trainings that are cut, the last ones given; as many terminated ones


@dataclass(frozen=True, eq=False)
class Target:
    """Trunk of the members and the task's vector (members, 1, size)."""

    trunk: Trunk
    vector: Tensor

    def score(self, features: Tensor) -> Tensor:
        """Scores (members, n) of features (members, n, width)."""
        return scored(self.trunk, features, self.vector.expand(-1, features.shape[1], -1))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Cut or terminated trainings against finished ones.

    Attributes:
        cut, whole: features of the first (members, a, width) and of the second (members, b, width).
        temperature: (a, 1). label, weight: (a, b).
    """

    cut: Tensor
    whole: Tensor
    temperature: Tensor
    label: Tensor
    weight: Tensor

    def gaps(self, target: Target) -> Tensor:
        """Differences of scores over temperatures, (members, a, b)."""
        return (target.score(self.cut)[..., :, None] - target.score(self.whole)[..., None, :]) / self.temperature


def prior_target(network: LCRankNetwork) -> Target:
    """Where a new task starts: at the mean of the sources."""
    return Target(network.trunk, network.tasks.mean(dim=1, keepdim=True))


def refit(model: LCRankNet, genotypes: Genotypes, curves: PartialCurves, finished: npt.NDArray[np.bool_]) -> Target:
    """The refit at the head of this module."""
    prior = prior_target(model._network)
    pairs = make_pairs(model, genotypes, curves, finished, prior)
    if not pairs.weight.sum():
        return prior
    trunk = copy.deepcopy(prior.trunk).requires_grad_(True)
    vector = prior.vector.clone().requires_grad_(True)
    target = Target(trunk, vector)
    moved = [*trunk.parameters(), vector]
    origin = [p.detach().clone() for p in moved]
    rates = [{"params": list(trunk.parameters()), "lr": TRUNK_RATE}, {"params": [vector], "lr": VECTOR_RATE}]
    adam = torch.optim.Adam(rates, foreach=True)
    strength = PRIOR / int(finished.sum())
    for _ in range(model.refit_steps):
        gaps = pairs.gaps(target)
        each = binary_cross_entropy_with_logits(gaps, pairs.label.expand_as(gaps), reduction="none")
        distance = sum(((p - o).square().sum() for p, o in zip(moved, origin, strict=True)), torch.zeros(()))
        loss = (each * pairs.weight).sum() + strength * distance
        adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    return Target(trunk.requires_grad_(False), vector.detach())


def make_pairs(
    model: LCRankNet, genotypes: Genotypes, curves: PartialCurves, finished: npt.NDArray[np.bool_], prior: Target
) -> Pairs:
    """Features, labels and weights; certain and censored pairs weigh 1 each in all, where there are any."""
    done, ended = np.flatnonzero(finished), np.flatnonzero(~finished & (curves.seen > 0))
    against = done[np.argsort(-curves.last[done], kind="stable")[:MOST_COMPARED]]
    cuts = grid(len(model.places_))
    rows = np.concatenate([np.repeat(done[-MOST_CUT:], len(cuts)), ended[-MOST_CUT:]])
    seen = np.concatenate([np.tile(cuts, len(done[-MOST_CUT:])), curves.seen[ended[-MOST_CUT:]]])
    cut = curves.rows(rows).until(seen, model.places_)
    censored = ~finished[rows]
    pairs = Pairs(
        cut=model._features(genotypes[rows], cut, np.full(len(rows), model.reference_)),
        whole=model._features(genotypes[against], curves.rows(against), np.full(len(against), model.reference_)),
        temperature=torch.from_numpy(interpolated(*model._temperatures, cut.fraction)[:, None]).float(),
        label=torch.zeros(len(rows), len(against)),
        weight=torch.zeros(len(rows), len(against)),
    )
    with torch.no_grad():
        believed = pairs.gaps(prior).mean(dim=0).sigmoid().numpy()
    label = labels(curves, rows, against, censored, believed, model.tie)
    weight = (rows[:, None] != against).astype(np.float64)
    for part in (censored, ~censored):
        weight[part] /= max(weight[part].sum(), 1.0)
    pairs.label.copy_(torch.from_numpy(label))
    pairs.weight.copy_(torch.from_numpy(weight))
    return pairs


def labels(
    curves: PartialCurves,
    rows: IntArray,
    against: IntArray,
    censored: npt.NDArray[np.bool_],
    believed: FloatArray,
    tie: float,
) -> FloatArray:
    """Probabilities that a pair's first ends higher, known, passed already, or as it was believed: (a, b)."""
    ahead = curves.last[rows][:, None] - curves.last[against]
    certain = np.where(np.abs(ahead) <= tie, 0.5, ahead > 0)
    passed = np.where(ahead > tie, 1.0, believed)
    chosen: FloatArray = np.where(censored[:, None], passed, certain)
    return chosen
