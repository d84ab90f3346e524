"""What a step of a supernet costs beside a step of the path's own network, and what a step holds in memory.

Processor time of one thread, the best of several repeats, both networks in turn. Nothing is asserted.
``python tests/speed/oneshot.py``, about a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from warmnas.bench import space
from warmnas.bench.networks.mixture import Mixture
from warmnas.bench.networks.supernets import build_supernet, layout
from warmnas.search.oneshot.memory import held_bytes

REPEATS = 15
CELLS = ("334131", "333333", "301242")


def seconds(step: Callable[[], Tensor]) -> float:
    """Of a forward and a backward pass."""
    best = np.inf
    for _ in range(REPEATS):
        started = time.process_time()
        step().backward()
        best = min(best, time.process_time() - started)
    return best


def loss(network: nn.Module, *inputs: Any) -> Tensor:
    """Cross-entropy with labels that repeat."""
    logits = network(*inputs)
    return cross_entropy(logits, torch.arange(len(logits)) % 10)


def main() -> None:
    """C = 8, N = 1, batches of 64 images of 16 x 16."""
    torch.set_num_threads(1)
    of = space("nasbench201")
    images = torch.randn(64, 16, 16, 3).permute(0, 3, 1, 2)
    last = torch.channels_last
    net = build_supernet(of, (3, 16, 16), 10, 8, 1).to(memory_format=last)  # type: ignore[call-overload]
    print("cell     alone ms  path ms  ratio")
    for text in CELLS:
        genotype = of.from_string(text)
        alone = of.build(genotype, (3, 16, 16), 10, width=8, cells=1).to(memory_format=last)  # type: ignore[call-overload]
        path = layout(of).path(genotype)
        own = seconds(partial(loss, alone, images))
        shared = seconds(partial(loss, net, images, path))
        print(f"{text}  {1e3 * own:8.1f} {1e3 * shared:8.1f} {shared / own:6.2f}")
    shape = layout(of).shapes[0]
    weights = torch.full(shape, 1 / shape[1], requires_grad=True)
    full = Mixture((tuple(tuple(range(shape[1])) for _ in range(shape[0])),), (weights,))
    print(f"all operations: {1e3 * seconds(partial(loss, net, images, full)):.1f} ms")
    for name, mixture in (("path 333333", layout(of).path(of.from_string("333333"))), ("all operations", full)):
        print(f"held for the backward pass, {name}: {held_bytes(partial(net, images, mixture)) / 2**20:.1f} MB")


if __name__ == "__main__":
    main()
