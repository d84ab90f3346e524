"""Sampling: an LSTM controller over the genes of a space (Pham et al., ENAS, ICML 2018, section 2 and 3.2).

Two LSTM layers with 32 units, weights initially uniform in (-.1, .1), a learned first input. At each step a gene is drawn
from softmax(2.5 tanh(linear(h) / 5)) and its embedding is the next input, as in the port of Dong & Yang to NAS-Bench-201.
The genes are the space's own, so a DARTS cell's inputs are drawn as ENAS draws them, only as pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from ....bench import Genotypes, SearchSpace
from ....bench.networks.mixture import Mixture
from ..method import Sampler

if TYPE_CHECKING:
    from ..state import Search

UNITS, LAYERS = 32, 2
TANH, TEMPERATURE = 2.5, 5.0
BOUND = 0.1


class Controller(nn.Module):
    """Draws genotypes of a space and says how probable they were."""

    def __init__(self, space: SearchSpace) -> None:
        super().__init__()
        choices = [int(c) for c in space.cardinalities]
        self.cells = nn.ModuleList(nn.LSTMCell(UNITS, UNITS) for _ in range(LAYERS))
        self.first = nn.Parameter(torch.empty(1, UNITS))
        self.embeddings = nn.ModuleList(nn.Embedding(c, UNITS) for c in choices)
        self.heads = nn.ModuleList(nn.Linear(UNITS, c) for c in choices)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -BOUND, BOUND)

    def forward(self, n: int, given: Genotypes | None = None) -> tuple[Genotypes, Tensor, Tensor]:
        """Draw ``n`` genotypes, or take those ``given``: (n, genes), log probabilities (n,), entropies (n,)."""
        x = self.first.expand(n, UNITS)
        state = [(x.new_zeros(n, UNITS), x.new_zeros(n, UNITS)) for _ in self.cells]
        genes, logs, entropies = [], [], []
        for step, (embedding, head) in enumerate(zip(self.embeddings, self.heads, strict=True)):
            for i, cell in enumerate(self.cells):
                state[i] = cell(x, state[i])
                x = state[i][0]
            log = (TANH * torch.tanh(head(x) / TEMPERATURE)).log_softmax(dim=1)
            p = log.exp().detach()
            drawn = torch.multinomial(p, 1)[:, 0] if given is None else torch.from_numpy(given[:, step].astype(np.int64))
            genes.append(drawn)
            logs.append(log.gather(1, drawn[:, None])[:, 0])
            entropies.append(-(log.exp() * log).sum(dim=1))
            x = embedding(drawn)
        rows: Genotypes = torch.stack(genes, dim=1).numpy().astype(np.int8)
        return rows, torch.stack(logs).sum(dim=0), torch.stack(entropies).sum(dim=0)


class Controlled(Sampler):
    """Every step of the weights trains one architecture of the controller."""

    def start(self, search: Search) -> None:
        """The controller's parameters are the architecture's."""
        self.controller = Controller(search.space)
        search.architecture.add_module("controller", self.controller)

    @torch.no_grad()
    def draw(self, n: int) -> Genotypes:
        """Genotypes, (n, genes)."""
        rows: Genotypes = self.controller(n)[0]
        return rows

    def weights(self, search: Search) -> Mixture:
        """See :class:`Sampler`."""
        return search.layout.path(self.draw(1)[0])
