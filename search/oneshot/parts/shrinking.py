"""Sampling and objective of Once-for-All: progressive shrinking with distillation (Cai et al., ICLR 2020, section 3.3).

Stages by the share of the epochs: the largest network (.3); then elastic kernels too (.2); then depth, 2 and 3 layers
(.1) and 1 to 3 (.15); then expansion, 4 and 6 (.1) and 3 to 6 (.15). A step trains 1 network in the first two stages, 2
networks with elastic depth and 4 with elastic expansion, with the mean of their gradients. Inner channels are sorted when
each of the last two stages begins. From the second stage on the largest network as it then was is the teacher:

    loss = cross-entropy + cross-entropy with the teacher's probabilities

The paper's stages have learning rates of their own; here one cosine spans all of them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ....bench import Genotypes, WarmnasError
from ....bench.networks.mixture import Mixture
from ....bench.networks.supernet_elastic import ElasticSupernet
from ....bench.spaces.elastic import GENES, LAYERS, UNITS, largest
from ..method import Objective, Sampler

if TYPE_CHECKING:
    from ..state import Search

STARTS = (0.0, 0.3, 0.5, 0.6, 0.75, 0.85)
NETWORKS = (1, 1, 2, 2, 4, 4)
# In each stage the smallest choice (of 0, 1, 2) of kernels, depths and expansions.
SMALLEST = ((2, 2, 2), (0, 2, 2), (0, 1, 2), (0, 0, 2), (0, 0, 1), (0, 0, 0))
_KIND = np.tile(np.concatenate([[1], np.tile([0, 2], LAYERS)]), UNITS)  # of each gene: 0 kernel, 1 depth, 2 expansion
assert len(_KIND) == UNITS * GENES


class Shrinking(Sampler):
    """Networks of the present stage."""

    def __init__(self) -> None:
        self.stage = 0
        self.teacher: dict[str, Tensor] | None = None

    def start(self, search: Search) -> None:
        """Refuse supernets that are not elastic."""
        if not isinstance(search.supernet, ElasticSupernet):
            raise WarmnasError(f"once-for-all needs an elastic space, not {search.space.name}; write --space elastic")

    def _advance(self, search: Search) -> None:
        """Enter the stage that is due."""
        share = search.progress / search.settings.epochs
        due = max(stage for stage, start in enumerate(STARTS) if share >= start - 1e-9)
        assert isinstance(search.supernet, ElasticSupernet)
        for stage in range(self.stage + 1, due + 1):
            if stage == 1:
                self.teacher = {key: value.clone() for key, value in search.supernet.state_dict().items()}
            if stage >= 4:
                search.supernet.sort_channels()
                search.new_weights_optimizer()  # its momenta belonged to the old order
        self.stage = due

    def draw(self, search: Search) -> Genotypes:
        """A network of the stage, uniform over its genotypes."""
        low = np.array(SMALLEST[self.stage])[_KIND]
        return np.asarray(low + search.rng.random(len(low)) * (3 - low)).astype(np.int8)

    def weights(self, search: Search) -> Mixture:
        """See :class:`Sampler`."""
        self._advance(search)
        return search.layout.path(self.draw(search))

    def parts(self, search: Search, images: Tensor, labels: Tensor) -> Iterator[tuple[Mixture, Tensor, Tensor, float]]:
        """Several networks on the whole batch."""
        self._advance(search)
        n = NETWORKS[self.stage]
        for _ in range(n):
            yield search.layout.path(self.draw(search)), images, labels, 1 / n

    def state(self) -> dict[str, Any]:
        """Stage and teacher."""
        return {"stage": self.stage, "teacher": self.teacher}

    def load(self, state: dict[str, Any]) -> None:
        """See :meth:`state`."""
        self.stage, self.teacher = state["stage"], state["teacher"]


class Distilled(Objective):
    """Labels, and what the teacher says."""

    def __init__(self, sampler: Shrinking) -> None:
        self.sampler = sampler
        self._network: nn.Module | None = None

    def loss(self, search: Search, mixture: Mixture, images: Tensor, labels: Tensor) -> Tensor:
        """See the module's head."""
        logits = search.supernet(images, mixture)
        loss = functional.cross_entropy(logits, labels)
        if self.sampler.teacher is not None:
            loss = loss + functional.cross_entropy(logits, self._taught(search, images))
        return loss

    @torch.no_grad()
    def _taught(self, search: Search, images: Tensor) -> Tensor:
        """The teacher's probabilities, (batch, classes)."""
        if self._network is None:
            assert self.sampler.teacher is not None
            self._network = copy.deepcopy(search.supernet)
            self._network.load_state_dict(self.sampler.teacher)
        probabilities: Tensor = self._network(images, search.layout.path(largest())).softmax(dim=1)
        return probabilities
