"""Train a chain one layer at a time, as TAPAS's database of experiments was made (Istrate et al., AAAI 2019).

Prefix 1, the stem and the first layer, is trained with a classifier of its own; then the second layer is put on top of
the trained weights, with a new classifier, and all of it is trained again; and so on to the whole chain. That gives an
accuracy per prefix. A longer prefix has been trained for longer, so these are not the accuracies of networks trained alone.

Each prefix is trained for ``recipe.epochs`` epochs of the recipe: the optimizer is new, and the learning rate falls along
a whole cosine from its start to zero, for old and new weights alike. This schedule is ours; it makes every prefix a
finished training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ...bench import Genotypes, SearchSpace
from .data import Task
from .loop import WEIGHTS, Data, Training, diverged, guarded, stream
from .recipe import Diverged, Epoch, Recipe
from .trainer import initial_network, task_shape

if TYPE_CHECKING:
    from ...bench.networks.chain import ChainNetwork

PREFIXES = 3  # a stream of a seed: weights, order and noise have 0 to 2


def train_incremental(
    space: SearchSpace,
    genotype: Genotypes,
    task: Task,
    recipe: Recipe,
    seed: int,
    *,
    device: str | torch.device = "cpu",
    report: Callable[[Epoch], None] | None = None,
) -> nn.Module:
    """The trained chain, in evaluation mode; ``report`` is called after every prefix.

    In what is reported ``epoch`` is the number of layers of the prefix; loss and training accuracy are those of its last
    epoch, validation and test accuracy come after it, and ``seconds`` are those of all its epochs' training passes.

    A training repeats itself from its seed alone. Raises Diverged, with nothing reported of that prefix, OutOfMemory, and
    WarmnasError where the space has no prefixes or the images are not what the recipe asks for.
    """
    depth, device = int(space.depth(genotype)), torch.device(device)
    with guarded():
        data = Data.of(task, recipe, device)
        whole: ChainNetwork = initial_network(space, genotype, task_shape(task), len(task.classes), recipe, seed)  # type: ignore[assignment]
        whole.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for layers in range(1, depth + 1):
            own = prefix_seed(seed, layers)
            row = _trained(whole if layers == depth else _prefix(whole, layers, own), layers, data, recipe, own)
            if diverged(row):
                raise Diverged(f"not a finite number in prefix {layers} of {depth}")
            if report is not None:
                report(row)
    return whole


def prefix_seed(seed: int, layers: int) -> int:
    """The seed from which a prefix's classifier, order of images and augmentation come."""
    words = np.random.SeedSequence(seed, spawn_key=(PREFIXES, layers)).generate_state(2)
    return int(words[0]) << 32 | int(words[1])


def _prefix(whole: ChainNetwork, layers: int, seed: int) -> ChainNetwork:
    """The prefix on the chain's own layers; its classifier depends on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(stream(seed, WEIGHTS).integers(2**63)))
        return whole.prefix(layers)


def _trained(network: nn.Module, layers: int, data: Data, recipe: Recipe, seed: int) -> Epoch:
    """Train one prefix, and what it reached."""
    training = Training(network, lambda x: network(x)[None], data, recipe, seed)
    started = training.clock()
    for epoch in range(recipe.epochs):
        learned = training.train(epoch)
    seconds = training.clock() - started
    (loss, right), val, test = learned[:, 0].tolist(), training.test(data.val), training.test(data.test)
    return Epoch(layers, loss, right, float(val), float(test), seconds)
