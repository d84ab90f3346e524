"""Adaptation of weights and architecture to an episode, and their meta-learning.

Inner loop: a few steps of SGD on the support, weights w and architecture parameters alpha at once,

    w <- w - rate_w dL/dw,   alpha <- alpha - rate_alpha dL/dalpha

Outer loop, with L_q the loss on the query after adaptation, a mean over a few episodes:

* ``maml``: Adam along d L_q / d(w, alpha) through the inner steps (Finn et al., ICML 2017);
* ``fomaml``: along d L_q at the adapted point;
* ``reptile``: (w, alpha) moves towards the adapted ones (Nichol et al., arXiv 1803.02999).

The mixture is softmax(alpha / T). T-NAS (Lian et al., ICLR 2020) is ``fomaml`` whose alpha adapts to every task and is
then read as its argmax; MetaNAS (Elsken et al., CVPR 2020) is ``reptile`` whose T falls within the adaptation from 1 to
near 0, so that the mixture prunes itself softly and reading it changes almost nothing. With ``rate_alpha`` 0 the
architecture is the same for all tasks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from ....bench import Genotypes, SearchSpace
from ....bench.networks.mixture import Mixture
from ....bench.networks.supernets import build_supernet, layout
from ..state import Diverged
from .episodes import Episode, Episodes

State = tuple[dict[str, Tensor], tuple[Tensor, ...]]  # weights by name; alpha of each kind of cell
Outer = Literal["maml", "fomaml", "reptile"]


@dataclass(frozen=True)
class Rates:
    """Steps and rates; ``cold`` is the temperature at the end of an adaptation (1: it does not fall)."""

    outer: Outer = "fomaml"
    steps: int = 5
    rate_w: float = 0.05
    rate_alpha: float = 1.0
    meta_w: float = 1e-3
    meta_alpha: float = 1e-3
    batch: int = 4
    cold: float = 1.0


class MetaSearch:
    """A supernet's initial weights and architecture for episodes.

    Args:
        space: with a supernet of mixtures.
        shape: (channels, height, width).
        ways: classes of an episode.
        rates: of both loops.
        width: of the supernet.
        cells: of the supernet.
        fixed: a genotype for all tasks, of which only the weights are learnt; None: the architecture is learnt too.
    """

    def __init__(
        self,
        space: SearchSpace,
        shape: tuple[int, int, int],
        ways: int,
        rates: Rates,
        width: int,
        cells: int,
        fixed: Genotypes | None = None,
    ) -> None:
        self.layout, self.rates, self.fixed = layout(space), rates, fixed
        self.network = build_supernet(space, shape, ways, width, cells)
        self.weights = nn.ParameterDict({k.replace(".", "/"): nn.Parameter(v.detach().clone()) for k, v in self._named()})
        self.alphas = nn.ParameterList(1e-3 * torch.randn(shape) for shape in self.layout.shapes)
        groups = [
            {"params": list(self.weights.values()), "lr": rates.meta_w},
            {"params": list(self.alphas), "lr": rates.meta_alpha, "betas": (0.5, 0.999), "weight_decay": 1e-3},
        ]
        self._adam = torch.optim.Adam(groups)
        self._all = tuple(tuple(tuple(range(k)) for _ in range(e)) for e, k in self.layout.shapes)

    def _named(self) -> list[tuple[str, nn.Parameter]]:
        return list(self.network.named_parameters())

    def start(self) -> State:
        """The meta-learnt weights and architecture."""
        return {k.replace("/", "."): v for k, v in self.weights.items()}, tuple(self.alphas)

    def mixture(self, alphas: tuple[Tensor, ...], temperature: float = 1.0) -> Mixture:
        """Softmax of alpha at a temperature, or the fixed path."""
        if self.fixed is not None:
            return self.layout.path(self.fixed)
        return Mixture(self._all, tuple((alpha / temperature).softmax(dim=1) for alpha in alphas))

    def read(self, alphas: tuple[Tensor, ...]) -> Genotypes:
        """The genotype of some alphas."""
        if self.fixed is not None:
            return self.fixed
        return self.layout.read([alpha.detach().double().softmax(dim=1).numpy() for alpha in alphas])

    def loss(self, weights: dict[str, Tensor], mixture: Mixture, images: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy with these weights."""
        return cross_entropy(self.logits(weights, mixture, images), labels)

    def logits(self, weights: dict[str, Tensor], mixture: Mixture, images: Tensor) -> Tensor:
        """(batch, ways)."""
        logits: Tensor = functional_call(self.network, weights, (images, mixture))
        return logits

    def temperature(self, step: int) -> float:
        """After so many of an adaptation's steps, from 1 linearly to ``cold``."""
        return 1 + (self.rates.cold - 1) * step / max(self.rates.steps, 1)

    def adapt(self, episode: Episode, *, graph: bool = False, architecture: bool = True) -> State:
        """Weights and alphas after the inner loop; ``graph`` keeps its gradients, for MAML."""
        weights, alphas = self.start()
        names = list(weights)
        for step in range(self.rates.steps):
            mixture = self.mixture(alphas, self.temperature(step))
            loss = self.loss(weights, mixture, episode.support, episode.support_labels)
            leaves = [*weights.values(), *alphas]
            slopes = torch.autograd.grad(loss, leaves, create_graph=graph, allow_unused=True)
            rates = [self.rates.rate_w] * len(names) + [self.rates.rate_alpha * architecture] * len(alphas)
            moved = [x if g is None else x - r * g for x, g, r in zip(leaves, slopes, rates, strict=True)]
            if not graph:
                moved = [x.detach().requires_grad_() for x in moved]
            weights, alphas = dict(zip(names, moved, strict=False)), tuple(moved[len(names) :])
        return weights, alphas

    def meta_gradient(self, episode: Episode) -> tuple[list[Tensor | None], float, list[Tensor]]:
        """Gradient of the query's loss, by MAML or to first order; that loss; the adapted parameters, weights first."""
        exact = self.rates.outer == "maml"
        weights, alphas = self.adapt(episode, graph=exact)
        ends = [*weights.values(), *alphas]
        mixture = self.mixture(alphas, self.temperature(self.rates.steps))
        loss = self.loss(weights, mixture, episode.query, episode.query_labels)
        slopes = torch.autograd.grad(loss, [*self.weights.values(), *self.alphas] if exact else ends, allow_unused=True)
        return list(slopes), float(loss.detach()), [x.detach() for x in ends]

    def meta_step(self, episodes: Episodes, rng: np.random.Generator) -> float:
        """One step of the outer loop; the mean loss on the queries.

        Raises Diverged, before anything moves, where that is not a finite number.
        """
        own = [*self.weights.values(), *self.alphas]
        found = [self.meta_gradient(episodes.draw(rng)) for _ in range(self.rates.batch)]
        if not all(math.isfinite(loss) for _, loss, _ in found):
            raise Diverged("the loss on the queries is not a finite number")
        if self.rates.outer == "reptile":
            self._move(own, [ends for _, _, ends in found])
        else:
            for place, parameter in enumerate(own):
                slopes = [slope for each, _, _ in found if (slope := each[place]) is not None]
                parameter.grad = torch.stack(slopes).sum(dim=0) / len(found) if slopes else None
            self._adam.step()
        return float(np.mean([loss for _, loss, _ in found]))

    @torch.no_grad()
    def _move(self, own: list[Tensor], ends: list[list[Tensor]]) -> None:
        """Towards the mean of the adapted parameters by the meta rates."""
        rates = [self.rates.meta_w] * len(self.weights) + [self.rates.meta_alpha] * len(self.alphas)
        for place, (parameter, rate) in enumerate(zip(own, rates, strict=True)):
            parameter += rate * (torch.stack([end[place] for end in ends]).mean(dim=0) - parameter)
