"""The graph encoder: a gated recurrent unit that walks a directed acyclic graph forwards and backwards.

D-VAE's asynchronous message passing (Zhang et al., NeurIPS 2019, arXiv 1904.11088), both ways as in MetaD2A:

    h_in(v) = sum over predecessors u of sigmoid(W_g [h_u; u]) * (W_m [h_u; u]),    h_v = GRU(type of v, h_in(v))

with u the place of u in topological order. The code of a graph is a linear map of [h forwards at the last node; h
backwards at the first], here normalised. Where the paper's program loops over graphs and their nodes, all graphs of all
runs go one node ahead together.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...bench import UniformSource
from ...surrogates.batched import Embedding, Linear
from .set_encoder import normalised

PLACES = 32  # nodes behind it share the last one's place


class GRU(nn.Module):
    """A gated recurrent unit whose input's part of the gates, (runs, b, 3 width), is given."""

    def __init__(self, rng: UniformSource, runs: int, width: int) -> None:
        super().__init__()
        self.state = Linear(rng, runs, width, 3 * width)

    def forward(self, gates: Tensor, h: Tensor) -> Tensor:
        """State (runs, b, width) to the next."""
        reset, update, new = gates.chunk(3, dim=-1)
        of_reset, of_update, of_new = self.state(h).chunk(3, dim=-1)
        update = (update + of_update).sigmoid()
        candidate = (new + (reset + of_reset).sigmoid() * of_new).tanh()
        state: Tensor = candidate + update * (h - candidate)
        return state


class Walk(nn.Module):
    """One direction."""

    def __init__(self, rng: UniformSource, runs: int, kinds: int, width: int) -> None:
        super().__init__()
        self.kinds = Embedding(rng, runs, kinds, 3 * width)
        self.cell = GRU(rng, runs, width)
        self.send = Linear(rng, runs, width, 2 * width)
        self.places = Embedding(rng, runs, PLACES, 2 * width)

    def forward(self, labels: Tensor, edges: Tensor, order: Tensor) -> list[Tensor]:
        """States of the nodes, each (runs, b, width).

        Labels (runs, b, nodes), edges (runs, b, from, to) with from before to, and the nodes' places in order (nodes,).
        """
        runs, b, nodes = labels.shape
        gates = self.kinds(labels.clamp(min=0)).unbind(2)
        place = self.places(order.clamp(max=PLACES - 1).expand(runs, nodes)).unbind(1)
        states: list[Tensor] = []
        messages: list[Tensor] = []
        for v in range(nodes):
            if messages:
                inbox = (torch.stack(messages, dim=2) * edges[:, :, :v, v, None]).sum(dim=2)
            else:
                inbox = gates[v].new_zeros(runs, b, gates[v].shape[-1] // 3)
            states.append(self.cell(gates[v], inbox))
            gate, message = (self.send(states[-1]) + place[v][:, None]).chunk(2, dim=-1)
            messages.append(gate.sigmoid() * message)
        return states


class GraphEncoder(nn.Module):
    """Labelled graphs to codes.

    Args:
        rng: of the weights.
        runs: networks side by side.
        kinds: different labels of nodes.
        width: of a node's state.
        code: numbers of a code.
    """

    def __init__(self, rng: UniformSource, runs: int, kinds: int, width: int, code: int) -> None:
        super().__init__()
        self.ahead = Walk(rng, runs, kinds, width)
        self.back = Walk(rng, runs, kinds, width)
        self.join = Linear(rng, runs, 2 * width, width)
        self.code = Linear(rng, runs, width, code)

    def forward(self, labels: Tensor, edges: Tensor) -> Tensor:
        """Labels (runs, b, nodes), -1 for none, edges (runs, b, from, to) -> codes (runs, b, code)."""
        last = (labels >= 0).sum(dim=-1).clamp(min=1) - 1
        order = torch.arange(labels.shape[-1])
        ahead = torch.stack(self.ahead(labels, edges, order), dim=2)
        end = ahead.gather(2, last[..., None, None].expand(-1, -1, 1, ahead.shape[-1]))[:, :, 0]
        # The graph with its edges turned round and its nodes in reverse order is walked the same way.
        begin = self.back(labels.flip(-1), edges.transpose(-1, -2).flip(-1, -2), order.flip(0))[-1]
        return normalised(self.code(self.join(torch.cat([end, begin], dim=-1))))
