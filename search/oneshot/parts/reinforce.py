"""Update: REINFORCE with a moving baseline (Williams 1992; Pham et al., ENAS, ICML 2018).

    loss = mean over architectures of -log p(a) * (R - b),  R = accuracy on one batch + bonus * entropy
    b <- b - (1 - decay) (b - R)

The entropy in R has no gradient, as in the authors' code. The baseline moves with every architecture; in a later port it
never moves within an epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ..loop import architecture_step
from ..method import Update
from .controller import Controlled

if TYPE_CHECKING:
    from ..state import Search


class Reinforce(Update):
    """After each epoch of the weights some updates of the controller.

    Args:
        updates: steps per epoch.
        samples: architectures of a step.
        decay: of the baseline.
        bonus: of the entropy.
    """

    def __init__(self, updates: int, samples: int = 10, decay: float = 0.99, bonus: float = 1e-4) -> None:
        self.updates, self.samples, self.decay, self.bonus = updates, samples, decay, bonus
        self.baseline: float | None = None

    def epoch(self, search: Search) -> None:
        """See :class:`Update`; accuracies are shares, from 0 to 1."""
        sampler = search.method.sampler
        assert isinstance(sampler, Controlled)
        rewards: list[float] = []
        for _ in range(self.updates):
            drawn, logs, entropies = sampler.controller(self.samples)
            advantages = []
            for genotype, entropy in zip(drawn, entropies.tolist(), strict=True):
                reward = self._accuracy(search, genotype) + self.bonus * entropy
                rewards.append(reward)
                advantages.append(self._advantage(reward))
            loss = -(logs * torch.tensor(advantages)).mean()
            architecture_step(search, loss)
        search.notes["reward"] = sum(rewards) / len(rewards)

    def _advantage(self, reward: float) -> float:
        if self.baseline is None:
            self.baseline = reward
        self.baseline -= (1 - self.decay) * (self.baseline - reward)
        return reward - self.baseline

    @torch.no_grad()
    def _accuracy(self, search: Search, genotype: Any) -> float:
        """Of one batch, which every architecture draws anew while the controller learns."""
        x, y = next(search.held)
        search.supernet.eval()
        share = float(search.method.objective.right(search, search.layout.path(genotype), x, y))
        search.supernet.train()
        return share if share == share else 0.0

    def state(self) -> dict[str, Any]:
        """The baseline."""
        return {"baseline": self.baseline}

    def load(self, state: dict[str, Any]) -> None:
        """See :meth:`state`."""
        self.baseline = state["baseline"]
