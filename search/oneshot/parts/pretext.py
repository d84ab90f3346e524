"""Objectives of UnNAS: tasks that need no labels (Liu et al., Are labels necessary for NAS?, ECCV 2020, section 3.2).

* rotation: which of four rotations an image has (Gidaris et al., ICLR 2018);
* jigsaw: which of ``permutations`` orders nine patches are in (Noroozi & Favaro, ECCV 2016), read from their features
  side by side; the orders are far from each other in Hamming distance;
* colour: the quantised ab colour of every pixel from its lightness (Zhang et al., ECCV 2016), at the resolution of the
  features, in bins of ten units that occur in sRGB.

Labels are never read in the search. What the found cell knows of the task's classes is judged at the end by a linear
classifier on its pooled features, fitted in closed form.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ....bench import Genotypes, WarmnasError
from ....bench.networks.mixture import Mixture
from ....bench.networks.supernets import classifier
from ..data import evaluation
from ..method import Objective
from .colour import colour_bins, lab

if TYPE_CHECKING:
    from ..state import Search

RIDGE = 1e-2


class Pretext(Objective):
    """Inputs and targets are made from images; subclasses say how."""

    @abstractmethod
    def head(self, search: Search) -> nn.Module:
        """From features (batch, channels, h, w) to logits."""

    @abstractmethod
    def make(self, search: Search, images: Tensor, choice: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and targets; ``choice`` (batch,) are whole numbers that say which rotation or order an image gets."""

    def built(self, search: Search) -> None:
        """Put the head on."""
        search.supernet.head = self.head(search)

    def outputs(self, search: Search, mixture: Mixture, inputs: Tensor) -> Tensor:
        """Logits, classes along axis 1."""
        return search.supernet(inputs, mixture)  # type: ignore[no-any-return]

    def loss(self, search: Search, mixture: Mixture, images: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy of the pretext task with random choices."""
        choice = torch.from_numpy(search.rng.integers(2**31, size=len(images))).to(images.device)
        inputs, targets = self.make(search, images, choice)
        return functional.cross_entropy(self.outputs(search, mixture, inputs), targets)

    def right(self, search: Search, mixture: Mixture, images: Tensor, labels: Tensor) -> Tensor:
        """Share of right answers to the pretext task, with choices that are the same every time."""
        choice = torch.arange(len(images), device=images.device)
        inputs, targets = self.make(search, images, choice)
        return (self.outputs(search, mixture, inputs).argmax(dim=1) == targets).double().mean()

    @torch.no_grad()
    def judge(self, search: Search, genotype: Genotypes) -> float:
        """Percent right of a linear classifier on pooled features, which sees labels for the first time."""
        mixture = search.layout.path(genotype)
        search.supernet.eval()

        def pooled(part: str) -> tuple[Tensor, Tensor]:
            rows = [
                (search.supernet.features(x, mixture).mean(dim=(2, 3)), y)
                for x, y in evaluation(getattr(search.data, part))
            ]
            return torch.cat([f for f, _ in rows]).double(), torch.cat([y for _, y in rows])

        (features, labels), (new, wanted) = pooled("weights"), pooled("judge")
        search.supernet.train()
        centre, scale = features.mean(dim=0), features.std(dim=0).clamp(min=1e-6)
        x, z = ((f - centre) / scale for f in (features, new))
        y = functional.one_hot(labels, search.data.classes).double()
        gram = x.T @ x + RIDGE * len(x) * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        weights = torch.linalg.solve(gram, x.T @ (y - y.mean(dim=0)))
        found = (z @ weights + y.mean(dim=0)).argmax(dim=1)
        return 100 * float((found == wanted).double().mean())


class Rotation(Pretext):
    """By 0, 90, 180 or 270 degrees; images are square."""

    def head(self, search: Search) -> nn.Module:
        """Four classes."""
        return classifier(search.supernet.channels, 4)

    def make(self, search: Search, images: Tensor, choice: Tensor) -> tuple[Tensor, Tensor]:
        """See the base."""
        turns = choice % 4
        turned = images.clone()
        for quarter in (1, 2, 3):
            chosen = turns == quarter
            turned[chosen] = images[chosen].rot90(quarter, dims=(2, 3))
        return turned, turns


class Jigsaw(Pretext):
    """Nine patches in one of some orders."""

    def __init__(self, permutations: int = 64) -> None:
        self.orders = torch.from_numpy(distant_permutations(permutations))

    def head(self, search: Search) -> nn.Module:
        """A class per order, from nine patches side by side."""
        return nn.Linear(9 * search.supernet.channels, len(self.orders))

    def make(self, search: Search, images: Tensor, choice: Tensor) -> tuple[Tensor, Tensor]:
        """Patches (9 * batch, channels, side, side), image by image."""
        side = min(images.shape[2:]) // 3
        if side < 4:
            raise WarmnasError(f"unnas[task=jigsaw]: images need 12 pixels a side or more, not {min(images.shape[2:])}")
        targets = choice % len(self.orders)
        orders = self.orders.to(images.device)[targets]
        patches = images[:, :, : 3 * side, : 3 * side].unfold(2, side, side).unfold(3, side, side)
        patches = patches.permute(0, 2, 3, 1, 4, 5).flatten(1, 2)  # (batch, 9, channels, side, side)
        moved = patches[torch.arange(len(images), device=images.device)[:, None], orders]
        return moved.flatten(0, 1), targets

    def outputs(self, search: Search, mixture: Mixture, inputs: Tensor) -> Tensor:
        """Pooled features of an image's patches side by side."""
        features = search.supernet.features(inputs, mixture).mean(dim=(2, 3))
        logits: Tensor = search.supernet.head(features.reshape(len(inputs) // 9, -1))
        return logits


class Colour(Pretext):
    """Lightness in, colour out."""

    def start(self, search: Search) -> None:
        """Refuse grey images."""
        if search.data.shape[0] != 3:
            raise WarmnasError("unnas[task=colour]: the images are grey; take colour images or another task")

    def head(self, search: Search) -> nn.Module:
        """A bin per pixel of the features."""
        return nn.Conv2d(search.supernet.channels, colour_bins()[1], 1)

    def make(self, search: Search, images: Tensor, choice: Tensor) -> tuple[Tensor, Tensor]:
        """Lightness in all three channels, and bins (batch, h, w) of the mean colour under each pixel of the features."""
        data = search.data
        mean, std = (
            torch.as_tensor(v, dtype=images.dtype, device=images.device)[:, None, None] for v in (data.mean, data.std)
        )
        colours = lab((images * std + mean).clamp(0, 1))
        grey = (colours[:, :1] / 50 - 1).expand(-1, 3, -1, -1)
        pooled = functional.avg_pool2d(colours[:, 1:], 4, ceil_mode=True, count_include_pad=False)
        return grey, self._bins(pooled)

    def _bins(self, ab: Tensor) -> Tensor:
        table = colour_bins()[0].to(ab.device)
        places = (ab / 10).round().long() + len(table) // 2
        a, b = places.clamp(0, len(table) - 1).unbind(dim=1)
        return table[a, b]


def distant_permutations(n: int) -> np.ndarray:
    """``n`` orders of nine, each in turn as far as can be from those before in Hamming distance: (n, 9)."""
    if not 2 <= n <= 1000:
        raise ValueError("permutations is a whole number from 2 to 1000")
    rng = np.random.default_rng(9)
    pool = np.unique(np.stack([rng.permutation(9) for _ in range(5000)]), axis=0)
    chosen = [int(rng.integers(len(pool)))]
    nearest = (pool != pool[chosen[0]]).sum(axis=1)
    while len(chosen) < n:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, (pool != pool[chosen[-1]]).sum(axis=1))
    return pool[chosen]
