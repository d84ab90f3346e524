"""Update: the unrolled gradient of second-order DARTS (Liu, Simonyan & Yang, ICLR 2019, equations 7 and 8).

    w' = w - xi (momentum * buffer + d L_train(w, alpha) / dw + decay * w)
    gradient = d L_val(w', alpha) / d alpha - xi * [g(w+) - g(w-)] / (2 eps)
    g(w) = d L_train(w, alpha) / d alpha,  w+- = w +- eps * v,  v = d L_val(w', alpha) / d w',  eps = .01 / |v|

xi is the present learning rate of the weights. Two more passes than the first order, and no second derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..loop import apply_gradients
from ..method import Update

if TYPE_CHECKING:
    from ..state import Search

EPSILON = 0.01
Loss = Callable[[], Tensor]


def unrolled_gradient(
    train: Loss,
    val: Loss,
    weights: Sequence[Tensor],
    alphas: Sequence[Tensor],
    rate: float,
    steps: Sequence[Tensor] | None = None,
    decay: float = 0.0,
) -> list[Tensor]:
    """The gradient above, with respect to each of ``alphas``.

    Args:
        train: computes the loss of the weights' images from what the tensors then hold.
        val: the same for the architecture's images.
        weights: leaves that require gradients; they are moved and put back.
        alphas: leaves that require gradients.
        rate: xi.
        steps: momentum times its buffer for each weight; None: no momentum.
        decay: weight decay.
    """
    kept = [w.detach().clone() for w in weights]
    slopes = _gradients(train(), weights)
    with torch.no_grad():
        for i, (w, slope) in enumerate(zip(weights, slopes, strict=True)):
            w -= rate * (slope + decay * w + (0.0 if steps is None else steps[i]))
    both = _gradients(val(), [*alphas, *weights])
    direct, direction = both[: len(alphas)], both[len(alphas) :]
    norm = torch.stack([d.square().sum() for d in direction]).sum().sqrt()
    epsilon = EPSILON / norm.clamp(min=1e-12)
    sides = []
    for sign in (1.0, -1.0):
        with torch.no_grad():
            for w, held, d in zip(weights, kept, direction, strict=True):
                w.copy_(held + sign * epsilon * d)
        sides.append(_gradients(train(), alphas))
    with torch.no_grad():
        for w, held in zip(weights, kept, strict=True):
            w.copy_(held)
    return [g - rate * (plus - minus) / (2 * epsilon) for g, plus, minus in zip(direct, *sides, strict=True)]


def _gradients(loss: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
    found = torch.autograd.grad(loss, list(tensors), allow_unused=True)
    return [torch.zeros_like(t) if g is None else g for g, t in zip(found, tensors, strict=True)]


class SecondOrder(Update):
    """One step of Adam along the unrolled gradient before each step of the weights."""

    def batch(self, search: Search, images: Tensor, labels: Tensor) -> None:
        """See :class:`Update`."""
        x, y = next(search.held)
        sampler, recipe = search.method.sampler, search.method.weights
        weights = [w for w in search.supernet.parameters() if w.requires_grad]
        held = search.weights_optimizer.state
        buffers = [held[w]["momentum_buffer"] if w in held and "momentum_buffer" in held[w] else None for w in weights]
        steps = [recipe.momentum * (torch.zeros_like(w) if b is None else b) for w, b in zip(weights, buffers, strict=True)]
        found = unrolled_gradient(
            lambda: search.loss(sampler.architecture(search), images, labels),
            lambda: search.architecture_loss(sampler.architecture(search), x, y),
            weights,
            [p for p in search.architecture.parameters() if p.requires_grad],
            search.learning_rate(),
            steps,
            recipe.weight_decay,
        )
        apply_gradients(search, list(found))
