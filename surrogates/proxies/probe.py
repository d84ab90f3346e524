"""One architecture with one draw of inputs and weights: what a proxy measures on.

What several proxies need (the signs of the ReLUs, the gradients of a batch) is computed once and its time charged to each
of them.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...bench import Genotypes, SearchSpace
from .inputs import Inputs
from .recipe import ProbeRecipe
from .recording import LAYERS, relu_signs
from .weights import initialise

T = TypeVar("T")
LAYOUT = torch.channels_last  # half the time of a forward pass on a CPU


class Probe:
    """Networks, batches and what is shared.

    Args:
        space: of the genotype.
        genotype: shape (genes,), as it is measured.
        inputs: where batches come from.
        recipe: size, batch and seed.
        init: number of the draw; weights also depend on the architecture, so that those of two are independent.
    """

    def __init__(self, space: SearchSpace, genotype: Genotypes, inputs: Inputs, recipe: ProbeRecipe, init: int = 0) -> None:
        self.space, self.genotype, self.inputs, self.recipe, self.init = space, genotype, inputs, recipe, init
        self.own = zlib.crc32(space.to_string(genotype).encode())
        self.charged = 0.0  # seconds of shared results, counted again for whoever uses them again
        self._shared: dict[str, tuple[Any, float]] = {}

    # --- inputs ----------------------------------------------------------------------------------------------------
    def batch(self, number: int = 0, size: int | None = None) -> tuple[Tensor, Tensor]:
        """Batch ``number``: images (n, channels, height, width) float32 and labels (n,); n the recipe's, or ``size``."""
        images, labels = self.inputs.draw(size or self.recipe.batch, (self.recipe.seed, self.init, number))
        return torch.from_numpy(images).contiguous(memory_format=LAYOUT), torch.from_numpy(labels)

    def noise(self, *shape: int, key: int) -> Tensor:
        """Standard normal images, (n, channels, height, width), the same for every architecture."""
        generator = torch.Generator().manual_seed(stream(self.recipe.seed, self.init, key))
        return torch.randn(shape, generator=generator).contiguous(memory_format=LAYOUT)

    # --- networks --------------------------------------------------------------------------------------------------
    @contextmanager
    def seeded(self, key: int = 0) -> Iterator[None]:
        """Inside, torch draws from the stream of this architecture, draw and key; outside nothing has moved."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream(self.recipe.seed, self.init, self.own, key))
            yield

    def network(
        self, weights: str = "default", key: int = 0, shape: tuple[int, int, int] | None = None, **size: int
    ) -> nn.Module:
        """A new network in training mode (batch norm uses the batch's own statistics), of the recipe's size or ``size``."""
        with self.seeded(key):
            built = self.space.build(
                self.genotype, shape or self.inputs.shape, self.inputs.classes, **(size or self.recipe.size)
            )
            if weights != "default":
                initialise(built, weights)
        built.to(memory_format=LAYOUT)  # type: ignore[call-overload]
        return built.train()

    # --- what several proxies share --------------------------------------------------------------------------------
    def shared(self, name: str, compute: Callable[[], T]) -> T:
        """``compute()``, once; its time is charged again to whoever asks again."""
        if name not in self._shared:
            started = time.process_time()
            self._shared[name] = compute(), time.process_time() - started
        else:
            self.charged += self._shared[name][1]
        value: T = self._shared[name][0]
        return value

    def signs(self) -> list[Tensor]:
        """Signs of the ReLUs on the first batch, boolean (batch, units) per call; default weights."""
        return self.shared("signs", lambda: relu_signs(self.network(), self.batch()[0]))

    def gradients(self) -> list[tuple[Tensor, Tensor]]:
        """(weight, gradient) of every used convolution and linear layer: cross-entropy of the first batch."""
        return self.shared("gradients", self._gradients)

    def _gradients(self) -> list[tuple[Tensor, Tensor]]:
        network = self.network()
        images, labels = self.batch()
        weights = layer_weights(network)
        loss = functional.cross_entropy(network(images), labels)
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        return [(w.detach(), g) for w, g in zip(weights, gradients, strict=True) if g is not None]


def stream(*numbers: int) -> int:
    """A seed for torch that depends on all of these."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def layer_weights(network: nn.Module) -> list[Tensor]:
    """Weights of convolutions and linear layers, biases and batch norm left out as in Abdelfattah et al. (ICLR 2021)."""
    return [layer.weight for layer in network.modules() if isinstance(layer, LAYERS)]
