"""How fast networks are trained here: processes against threads, and stacks against networks alone, in one run.

Every figure is the best of several repeats on one machine at one time; only the ratios travel, and only from a machine that
does nothing else. Nothing is asserted. ``python tests/speed/training.py``, about two minutes.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Barrier
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from warmnas.bench import Genotypes
from warmnas.bench.spaces.nasbench201 import NASBench201Space
from warmnas.metadata.training import Recipe, stack_size, train, train_stack

CELLS = NASBench201Space()
REPEATS = 2
WIDE = Recipe(epochs=1, batch=128, width=8, cells=1, resolution=16)  # of the shipped metadata
SMALL = Recipe(epochs=1, batch=128, width=8, cells=1, resolution=8)
Work = Callable[[Genotypes], None]


@dataclass(frozen=True)
class Part:
    """Images and labels of a split."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Noise:
    """A task of random images; as many operations as any other."""

    train: Part
    val: Part
    test: Part
    name: str = "noise"
    classes: tuple[str, ...] = tuple("0123456789")
    flip: bool = True
    crop: bool = True
    mean: ClassVar[npt.NDArray[np.float64]] = np.full(3, 0.5)
    std: ClassVar[npt.NDArray[np.float64]] = np.full(3, 0.3)


def task(side: int, images: int = 1024) -> Noise:
    """So many training images, and hardly any to evaluate on."""
    rng = np.random.default_rng(0)

    def part(n: int) -> Part:
        return Part(rng.integers(0, 256, (n, side, side, 3), dtype=np.uint8), rng.integers(0, 10, n))

    return Noise(part(images), part(16), part(16))


def ours(genotypes: Genotypes) -> None:
    """The project's training, one network after another."""
    data = task(WIDE.resolution)
    for genotype in genotypes:
        train(CELLS, genotype, data, WIDE, 0)


def default(genotypes: Genotypes) -> None:
    """What a tutorial does: float images, a DataLoader, default memory format, no augmentation, no evaluation."""
    part = task(WIDE.resolution).train
    images = torch.from_numpy(part.images).permute(0, 3, 1, 2).float() / 255
    dataset = torch.utils.data.TensorDataset(images.contiguous(), torch.from_numpy(part.labels))
    loader = torch.utils.data.DataLoader(dataset, batch_size=WIDE.batch, shuffle=True)
    for genotype in genotypes:
        network = CELLS.build(genotype, (3, WIDE.resolution, WIDE.resolution), 10, width=WIDE.width, cells=WIDE.cells)
        sgd = torch.optim.SGD(network.parameters(), 0.1, 0.9, weight_decay=5e-4, nesterov=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, WIDE.epochs)
        for _ in range(WIDE.epochs):
            for x, y in loader:
                sgd.zero_grad()
                nn.functional.cross_entropy(network(x), y).backward()
                sgd.step()
            schedule.step()


def worker(work: Work, genotypes: Genotypes, threads: int, barrier: Barrier) -> None:
    """Warm up, wait for the others, work, and say so."""
    torch.set_num_threads(threads)
    work(genotypes[:1])
    barrier.wait()
    work(genotypes)
    barrier.wait()


def epochs_per_second(work: Work, genotypes: Genotypes, processes: int, threads: int) -> float:
    """All genotypes shared out to processes of so many threads, without the time that processes take to start."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(processes + 1)
    started = [
        context.Process(target=worker, args=(work, genotypes[i::processes], threads, barrier)) for i in range(processes)
    ]
    for process in started:
        process.start()
    barrier.wait()
    start = time.perf_counter()
    barrier.wait()
    seconds = time.perf_counter() - start
    for process in started:
        process.join()
    return len(genotypes) * WIDE.epochs / seconds


def alone_seconds(genotypes: Genotypes, recipe: Recipe, data: Noise) -> float:
    """Processor seconds per network, one after another."""
    start = time.process_time()
    for genotype in genotypes:
        train(CELLS, genotype, data, recipe, 0)
    return (time.process_time() - start) / len(genotypes)


def stacked_seconds(genotypes: Genotypes, recipe: Recipe, data: Noise) -> float:
    """Processor seconds per network of one stack."""
    start = time.process_time()
    train_stack(CELLS, genotypes, data, recipe, [0] * len(genotypes))
    return (time.process_time() - start) / len(genotypes)


def main() -> None:
    """Print both tables."""
    genotypes = CELLS.canonical(CELLS.sample(32, np.random.default_rng(0)))
    runs = {"two processes of one thread": (ours, 2, 1), "one process of two threads": (ours, 1, 2)}
    runs["a default PyTorch loop of two threads"] = (default, 1, 2)
    best = dict.fromkeys(runs, 0.0)
    for _ in range(REPEATS):
        for name, (work, processes, threads) in runs.items():
            best[name] = max(best[name], epochs_per_second(work, genotypes[:4], processes, threads))
    for name, rate in best.items():
        print(
            f"{name:40s} {rate:6.2f} epochs/s   two processes are {next(iter(best.values())) / rate:.2f} times as fast",
            flush=True,
        )
    torch.set_num_threads(1)
    for width, side in ((4, 8), (8, 8), (8, 16)):
        recipe, data = replace(SMALL, width=width, resolution=side), task(side, 512)
        alone = min(alone_seconds(genotypes, recipe, data) for _ in range(REPEATS))
        print(f"C={width}, {side}x{side}: alone {1e3 * alone:5.0f} ms an epoch (stack_size {stack_size(recipe)})", end="")
        for n in (8, 32):
            parts = [genotypes[i : i + n] for i in range(0, len(genotypes), n)]
            seconds = min(np.mean([stacked_seconds(p, recipe, data) for p in parts]) for _ in range(REPEATS))
            print(f"; stack of {n} {alone / seconds:.2f} times as fast", end="")
        print(flush=True)


if __name__ == "__main__":
    main()
