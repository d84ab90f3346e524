"""The generator's decoder: from a code to a cell, one operation after another.

MetaD2A decodes the vertices of a cell in topological order: a softmax over the graph's state gives the type, then a
probability per earlier vertex the edges. In its cells the edges of a vertex are always the same, so only the types say
something. With genotypes this holds for any space: vertex after vertex becomes gene after gene, and there are no edges to
be drawn. What is left of the decoder is a gated recurrent unit over genes,

    h_0 = tanh(W z),   p(gene i = c | genes before, z) = softmax over the gene's choices of MLP(h_i),
    h_{i+1} = GRU(embedding of gene i's choice and of the place i, h_i).

Whatever it draws is a genotype; that it is valid and lets something through is looked at afterwards, as in the paper.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ...bench import SearchSpace, UniformSource
from ...surrogates.batched import Embedding, Linear
from .graph_encoder import GRU


class Decoder(nn.Module):
    """Codes (runs, b, code) to distributions of genes."""

    def __init__(self, rng: UniformSource, runs: int, space: SearchSpace, code: int, width: int) -> None:
        super().__init__()
        genes, words = len(space.genes), space.vocabulary
        self.start = Linear(rng, runs, code, width)
        self.words = Embedding(rng, runs, words, 3 * width)
        self.places = Embedding(rng, runs, genes, 3 * width)
        self.cell = GRU(rng, runs, width)
        self.hidden = Linear(rng, runs, width, 2 * width)
        self.out = Linear(rng, runs, 2 * width, words)
        allowed = np.zeros((genes, words), dtype=bool)
        for gene, (first, choices) in enumerate(zip(space.token_offsets, space.cardinalities, strict=True)):
            allowed[gene, first : first + choices] = True
        self.allowed = torch.from_numpy(allowed)

    def log_likelihood(self, code: Tensor, tokens: Tensor) -> Tensor:
        """Of genotypes as tokens (runs, b, genes): (runs, b), in nats."""
        h = self.start(code).tanh()
        total = code.new_zeros(code.shape[:2])
        for gene in range(tokens.shape[-1]):
            word = tokens[..., gene]
            total = total + self._scores(h, gene).gather(-1, word[..., None])[..., 0]
            h = self._next(h, gene, word)
        return total

    def sample(self, code: Tensor, u: Tensor) -> Tensor:
        """Tokens (runs, b, genes) drawn by uniform numbers of the same shape."""
        h = self.start(code).tanh()
        drawn = []
        for gene in range(u.shape[-1]):
            total = self._scores(h, gene).exp().cumsum(dim=-1)
            # A word is where the cumulated probability passes u; those that are not allowed add nothing and are never hit.
            word = (total <= u[..., gene, None] * total[..., -1:]).sum(dim=-1)
            drawn.append(word)
            h = self._next(h, gene, word)
        return torch.stack(drawn, dim=-1)

    def _scores(self, h: Tensor, gene: int) -> Tensor:
        """Log probabilities of the words of one gene: (runs, b, words)."""
        scores: Tensor = self.out(self.hidden(h).relu())
        return scores.masked_fill(~self.allowed[gene], float("-inf")).log_softmax(dim=-1)

    def _next(self, h: Tensor, gene: int, word: Tensor) -> Tensor:
        place = self.places(torch.full((h.shape[0], 1), gene))
        state: Tensor = self.cell(self.words(word) + place, h)
        return state
