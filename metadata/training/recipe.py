"""The recipe of one training and what comes out of it. Nothing here needs torch.

NAS-Bench-201's own recipe (Dong & Yang, ICLR 2020, section 2.2; the files LESS.config and CIFAR.config of its repository):
SGD with Nesterov momentum .9, weight decay 5e-4 on every parameter, batch norm included, batches of 256, softmax
cross-entropy, and a learning rate that falls from .1 to 0 along a cosine. In the benchmark's code the cosine advances with
every batch, not with every epoch:

    rate(epoch e, batch i of n) = rate / 2 * (1 + cos(pi * (e + i / n) / epochs))        e, i from 0

so 12 epochs of a 12-epoch training and the first 12 of 200 are different things.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

from ...bench.errors import WarmnasError

# Part of the hash: raise the number when the same fields come to mean another training.
_PROCEDURE = "sgd-nesterov-cosine-per-batch-1"
_POSITIVE = ("epochs", "width", "cells", "resolution")


@dataclass(frozen=True)
class Recipe:
    """How a network is built and trained. The defaults are NAS-Bench-201's long training.

    ``batch`` counts images, ``resolution`` pixels a side, ``train_size`` training images (None: all there are);
    ``augment`` allows the crops and flips that make sense for the task. ``incremental`` trains one layer at a time, every
    prefix for ``epochs`` epochs (see ``incremental.py``). Fields out of range are a WarmnasError.
    """

    epochs: int = 200
    batch: int = 256
    rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    width: int = 16
    cells: int = 5
    resolution: int = 32
    train_size: int | None = None
    augment: bool = True
    incremental: bool = False

    def __post_init__(self) -> None:
        """Check every field, and make equal recipes equal: 1 and 1.0 are one learning rate."""
        for name in ("rate", "momentum", "weight_decay"):
            self._number(name)
            object.__setattr__(self, name, float(getattr(self, name)))
        for name in _POSITIVE:
            self._integer(name, 1)
        self._integer("batch", 2)  # batch norm has no variance of one image
        if self.train_size is not None:
            self._integer("train_size", 2)
        for name in ("augment", "incremental"):
            if not isinstance(getattr(self, name), bool):
                raise WarmnasError(f"recipe: {name} must be true or false, not {getattr(self, name)!r}")
        if self.rate == 0 or self.momentum >= 1:
            raise WarmnasError("recipe: rate must be above 0 and momentum below 1")

    def _integer(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise WarmnasError(f"recipe: {name} must be a whole number from {least}, not {value!r}")

    def _number(self, name: str) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise WarmnasError(f"recipe: {name} must be a number from 0, not {value!r}")

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The fields, in order."""
        return tuple(field.name for field in fields(cls))

    def as_dict(self) -> dict[str, Any]:
        """The fields, ``incremental`` only where it is true: recipes from before there was one stay what they are."""
        return {key: value for key, value in asdict(self).items() if key != "incremental" or value}

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits: equal for equal trainings, on every machine."""
        text = json.dumps([_PROCEDURE, self.as_dict()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def learning_rate(self, progress: float) -> float:
        """The rate after ``progress`` epochs, 0 <= progress <= epochs."""
        return self.rate / 2 * (1 + math.cos(math.pi * progress / self.epochs))


class Epoch(NamedTuple):
    """What one epoch measured. ``epoch`` counts from 1, accuracies are in percent.

    Training loss and accuracy are means over the epoch's own batches, augmented and under changing weights, as in the
    benchmark. ``seconds`` is the time of the training pass, evaluation excluded (on a CPU with one thread that
    thread's own computing time, else wall time); in a stack, its share of it.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_accuracy: float
    test_accuracy: float
    seconds: float


class Diverged(Exception):
    """A loss or an output was not a finite number."""


class OutOfMemory(Exception):
    """The network, or the stack of networks, did not fit into memory."""
