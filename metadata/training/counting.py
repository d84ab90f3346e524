"""Parameters and multiply-adds of a network, counted on the network itself as NAS-Bench-201 counts them.

Convolutions and linear layers count, with what stands on edges that no path uses; batch norm, pooling and sums do not.
The cell of six 3x3 convolutions (C = 16, N = 5, 3 x 32 x 32, ten classes) has 1,531,546 parameters and 220.12 million
multiply-adds.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...bench import Genotypes, SearchSpace
from .recipe import Recipe


def costs(
    space: SearchSpace, genotype: Genotypes, shape: tuple[int, int, int], classes: int, recipe: Recipe
) -> tuple[int, int]:
    """(parameters, multiply-adds per image) for images of shape (channels, height, width)."""
    with torch.random.fork_rng(devices=[]):  # initial weights, which nobody looks at, are no reason to move a generator
        network = space.build(genotype, shape, classes, width=recipe.width, cells=recipe.cells)
    return counted(network, shape)


def counted(network: nn.Module, shape: tuple[int, int, int]) -> tuple[int, int]:
    """(parameters, multiply-adds per image) of a network, which is left in evaluation mode.

    One blank image passes through it: for networks of this size that takes less time than torch's meta device, which would
    compute nothing.
    """
    network.eval()
    total = 0

    def count(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            total += output[0].numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            total += output[0].numel() * layer.in_features
        # What a cell holds but does not compute takes the cell's own input, which has the shape of all its nodes.
        for unused in getattr(layer, "idle", tuple)():
            unused(*inputs)

    hooks = [module.register_forward_hook(count) for module in network.modules()]
    with torch.no_grad():
        network(torch.zeros(1, *shape))
    for hook in hooks:
        hook.remove()
    return sum(p.numel() for p in network.parameters()), total
