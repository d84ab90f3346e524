"""The one bilevel loop: architecture step, weights step, batch after batch; a checkpoint after every epoch.

    for every batch of the weights' half:
        update.batch                     # architecture's parameters, on the other half
        weights <- weights - rate * gradient of the mean loss over sampler.parts
    update.epoch; regularisers.after_epoch

A loss that is not finite ends the search with the last checkpoint in place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...metadata.training.data import bounds
from .data import endless
from .state import Diverged, Search, finite, operation_weights

Report = Callable[[int, dict[str, Any]], None]


def train(search: Search, keep: Callable[[Search], None] | None = None, report: Report | None = None) -> None:
    """Run the epochs that are left; ``keep`` is called with the search after every good one.

    Raises Diverged where a loss or a parameter is not a finite number.
    """
    while search.epoch < search.settings.epochs and not search.stopped:
        one_epoch(search)
        if keep is not None:
            keep(search)
        if report is not None:
            report(search.epoch, search.history[-1])


def one_epoch(search: Search) -> None:
    """One pass over the weights' half, with all hooks."""
    method, data, batch, streams = search.method, search.data, search.settings.batch, search.streams
    for part in method.parts:
        part.before_epoch(search)
    search.supernet.train()
    search.held = endless(data.architecture, batch, streams["held order"], streams["held noise"])
    steps = len(bounds(len(data.weights), batch))
    first, total = search.progress, 0.0
    for i, (x, y) in enumerate(data.weights.batches(batch, torch.float32, streams["order"], streams["noise"])):
        search.progress = first + i / steps
        if search.progress >= search.alpha_from:
            method.update.batch(search, x, y)
        total += weights_step(search, x, y)
    search.progress = first + 1.0
    search.epoch += 1
    epoch = search.epoch  # a part may take the search back to an earlier one
    method.update.epoch(search)
    for part in method.parts:
        part.after_epoch(search)
    _check(search, total / steps)
    scores = operation_weights(search) if search.alphas else {}
    search.history.append({"epoch": epoch, "loss": total / steps, "operations": scores, **search.notes})
    search.notes = {}


def weights_step(search: Search, images: Tensor, labels: Tensor, rate: float | None = None) -> float:
    """One update of the weights at a learning rate, that of the schedule if None; its loss."""
    method = search.method
    for group in search.weights_optimizer.param_groups:
        group["lr"] = search.learning_rate() if rate is None else rate
    search.weights_optimizer.zero_grad()
    total = 0.0
    for mixture, x, y, share in method.sampler.parts(search, images, labels):
        for regulariser in method.regularisers:
            mixture = regulariser.mixture(search, mixture)
        loss = search.loss(mixture, x, y)
        for regulariser in method.regularisers:
            loss = loss + regulariser.weights_loss(search, mixture)
        if not loss.requires_grad:  # a path that reaches nothing
            continue
        (loss * share).backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach()) * share
    if not math.isfinite(total):
        raise Diverged(f"the loss of the weights is not a finite number in epoch {search.epoch + 1}")
    nn.utils.clip_grad_norm_(search.supernet.parameters(), method.weights.clip)
    search.weights_optimizer.step()
    return total


def architecture_step(search: Search, loss: Tensor) -> None:
    """One step of Adam along the loss's gradient to the architecture's parameters."""
    parameters = [p for p in search.architecture.parameters() if p.requires_grad]
    if not loss.requires_grad:
        return
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    apply_gradients(search, [None if g is None else g.detach() for g in gradients])


def apply_gradients(search: Search, gradients: list[Tensor | None]) -> None:
    """One step of Adam with these gradients of the architecture's parameters."""
    assert search.architecture_optimizer is not None
    if not finite([g for g in gradients if g is not None]):
        raise Diverged(f"a gradient of the architecture is not a finite number in epoch {search.epoch + 1}")
    parameters = [p for p in search.architecture.parameters() if p.requires_grad]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    recipe = search.method.alpha
    if recipe is not None and recipe.clip is not None:
        nn.utils.clip_grad_norm_(parameters, recipe.clip)
    search.architecture_optimizer.step()
    search.architecture_optimizer.zero_grad()


def _check(search: Search, loss: float) -> None:
    if not math.isfinite(loss) or not finite(list(search.architecture.parameters())):
        raise Diverged(f"not a finite number in epoch {search.epoch}")
