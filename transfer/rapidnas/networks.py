"""The two networks of MetaD2A: predictor and generator, with set encoders of their own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...bench import SearchSpace, UniformSource
from ...surrogates.batched import Linear
from .decoder import Decoder
from .graph_encoder import GraphEncoder
from .set_bank import SetBatch
from .set_encoder import SetEncoder, unshrunk


class PredictorNetwork(nn.Module):
    """Scores of architectures on tasks: Linear(tanh(Linear([code of the task, code of the graph]))).

    Args:
        rng: of the weights.
        runs: networks side by side.
        features: of an image.
        kinds: different labels of nodes.
        width: of a node's state and of the head; the paper's 512.
        code: of a task and of a graph; the paper's 56.
        points: induced points of the set attention, 0 for none.
    """

    def __init__(
        self, rng: UniformSource, runs: int, features: int, kinds: int, width: int, code: int, points: int
    ) -> None:
        super().__init__()
        self.sets = SetEncoder(rng, runs, features, code, points)
        self.graphs = GraphEncoder(rng, runs, kinds, width, code)
        self.of_set = Linear(rng, runs, code + 2, width)
        self.of_graph = Linear(rng, runs, code, width)
        self.out = Linear(rng, runs, width, 1)
        for layer in (self.of_set, self.of_graph, self.graphs.join, self.graphs.code):
            unshrunk(layer)

    def forward(self, tasks: Tensor, graphs: Tensor) -> Tensor:
        """Codes of tasks (runs, t, code + 2) and of graphs (runs, t or 1, n, code) -> scores (runs, t, n)."""
        runs, t, n, code = graphs.shape
        of_graph = self.of_graph(graphs.reshape(runs, t * n, code)).view(runs, t, n, -1)
        hidden = (self.of_set(tasks)[:, :, None] + of_graph).tanh()
        scores: Tensor = self.out(hidden.flatten(1, 2))
        return scores.view(hidden.shape[:3])


class GeneratorNetwork(nn.Module):
    """Architectures from tasks: q(z | images) is normal, the decoder draws from p(architecture | z).

    Args:
        rng: of the weights.
        runs: networks side by side.
        features: of an image.
        space: of the architectures.
        code: of a task, of z and of the decoder's state; the paper's 56.
        points: induced points of the set attention, 0 for none.
    """

    def __init__(self, rng: UniformSource, runs: int, features: int, space: SearchSpace, code: int, points: int) -> None:
        super().__init__()
        self.sets = SetEncoder(rng, runs, features, code, points)
        self.mean = Linear(rng, runs, code + 2, code)
        self.log_variance = Linear(rng, runs, code + 2, code)
        self.decoder = Decoder(rng, runs, space, code, code)

    def encode(self, batch: SetBatch) -> tuple[Tensor, Tensor]:
        """Mean and log variance of z, each (runs, tasks, code)."""
        v = self.sets(batch)
        return self.mean(v), self.log_variance(v)

    def loss(self, batch: SetBatch, tokens: Tensor, normal: Tensor, beta: float) -> Tensor:
        """Minus the evidence lower bound per architecture, with the divergence weighed by ``beta``.

        Args:
            batch: of t tasks.
            tokens: good architectures of each, (runs, t, n, genes).
            normal: what z deviates by, in deviations, (runs, t, n, code).
            beta: weight of KL(q(z | images) || N(0, I)).

        Returns:
            (runs,), in nats.
        """
        mean, log_variance = self.encode(batch)
        z = mean[:, :, None] + normal * (0.5 * log_variance).exp()[:, :, None]
        likelihood = self.decoder.log_likelihood(z.flatten(1, 2), tokens.flatten(1, 2))
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=-1)
        return beta * divergence.mean(dim=1) - likelihood.mean(dim=1)


def squared_error(scores: Tensor, values: Tensor) -> Tensor:
    """Mean squared error per run, as published: (runs, t, n) twice -> (runs,)."""
    return (scores - values).square().mean(dim=(1, 2))


def ranking_error(scores: Tensor, values: Tensor) -> Tensor:
    """Pairwise logistic loss within each task per run: (runs, t, n) twice -> (runs,), in nats; ties say nothing."""
    better = (values[..., :, None] > values[..., None, :]).to(scores.dtype)
    loss = nn.functional.softplus(scores[..., None, :] - scores[..., :, None])
    return (loss * better).sum(dim=(1, 2, 3)) / better.sum(dim=(1, 2, 3)).clamp(min=1)


LOSSES = {"squared": squared_error, "rank": ranking_error}


def normal_numbers(u: Tensor) -> Tensor:
    """Standard normal numbers of uniform ones in [0, 1)."""
    numbers: Tensor = torch.special.ndtri(u.clamp(1e-6, 1 - 1e-6))
    return numbers
