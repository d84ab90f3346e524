"""The training of one job inside a worker, an epoch at a time."""

from __future__ import annotations

from dataclasses import replace

import torch

from ...bench.spaces import space
from ...metadata.tasks import ImageTask
from ...metadata.training import Diverged, Epoch
from ...metadata.training.counting import counted
from ...metadata.training.loop import Data, Training, diverged, guarded
from ...metadata.training.trainer import initial_network, task_shape
from .checkpoint import packed, restore, unpacked
from .jobs import Job

UNSEEN = float("nan")  # accuracy on images that a training may not look at


class Session:
    """A job under way.

    Args:
        job: what to train.
        task: its images. Those of ``test`` are not there: a search does not see them.
        device: ``cpu`` or ``cuda:0``.
        saved: checkpoint to go on from; empty, or damaged, begins anew.

    Attributes:
        epochs: what was measured so far; validation is NaN where the job does not validate, test always is.

    Raises:
        OutOfMemory: like :meth:`advance`.
        WarmnasError: where the images are not what the recipe asks for.
    """

    def __init__(self, job: Job, task: ImageTask, device: str, saved: bytes = b"") -> None:
        self.job = job
        chosen, where = space(job.space), torch.device(device)
        with guarded():
            data = Data.of(replace(task, test=task.val), job.recipe, where)  # the loop wants a third part and reads none
            network = initial_network(
                chosen, chosen.from_string(job.genotype), task_shape(task), len(task.classes), job.recipe, job.seed
            )
            self.costs = counted(network, task_shape(task))
            network.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.training = Training(network, lambda x: network(x)[None], data, job.recipe, job.seed)
        content = unpacked(saved) if saved else None
        self.epochs = restore(self.training, content) if content else []

    @property
    def done(self) -> bool:
        """Whether the last epoch was trained."""
        return len(self.epochs) >= self.job.recipe.epochs

    def advance(self) -> Epoch:
        """Train one epoch; Diverged where it is not finite, OutOfMemory where it does not fit."""
        training, number = self.training, len(self.epochs)
        with guarded():
            started = training.clock()
            (loss, right) = training.train(number)[:, 0].tolist()
            seconds = training.clock() - started
            validated = float(training.test(training.data.val)) if self.job.validate else UNSEEN
        row = Epoch(number + 1, loss, right, validated, UNSEEN, seconds)
        if diverged(row._replace(test_accuracy=0.0, val_accuracy=validated if self.job.validate else 0.0)):
            raise Diverged(f"not a finite number in epoch {row.epoch} of {self.job.recipe.epochs}")
        self.epochs.append(row)
        return row

    def snapshot(self) -> bytes:
        """The training as it stands."""
        return packed(self.training, self.epochs)
