"""LCRankNet's network (Wistuba & Pedapati, ICML 2020, arXiv 2006.03361), a stack of independent members.

* Curve: one-dimensional convolutions with kernels of 2, 3, 4 and 5 epochs side by side, each followed by the maximum over
  the epochs seen. A window ends at its epoch and is filled with the first value on the left, so nothing that was not seen
  is read. The place of a window in the training is a channel of its own.
* Architecture: tokens, an LSTM, its mean output; a second LSTM gives the tokens back.
* Task: a learned vector.
* All together with the last values and the fraction seen through two ReLU layers, which give a number and two weights. The
  score is the number plus the weighted last values: what is added to the published network, so that close to the end the
  score need not learn again, from pairs, that a value is itself.

What cannot be seen (nothing of the curve, or a part that is switched off) enters as zeros. Members have a leading axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, layer_norm

from ...bench import SearchSpace, UniformSource
from ...surrogates.batched import LSTM, Embedding, Linear, uniform

KERNELS = (2, 3, 4, 5)
TOKEN_SCALE = 5.0  # brings the vectors of tokens, which start small, to about 1
EXTRA = 5  # the two last values, the fraction seen, its root, whether anything is seen
START = 0  # token before the first gene


@dataclass(frozen=True)
class Sizes:
    """Channels of each kernel, size of the LSTMs, of a token's and of a task's vector, width of the trunk."""

    channels: int = 12
    hidden: int = 24
    token: int = 12
    task: int = 8
    trunk: int = 48


class CurveEncoder(nn.Module):
    """(members, batch, places, 2) and places seen (members, batch) -> (members, batch, kernels * channels + EXTRA)."""

    mask: Tensor

    def __init__(self, rng: UniformSource, members: int, channels: int) -> None:
        super().__init__()
        widest = max(KERNELS)
        self.kernels = Linear(rng, members, 2 * widest + 1, len(KERNELS) * channels)
        reads = torch.arange(widest) >= widest - torch.tensor(KERNELS)[:, None]  # the last so many places of a window
        place = torch.ones(len(KERNELS), 1, dtype=torch.bool)
        mask = torch.cat([reads, reads, place], dim=1).repeat_interleave(channels, dim=0).T
        self.register_buffer("mask", mask[None].float(), persistent=False)
        with torch.no_grad():
            self.kernels.weight.mul_(self.mask)

    def forward(self, values: Tensor, seen: Tensor, fraction: Tensor, places: Tensor) -> Tensor:
        """Encode curves; ``fraction`` (members, batch) is the part seen, ``places`` are fractions of a training."""
        members, batch = seen.shape
        longest, widest = max(int(seen.max()), 1), max(KERNELS)
        values = values[..., :longest, :]
        first = values[..., :1, :].expand(members, batch, widest - 1, 2)
        windows = torch.cat([first, values], dim=2).unfold(2, widest, 1).flatten(3)
        place = places[:longest, None].sqrt().expand(members, batch, longest, 1)
        inputs = torch.cat([windows, place], dim=-1).view(members, batch * longest, 2 * widest + 1)
        outputs = torch.baddbmm(self.kernels.bias, inputs, self.kernels.weight * self.mask).view(
            members, batch, longest, -1
        )
        unseen = (torch.arange(longest) >= seen[..., None])[..., None]
        pooled = outputs.masked_fill(unseen, 0.0).max(dim=2).values.relu()  # 0 is what no place gives
        some = (seen > 0).to(values.dtype)[..., None]
        last = values.gather(2, (seen - 1).clamp(min=0)[..., None, None].expand(-1, -1, 1, 2))[..., 0, :] * some
        return torch.cat([pooled, last, fraction[..., None], fraction[..., None].sqrt(), some], dim=-1)


class ArchitectureEncoder(nn.Module):
    """Tokens (members, batch, steps) -> (members, batch, hidden), and the loss of giving the tokens back."""

    def __init__(self, rng: UniformSource, members: int, vocabulary: int, token: int, hidden: int) -> None:
        super().__init__()
        self.embedding = Embedding(rng, members, vocabulary, token)
        self.encoder = LSTM(rng, members, token, hidden)
        self.decoder_embedding = Embedding(rng, members, vocabulary, token)
        self.decoder = LSTM(rng, members, token, hidden)
        self.out = Linear(rng, members, hidden, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        """The mean output of the LSTM, of mean 0 and deviation 1 over its entries."""
        mean = self.encoder(TOKEN_SCALE * self.embedding(tokens))[0].mean(dim=2)
        return layer_norm(mean, mean.shape[-1:])

    def reconstruction(self, code: Tensor, tokens: Tensor) -> Tensor:
        """Negative log-likelihood per token given the true ones before it, summed over members."""
        before = torch.cat([torch.full_like(tokens[..., :1], START), tokens[..., :-1]], dim=-1)
        outputs = self.decoder(TOKEN_SCALE * self.decoder_embedding(before), code, torch.zeros_like(code))[0]
        members, batch, steps, hidden = outputs.shape
        logits = self.out(outputs.reshape(members, batch * steps, hidden))
        loss: Tensor = cross_entropy(logits.flatten(0, 1), tokens.flatten()) * members
        return loss


class Trunk(nn.Module):
    """(members, batch, inputs) and last values (members, batch, 2) -> scores (members, batch)."""

    def __init__(self, rng: UniformSource, members: int, inputs: int, width: int) -> None:
        super().__init__()
        self.first = Linear(rng, members, inputs, width)
        self.second = Linear(rng, members, width, width)
        self.out = Linear(rng, members, width, 3)
        with torch.no_grad():
            self.out.bias[..., 1] += 1.0  # before anything is learned the order is that of the last values

    def forward(self, inputs: Tensor, last: Tensor) -> Tensor:
        """One score per row."""
        out = self.out(self.second(self.first(inputs).relu()).relu())
        score: Tensor = out[..., 0] + (out[..., 1:] * last).sum(dim=-1)
        return score


class LCRankNetwork(nn.Module):
    """Encoders, task vectors and trunk.

    Args:
        space: whose tokens are read.
        members: independent networks.
        tasks: source tasks.
        rng: source of the initial weights.
        sizes: of the parts.
        curve, architecture: whether that part is read.
    """

    def __init__(
        self,
        space: SearchSpace,
        members: int,
        tasks: int,
        rng: UniformSource,
        sizes: Sizes,
        curve: bool = True,
        architecture: bool = True,
    ) -> None:
        super().__init__()
        self.curve, self.architecture = curve, architecture
        self.width = len(KERNELS) * sizes.channels + EXTRA
        self.hidden = sizes.hidden
        if curve:
            self.curves = CurveEncoder(rng, members, sizes.channels)
        if architecture:
            self.architectures = ArchitectureEncoder(rng, members, space.vocabulary, sizes.token, sizes.hidden)
        self.tasks = uniform(rng, (members, max(tasks, 1), sizes.task), 1 / math.sqrt(sizes.task))
        self.trunk = Trunk(rng, members, sizes.hidden + self.width + sizes.task, sizes.trunk)

    def code(self, tokens: Tensor) -> Tensor:
        """Tokens (members, batch, steps) -> (members, batch, hidden)."""
        if not self.architecture:
            return self.tasks.new_zeros(*tokens.shape[:2], self.hidden)
        code: Tensor = self.architectures(tokens)
        return code

    def features(self, code: Tensor, values: Tensor, seen: Tensor, fraction: Tensor, places: Tensor) -> Tensor:
        """What the trunk reads beside the task: (members, batch, hidden + width)."""
        if not self.curve:
            return torch.cat([code, code.new_zeros(*code.shape[:2], self.width)], dim=-1)
        return torch.cat([code, self.curves(values, seen, fraction, places)], dim=-1)

    def score(self, features: Tensor, task: Tensor) -> Tensor:
        """Scores (members, batch), from features and task vectors (members, batch, size)."""
        return scored(self.trunk, features, task)


def scored(trunk: Trunk, features: Tensor, task: Tensor) -> Tensor:
    """Scores (members, batch) of a trunk, from features and task vectors (members, batch, size)."""
    last = features[..., -EXTRA : 2 - EXTRA]
    score: Tensor = trunk(torch.cat([features, task], dim=-1), last)
    return score
