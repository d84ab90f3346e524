"""The three parts of NAO (Luo et al., NeurIPS 2018, arXiv 1808.07233), stacked over runs.

* Encoder: an LSTM over the tokens; its outputs, normalised step by step, are the *code* (runs, batch, steps, hidden); the
  normalised mean over the steps is the architecture's embedding e.
* Predictor: an MLP f(e).
* Decoder: an LSTM that starts from e and attends to the code, so that it gives the tokens back.

To improve an architecture its code moves along the gradient of f and is decoded again: code' = code + lambda * df/dcode.
Tokens are genes. NAO's own token string also lists the input of every operation; in spaces whose links are fixed or are a
gene themselves there is nothing more to list. Decoding is greedy among the tokens that a gene can have, so that every
decoded string is a genotype.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ..bench import SearchSpace, UniformSource
from .batched import LSTM, MLP, Embedding, Linear

START = 0  # token before the first gene


class NAONetwork(nn.Module):
    """Encoder, predictor and decoder for one space, ``runs`` of them.

    Args:
        space: whose tokens are read and written.
        runs: independent networks.
        rng: source of the initial weights.
        embedding: size of a token's vector (48 in the paper).
        hidden: size of the LSTMs (96).
        head: width of the predictor (200); layers: its hidden layers (3).
    """

    def __init__(
        self,
        space: SearchSpace,
        runs: int,
        rng: UniformSource,
        embedding: int,
        hidden: int,
        head: int,
        layers: int,
    ) -> None:
        super().__init__()
        self.offsets = torch.from_numpy(space.token_offsets)
        self.choices = [int(c) for c in space.cardinalities]
        self.embedding = Embedding(rng, runs, space.vocabulary, embedding)
        self.encoder = LSTM(rng, runs, embedding, hidden)
        self.predictor = MLP(rng, runs, hidden, head, layers)
        self.decoder_embedding = Embedding(rng, runs, space.vocabulary, embedding)
        self.decoder = LSTM(rng, runs, embedding, hidden)
        self.mix = Linear(rng, runs, 2 * hidden, hidden)
        self.out = Linear(rng, runs, hidden, space.vocabulary)

    def encode(self, tokens: Tensor) -> Tensor:
        """Tokens (runs, batch, steps) -> code (runs, batch, steps, hidden)."""
        return normalize(self.encoder(self.embedding(tokens))[0], dim=-1)

    @staticmethod
    def pool(code: Tensor) -> Tensor:
        """Code -> embedding (runs, batch, hidden)."""
        return normalize(code.mean(dim=2), dim=-1)

    def predict(self, code: Tensor) -> Tensor:
        """Code -> predicted score (runs, batch)."""
        score: Tensor = self.predictor(self.pool(code))
        return score

    def logits(self, code: Tensor, tokens: Tensor) -> Tensor:
        """Log-odds of each step's token given the true ones before it: (runs, batch, steps, vocabulary)."""
        before = torch.cat([torch.full_like(tokens[..., :1], START), tokens[..., :-1]], dim=-1)
        start = self.pool(code)
        outputs = self.decoder(self.decoder_embedding(before), start, start)[0]
        return self._attend(outputs, code)

    def decode(self, code: Tensor) -> Tensor:
        """Code -> genes (runs, batch, steps), greedily, each gene among its own choices."""
        h = c = self.pool(code)
        token = torch.full(code.shape[:2], START)
        genes = []
        for step, choices in enumerate(self.choices):
            output, h, c = self.decoder(self.decoder_embedding(token)[:, :, None], h, c)
            first = int(self.offsets[step])
            gene = self._attend(output, code)[:, :, 0, first : first + choices].argmax(dim=-1)
            genes.append(gene)
            token = gene + first
        return torch.stack(genes, dim=-1)

    def _attend(self, outputs: Tensor, code: Tensor) -> Tensor:
        runs, batch, steps, hidden = outputs.shape
        weights = (outputs @ code.transpose(-1, -2)).softmax(dim=-1)
        both = torch.cat([weights @ code, outputs], dim=-1)
        mixed = self.mix(both.view(runs, batch * steps, 2 * hidden)).tanh()
        logits: Tensor = self.out(mixed)
        return logits.view(runs, batch, steps, -1)
