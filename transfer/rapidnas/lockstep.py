"""Both networks for many runs in lock-step: meta-training, prediction, generation.

A step draws, for every run from its own numbers, a few tasks, a few classes and images of each and a few of its
architectures; the predictor sees all architectures of a task, the generator the best share of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...bench import FloatArray, Genotypes, IntArray, SearchSpace, UniformSource
from ...surrogates.batched import clip_gradients
from .graphs import Graphs
from .networks import LOSSES, GeneratorNetwork, PredictorNetwork, normal_numbers
from .set_bank import Scaler, SetBank, SetBatch
from .sets import TaskSet
from .settings import Settings

CHUNK = 2048  # graphs of a run that are scored at a time
ROUNDS = 20  # of drawing, before fewer architectures than asked for are given


@dataclass(frozen=True)
class Measured:
    """What a run knows of one source task.

    Attributes:
        graphs: numbers of the architectures' graphs, (runs, n).
        tokens: the canonical genotypes as tokens, (runs, n, genes).
        values: as the predictor learns them, (runs, n).
        best: places of the good ones, (runs, k).
    """

    graphs: IntArray
    tokens: IntArray
    values: FloatArray
    best: IntArray


class MetaD2A:
    """Generator and predictor of R runs.

    Args:
        space: of the architectures.
        runs: R.
        rng: of the weights.
        scaler: of the source tasks' features.
        settings: sizes and training.
        graphs: of the space.
    """

    def __init__(
        self, space: SearchSpace, runs: int, rng: UniformSource, scaler: Scaler, settings: Settings, graphs: Graphs
    ) -> None:
        self.space, self.runs, self.settings, self.scaler, self.graphs = space, runs, settings, scaler, graphs
        features, s = scaler.features.shape[1], settings
        self.predictor = PredictorNetwork(rng, runs, features, graphs.kinds, s.width, s.code, s.points)
        self.generator = GeneratorNetwork(rng, runs, features, space, s.code, s.points)
        self.step = 0

    # --- meta-training ---------------------------------------------------------------------------------------------
    def learn_from(self, sets: Sequence[TaskSet], tasks: Sequence[tuple[Genotypes, FloatArray]]) -> None:
        """Source tasks: sets, and per task genotypes (runs, n, genes) and values (runs, n), larger being better."""
        self.bank = SetBank(sets, self.scaler)
        pooled = np.concatenate([values for _, values in tasks], axis=1)
        mean, deviation = pooled.mean(axis=1, keepdims=True), pooled.std(axis=1, keepdims=True)
        self.unit = np.stack([mean[:, 0], np.maximum(deviation[:, 0], 1e-9)])
        self.tasks = []
        for genotypes, values in tasks:
            k = max(round(self.settings.good * values.shape[1]), 1)
            best = np.argsort(-values, axis=1, kind="stable")[:, :k]
            scaled = (values - mean) / self.unit[1][:, None]
            # Rows that are the same for every run (a broadcast) are converted once.
            flat = genotypes[:1] if genotypes.strides[0] == 0 else genotypes
            tokens = np.broadcast_to(self.space.tokens(self.space.canonical(flat)), genotypes.shape)
            self.tasks.append(Measured(self.graphs.places(genotypes), tokens, scaled, best))
        self.adam = torch.optim.Adam(self.parameters().values(), lr=self.settings.rate, foreach=True)

    def parameters(self) -> dict[str, torch.nn.Parameter]:
        """All weights by name."""
        both = (("predictor", self.predictor), ("generator", self.generator))
        return {f"{name}.{key}": p for name, network in both for key, p in network.named_parameters()}

    def advance(self, rng: UniformSource, steps: int) -> tuple[float, float]:
        """One step of a training of so many in all: mean losses of predictor and generator."""
        s = self.settings
        for group in self.adam.param_groups:
            group["lr"] = 0.5 * s.rate * (1 + math.cos(math.pi * self.step / steps))
        self.adam.zero_grad(set_to_none=True)
        chosen: IntArray = (self._uniform(rng, s.tasks) * len(self.tasks)).astype(np.int64)
        sets = self.bank.draw(torch.from_numpy(chosen), s.classes, s.images, rng)
        graphs, values, tokens = self._rows(chosen, self._uniform(rng, s.tasks, 2 * s.rows))
        labels, edges = self.graphs.tensors(graphs.reshape(self.runs, -1))
        codes = self.predictor.graphs(labels, edges).view(self.runs, s.tasks, s.rows, -1)
        scores = self.predictor(self.predictor.sets(sets), codes)
        error = LOSSES[s.loss](scores, torch.from_numpy(values.astype(np.float32)))
        u = torch.from_numpy(self._uniform(rng, s.tasks, s.rows, s.code).astype(np.float32))
        bound = self.generator.loss(sets, torch.from_numpy(tokens), s.noise * normal_numbers(u), s.beta)
        (error + bound).sum().backward()  # type: ignore[no-untyped-call]
        for network in (self.predictor, self.generator):
            clip_gradients(network.parameters(), 1.0)
        self.adam.step()
        self.step += 1
        return float(error.detach().mean()), float(bound.detach().mean())

    def _uniform(self, rng: UniformSource, *shape: int) -> FloatArray:
        return rng.random((self.runs, math.prod(shape))).reshape(self.runs, *shape)

    def _rows(self, chosen: IntArray, u: FloatArray) -> tuple[IntArray, FloatArray, IntArray]:
        """Rows of the chosen tasks (runs, t): graphs and values of any, tokens of good ones, (runs, t, rows, ...)."""
        t, rows = self.settings.tasks, self.settings.rows
        graphs = np.empty((self.runs, t, rows), dtype=np.int64)
        values = np.empty((self.runs, t, rows))
        tokens = np.empty((self.runs, t, rows, len(self.space.genes)), dtype=np.int64)
        for run, place in np.ndindex(self.runs, t):
            task = self.tasks[chosen[run, place]]
            any_of = (u[run, place, :rows] * task.values.shape[1]).astype(np.int64)
            good = task.best[run, (u[run, place, rows:] * task.best.shape[1]).astype(np.int64)]
            graphs[run, place], values[run, place] = task.graphs[run, any_of], task.values[run, any_of]
            tokens[run, place] = task.tokens[run, good]
        return graphs, values, tokens

    # --- a new task ------------------------------------------------------------------------------------------------
    def predict(self, task: TaskSet, genotypes: Genotypes, rng: UniformSource) -> FloatArray:
        """Scores of genotypes (runs, n, genes), the mean over draws of the task's images: (runs, n)."""
        places = self.graphs.places(genotypes)
        with torch.no_grad():
            codes = self.predictor.sets(self._drawn(task, rng))
            scores = [self._scored(codes, places[:, i : i + CHUNK]) for i in range(0, places.shape[1], CHUNK)]
        return np.concatenate(scores, axis=1) if scores else np.empty(places.shape)

    def _scored(self, tasks: Tensor, places: IntArray) -> FloatArray:
        labels, edges = self.graphs.tensors(places)
        graphs = self.predictor.graphs(labels, edges)[:, None]
        mean = torch.stack([self.predictor(tasks[:, d : d + 1], graphs)[:, 0] for d in range(tasks.shape[1])]).mean(dim=0)
        return mean.numpy().astype(np.float64)

    def _drawn(self, task: TaskSet, rng: UniformSource) -> SetBatch:
        bank = SetBank([task], self.scaler)
        same = torch.zeros(self.runs, self.settings.draws, dtype=torch.int64)
        return bank.draw(same, self.settings.classes, self.settings.images, rng)

    def generate(self, task: TaskSet, n: int, rng: UniformSource) -> list[Genotypes]:
        """Up to ``n`` architectures per run, canonical, valid, connected, no two of one function: [(m, genes)] of R."""
        found: list[dict[int, Genotypes]] = [{} for _ in range(self.runs)]
        for _ in range(ROUNDS):
            for one, genotypes in zip(found, self.draw(task, n, rng), strict=True):
                alive = self.space.canonical(genotypes[working(self.space, genotypes)])
                for key, genotype in zip(self.space.class_keys(alive).tolist(), alive, strict=True):
                    one.setdefault(key, genotype)
            if all(len(one) >= n for one in found):
                break
        empty = np.empty((0, len(self.space.genes)), dtype=np.int8)
        return [np.stack(list(one.values())[:n]) if one and n else empty for one in found]

    def draw(self, task: TaskSet, n: int, rng: UniformSource) -> Genotypes:
        """At least ``n`` genotypes per run as they are drawn, a like number for each draw of images: (runs, m, genes)."""
        with torch.no_grad():
            mean, _ = self.generator.encode(self._drawn(task, rng))
            code = mean.repeat_interleave(-(-n // self.settings.draws), dim=1)
            u = self._uniform(rng, code.shape[1], len(self.space.genes))
            tokens = self.generator.decoder.sample(code, torch.from_numpy(u)).numpy()
        return self.space.decode(tokens, "tokens")


def working(space: SearchSpace, genotypes: Genotypes) -> npt.NDArray[np.bool_]:
    """Which genotypes are architectures whose input reaches the output: (n, genes) -> (n,)."""
    good = space.valid(genotypes)
    good[good] = space.connected(genotypes[good])
    return good
