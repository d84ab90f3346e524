"""A search under way: supernet, architecture parameters, optimizers, random streams; what a checkpoint keeps."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...bench import Genotypes, SearchSpace
from ...bench.networks.mixture import Choices, Mixture, recalibrate
from ...bench.networks.supernets import Supernet, build_supernet, layout
from .data import Batch, Halves, evaluation
from .method import Method

STREAMS = ("order", "noise", "held order", "held noise", "paths")
CALIBRATION = 8  # batches that running statistics are averaged over


@dataclass(frozen=True)
class Settings:
    """Size and length of a search.

    Attributes:
        epochs: passes over the weights' half.
        batch: images of a step.
        seed: of everything.
        width, cells: of the supernet.
    """

    epochs: int
    batch: int = 64
    seed: int = 0
    width: int = 8
    cells: int = 1


class Diverged(Exception):
    """A loss was not a finite number."""


class Search:
    """Everything that parts read and change.

    Attributes:
        supernet, weights_optimizer: the shared network and its SGD.
        alphas: of each kind of cell, (edges, operations); empty for methods without.
        architecture: a module with all of the architecture's parameters, the alphas among them.
        architecture_optimizer: Adam of them; None where there are none.
        allowed: which operations are still in the supernet, bool (edges, operations) for each kind of cell.
        progress: epochs done, with the part of the running one.
        window: where the learning rate's cosine begins and ends, in epochs.
        alpha_from: progress from which the architecture's parameters learn.
        history: one dict of numbers for each epoch.
        stopped: why the search ended early.
    """

    def __init__(self, method: Method, space: SearchSpace, data: Halves, settings: Settings, device: torch.device) -> None:
        self.method, self.space, self.data, self.settings, self.device = method, space, data, settings, device
        self.layout = layout(space)
        spawn = (np.random.SeedSequence(settings.seed, spawn_key=(i,)) for i in range(len(STREAMS)))
        self.held: Iterator[Batch] = iter(())  # batches of the architecture's half, in the running epoch
        self.streams = {name: np.random.default_rng(child) for name, child in zip(STREAMS, spawn, strict=True)}
        self.progress, self.epoch, self.stopped = 0.0, 0, ""
        self.window = (0.0, float(settings.epochs))
        self.alpha_from = method.warmup * settings.epochs
        self.seconds: float | None = None  # of the whole search, once it has ended
        self.history: list[dict[str, Any]] = []
        self.notes: dict[str, Any] = {}  # what this epoch's history will hold beside the usual
        self.allowed = [torch.ones(shape, dtype=torch.bool, device=device) for shape in self.layout.shapes]
        self.forbid(*method.without)
        self.supernet: Supernet
        self.weights_optimizer: torch.optim.SGD
        self.cells = settings.cells
        self.rebuild()
        self.architecture = nn.Module()
        self.alphas: list[nn.Parameter] = []
        if method.alpha is not None:
            for kind, shape in zip(self.layout.kinds, self.layout.shapes, strict=True):
                alpha = nn.Parameter(method.alpha.initial * torch.randn(shape, device=device))
                self.architecture.register_parameter(f"alpha {kind}", alpha)
                self.alphas.append(alpha)
        for part in method.parts:
            part.start(self)
        self.architecture_optimizer = self.new_architecture_optimizer()
        self._first = [p.detach().clone() for p in self.architecture.parameters()]

    @property
    def rng(self) -> np.random.Generator:
        """The stream of paths."""
        return self.streams["paths"]

    def rebuild(self, cells: int | None = None) -> None:
        """A fresh supernet, of so many cells, and its optimizer."""
        self.cells = self.cells if cells is None else cells
        net = build_supernet(
            self.space,
            self.data.shape,
            self.data.classes,
            self.settings.width,
            self.cells,
            self.method.partial,
            self.method.running,
        )
        self.supernet = net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for part in self.method.parts:
            part.built(self)
        self.supernet.to(self.device)
        self.new_weights_optimizer()

    def new_weights_optimizer(self, rate: float | None = None) -> None:
        """A fresh SGD of the supernet."""
        w = self.method.weights
        self.weights_optimizer = torch.optim.SGD(
            self.supernet.parameters(), rate or w.rate, w.momentum, weight_decay=w.weight_decay, nesterov=w.nesterov
        )

    def new_architecture_optimizer(self) -> torch.optim.Adam | None:
        """A fresh Adam of the architecture's parameters."""
        parameters, a = list(self.architecture.parameters()), self.method.alpha
        if not parameters or a is None:
            return None if not parameters else torch.optim.Adam(parameters, 1e-3)
        return torch.optim.Adam(parameters, a.rate, a.betas, eps=a.eps, weight_decay=a.weight_decay)

    def restart_architecture(self) -> None:
        """Fresh alphas and a fresh optimizer of them."""
        recipe = self.method.alpha
        with torch.no_grad():
            for alpha in self.alphas:
                alpha.copy_((0.0 if recipe is None else recipe.initial) * torch.randn_like(alpha))
        self.architecture_optimizer = self.new_architecture_optimizer()
        self._first = [p.detach().clone() for p in self.architecture.parameters()]

    # --- operations that are there --------------------------------------------------------------------------------------
    def forbid(self, *names: str) -> None:
        """Take the operations of these names out of the supernet, wherever an edge offers another one."""
        for mask, edges in zip(self.allowed, self.layout.operations, strict=True):
            for row, offered in zip(mask, edges, strict=True):
                gone = torch.tensor([name in names for name in offered], device=row.device)
                if not gone.all():
                    row &= ~gone

    def open(self) -> Choices:
        """What is still allowed."""
        return tuple(tuple(tuple(j for j, on in enumerate(row) if on) for row in mask.tolist()) for mask in self.allowed)

    def probabilities(self, temperature: float = 1.0) -> list[Tensor]:
        """Softmax of alpha over what is allowed, 0 for the rest: (edges, operations) for each kind of cell."""
        return [masked_softmax(alpha / temperature, mask) for alpha, mask in zip(self.alphas, self.allowed, strict=True)]

    def allowed_uniform(self) -> list[Tensor]:
        """Equal weights of what is allowed on an edge: (edges, operations) for each kind of cell."""
        return [mask / mask.sum(dim=1, keepdim=True).clamp(min=1) for mask in self.allowed]

    # --- losses and accuracies ------------------------------------------------------------------------------------------
    def loss(self, mixture: Mixture, images: Tensor, labels: Tensor) -> Tensor:
        """The objective's loss of a batch."""
        return self.method.objective.loss(self, mixture, images, labels)

    def architecture_loss(self, mixture: Mixture, images: Tensor, labels: Tensor) -> Tensor:
        """That with what the regularisers add for the architecture."""
        loss = self.loss(mixture, images, labels)
        for regulariser in self.method.regularisers:
            loss = loss + regulariser.architecture_loss(self)
        return loss

    @torch.no_grad()
    def accuracy(self, mixture: Mixture, limit: int | None = None, *, judge: bool = False) -> float:
        """Percent right on the architecture's half, or on its first ``limit`` images; a NaN counts as 0.

        The same images for every mixture. ``judge`` takes the task's validation images instead, after all decisions.
        """
        if self.method.running:
            batches = [x for x, _ in evaluation(self.data.weights, CALIBRATION * self.settings.batch)]
            recalibrate(self.supernet, batches, mixture)
        self.supernet.eval()
        right, seen = 0.0, 0
        for x, y in evaluation(self.data.judge if judge else self.data.architecture, limit):
            right += len(y) * float(self.method.objective.right(self, mixture, x, y))
            seen += len(y)
        self.supernet.train()
        return 100 * right / seen if math.isfinite(right) else 0.0

    def path_accuracy(self, genotype: Genotypes, limit: int | None = None) -> float:
        """Percent right of a genotype's path on the architecture's half."""
        return self.accuracy(self.layout.path(genotype), limit)

    # --- course ---------------------------------------------------------------------------------------------------------
    def stop(self, reason: str) -> None:
        """End after this epoch."""
        self.stopped = self.stopped or reason

    def learning_rate(self) -> float:
        """Of the weights, at the present progress."""
        w, (start, end) = self.method.weights, self.window
        share = min(max((self.progress - start) / max(end - start, 1e-9), 0.0), 1.0)
        return w.final + (w.rate - w.final) * (1 + math.cos(math.pi * share)) / 2

    def change(self) -> float | None:
        """Euclidean distance of the architecture's parameters from their initial values; None where there are none."""
        now = list(self.architecture.parameters())
        if not now:
            return None
        return math.sqrt(sum(float((a.detach() - b).square().sum()) for a, b in zip(now, self._first, strict=True)))

    # --- checkpoints ----------------------------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """What a checkpoint holds: tensors, numbers, strings, lists and dicts only."""
        arch = self.architecture_optimizer
        return {
            "epoch": self.epoch,
            "progress": self.progress,
            "stopped": self.stopped,
            "window": list(self.window),
            "alpha from": self.alpha_from,
            "cells": self.cells,
            "history": self.history,
            "allowed": self.allowed,
            "supernet": self.supernet.state_dict(),
            "architecture": self.architecture.state_dict(),
            "first": self._first,
            "weights optimizer": self.weights_optimizer.state_dict(),
            "architecture optimizer": None if arch is None else arch.state_dict(),
            "streams": {name: json.dumps(rng.bit_generator.state) for name, rng in self.streams.items()},
            "torch": torch.get_rng_state(),
            "parts": [part.state() for part in self.method.parts],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue from such a state."""
        if state["cells"] != self.cells:
            self.rebuild(state["cells"])
        self.epoch, self.progress, self.stopped = state["epoch"], state["progress"], state["stopped"]
        self.window, self.history = (state["window"][0], state["window"][1]), state["history"]
        self.alpha_from = state["alpha from"]
        self.allowed = [mask.to(self.device) for mask in state["allowed"]]
        for part, kept in zip(self.method.parts, state["parts"], strict=True):
            part.load(kept)
        self.supernet.load_state_dict(state["supernet"])
        self.architecture.load_state_dict(state["architecture"])
        self._first = state["first"]
        self.weights_optimizer.load_state_dict(state["weights optimizer"])
        if self.architecture_optimizer is not None:
            self.architecture_optimizer.load_state_dict(state["architecture optimizer"])
        for name, text in state["streams"].items():
            self.streams[name].bit_generator.state = json.loads(text)
        torch.set_rng_state(state["torch"])


def masked_softmax(logits: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last axis where the mask allows, 0 elsewhere; a row that allows nothing is 0."""
    filled = logits.masked_fill(~mask, -torch.inf)
    some = mask.any(dim=-1, keepdim=True)
    return torch.where(some, filled, torch.zeros_like(filled)).softmax(dim=-1) * mask


def operation_weights(search: Search) -> dict[str, float]:
    """Mean score of every operation over edges and kinds of cells, by name: how weight drifts between operations."""
    sums: dict[str, list[float]] = {}
    for scores, edges in zip(search.method.sampler.scores(search), search.layout.operations, strict=True):
        for row, names in zip(scores, edges, strict=True):
            for value, name in zip(row, names, strict=True):
                sums.setdefault(name, []).append(float(value))
    return {name: float(np.mean(values)) for name, values in sums.items()}


def finite(values: Sequence[Tensor]) -> bool:
    """Whether every number is one."""
    return all(bool(value.isfinite().all()) for value in values)
