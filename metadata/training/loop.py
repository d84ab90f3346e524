"""The one training loop, for a network alone and for a stack of networks that see the same batches.

The loop knows only a function from images to logits of shape (models, batch, classes), so a network alone is a stack of
one. The loss is the sum over the models of each one's mean cross-entropy: as no parameter belongs to two models, its
gradient holds each model's own, and SGD on the stacked tensors is SGD on each.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...bench.errors import WarmnasError
from .data import Images, Task, bounds
from .recipe import Epoch, OutOfMemory, Recipe

Logits = Callable[[Tensor], Tensor]  # images (batch, channels, height, width) -> (models, batch, classes)
WEIGHTS, ORDER, NOISE = range(3)  # what a seed's streams are for


def stream(seed: int, purpose: int) -> np.random.Generator:
    """The random numbers of one training for one purpose."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose,)))


class Data(NamedTuple):
    """The three splits of a task on a device."""

    train: Images
    val: Images
    test: Images

    @classmethod
    def of(cls, task: Task, recipe: Recipe, device: torch.device) -> Data:
        """The task's images, checked against the recipe: WarmnasError where they are not what it asks for."""
        size, n = task.train.images.shape[1:3], len(task.train.images)
        if size != (recipe.resolution, recipe.resolution):
            wanted = f"{recipe.resolution} x {recipe.resolution}"
            raise WarmnasError(f"{task.name}: images of {size[0]} x {size[1]}, but the recipe's resolution is {wanted}")
        if recipe.train_size is not None and n > recipe.train_size:
            raise WarmnasError(f"{task.name}: {n} training images, but the recipe's train_size is {recipe.train_size}")
        for name in ("train", "val", "test"):
            if not len(getattr(task, name).images):
                raise WarmnasError(f"{task.name}: no images in {name}")
        pad = recipe.resolution // 8 if recipe.augment and task.crop else 0
        flip = recipe.augment and task.flip
        mean, std = task.mean, task.std
        train = Images(task.train, mean, std, device, pad=pad, flip=flip)
        return cls(train, Images(task.val, mean, std, device), Images(task.test, mean, std, device))


@contextmanager
def guarded() -> Iterator[None]:
    """Repeatable kernels on a GPU; memory that ran out becomes :class:`OutOfMemory`."""
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
            yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory(str(error).splitlines()[0] if str(error) else "no memory left") from error
    except RuntimeError as error:  # the CPU's allocator has no exception of its own
        if "can't allocate memory" not in str(error):
            raise
        raise OutOfMemory(str(error).splitlines()[0]) from error


def losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of each model: (models, batch, classes), (batch,) -> (models,)."""
    models, batch, classes = logits.shape
    each = functional.cross_entropy(logits.reshape(-1, classes), labels.repeat(models), reduction="none")
    return each.view(models, batch).mean(dim=1)


def optimizer(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.SGD:
    """SGD of the recipe; parameters without a gradient, such as those of unused edges, stay as they are."""
    return torch.optim.SGD(
        parameters, recipe.rate, recipe.momentum, weight_decay=recipe.weight_decay, nesterov=recipe.momentum > 0, fused=True
    )


def accuracy(logits: Logits, images: Images, batch: int, dtype: torch.dtype) -> Tensor:
    """Percent of images that each model gets right, (models,); NaN for a model with an output that is not finite."""
    right: Tensor | float = 0.0
    with torch.no_grad():
        for x, y in images.in_order(batch, dtype):
            z = logits(x)
            finite = z.isfinite().all(dim=2).all(dim=1)
            right = right + torch.where(finite, (z.argmax(dim=2) == y).sum(dim=1).double(), torch.nan)
    return torch.as_tensor(right) * (100 / len(images))


def _clock(device: torch.device) -> Callable[[], float]:
    """Seconds of one thread's own computing, where it is one thread; other work on the machine does not count then."""
    return time.thread_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter


class Training:
    """A training under way: the module that holds the parameters, and how it maps images to (models, batch, classes)."""

    def __init__(self, module: nn.Module, logits: Logits, data: Data, recipe: Recipe, seed: int) -> None:
        self.module, self.logits, self.data, self.recipe = module, logits, data, recipe
        self.optimizer = optimizer(module.parameters(), recipe)
        first = next(module.parameters())
        self.dtype = first.dtype
        self.clock = _clock(first.device)
        self._order, self._noise = stream(seed, ORDER), stream(seed, NOISE)

    @property
    def streams(self) -> tuple[np.random.Generator, np.random.Generator]:
        """What order and augmentation are drawn from; with the weights and the optimizer they are the training's state."""
        return self._order, self._noise

    def step(self, images: Tensor, labels: Tensor, progress: float) -> Tensor:
        """One update after ``progress`` epochs; sums over the batch of loss and of right answers, (2, models)."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate(progress)
        self.optimizer.zero_grad()
        logits = self.logits(images)
        loss = losses(logits, labels)
        loss.sum().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        right = (logits.detach().argmax(dim=2) == labels).sum(dim=1)
        return torch.stack([loss.detach().double() * len(labels), right.double()])

    def train(self, epoch: int) -> Tensor:
        """One pass; mean loss and percent right of each model, (2, models), on the CPU. ``epoch`` counts from 0."""
        self.module.train()
        images, batch = self.data.train, self.recipe.batch
        n = len(bounds(len(images), batch))
        batches = images.batches(batch, self.dtype, self._order, self._noise)
        # Summed on the device: reading a number would wait for the GPU at every batch.
        total = sum((self.step(x, y, epoch + i / n) for i, (x, y) in enumerate(batches)), torch.zeros(()))
        return (total / len(images)).cpu() * torch.tensor([[1.0], [100.0]])

    def test(self, images: Images) -> Tensor:
        """Percent right of each model, (models,), on the CPU."""
        self.module.eval()
        return accuracy(self.logits, images, max(self.recipe.batch, 256), self.dtype).cpu()

    def epochs(self) -> Iterator[list[Epoch]]:
        """What each epoch measured, a row per model; what is not finite stands as it is."""
        for epoch in range(self.recipe.epochs):
            started = self.clock()
            loss, right = self.train(epoch)
            seconds = (self.clock() - started) / len(loss)
            columns = torch.stack([loss, right, self.test(self.data.val), self.test(self.data.test)], dim=1)
            yield [Epoch(epoch + 1, a, b, c, d, seconds) for a, b, c, d in columns.tolist()]


def diverged(row: Epoch) -> bool:
    """Whether a loss or an output of this epoch was not a finite number."""
    return not math.isfinite(row.train_loss + row.val_accuracy + row.test_accuracy)
