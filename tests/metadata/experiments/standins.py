"""A task of a few noise images, and a trainer whose numbers are a function of trial and epoch."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from warmnas.bench.spaces import space
from warmnas.metadata.experiments import Plan, Trial, prepare
from warmnas.metadata.experiments.plan import Architectures, TaskChoice
from warmnas.metadata.training.recipe import Diverged, Epoch, OutOfMemory, Recipe

RECIPE = Recipe(epochs=3, batch=4, width=4, cells=1, resolution=4)
SPACE = space("nasbench201")
TASKS = ("a", "b")


@dataclass(frozen=True)
class Part:
    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Task:
    name: str
    family: str
    hash: str
    train: Part
    val: Part
    test: Part
    classes: tuple[str, ...] = ("0", "1")
    flip: bool = False
    crop: bool = False
    source: str = "made up"
    licence: str = "CC0-1.0"

    @property
    def mean(self):
        return self.train.images.mean(axis=(0, 1, 2)) / 255

    @property
    def std(self):
        return self.train.images.std(axis=(0, 1, 2)) / 255


def open_task(spec, *, resolution=None, channels=None, train_size=None, groups=None):
    """A task of noise, of ten training images unless told otherwise."""
    if spec == "unreadable":
        from warmnas.bench.errors import WarmnasError

        raise WarmnasError("unreadable: no images")
    digest = hashlib.sha256(f"{spec}{resolution}{channels}{train_size}".encode()).hexdigest()[:16]
    rng = np.random.default_rng(int(digest, 16))
    train, val, test = (
        Part(rng.integers(0, 256, (n, resolution, resolution, channels or 1), dtype=np.uint8), np.arange(n) % 2)
        for n in (train_size or 10, 6, 4)
    )
    return Task(spec, spec.split("[")[0], digest, train, val, test)


def plan(number=4, tasks=TASKS, epochs=3, **changes):
    """So many architectures on these tasks."""
    recipe = replace(RECIPE, epochs=epochs)
    chosen = tuple(task if isinstance(task, TaskChoice) else TaskChoice(task) for task in tasks)
    return Plan("made-up", "nasbench201", chosen, recipe, Architectures(uniform=number), **changes)


def trial(number=0, task="a", seed=0, recipe=RECIPE):
    """The trial of the architecture of that index."""
    return Trial("nasbench201", SPACE.to_string(SPACE.from_index(np.array(number))), task, seed, recipe)


def epoch_of(trial, epoch):
    """What the stand-in measures."""
    rng = np.random.default_rng([int(trial.id[:12], 16), epoch])
    loss, train, val, test = map(float, rng.uniform(0, 100, 4))
    return Epoch(epoch, loss, train, val, test, 0.25)


@dataclass
class FakeTrainer:
    """Trains in no time, unless told how long an epoch takes."""

    seconds: float = 0.0
    stack: int = 1
    failures: dict[str, str] = field(default_factory=dict)  # genotype -> how it fails
    log: str = ""  # file of the trials that were trained
    pids: str = ""  # file of the processes that train

    def together(self, recipe, device):
        return self.stack

    def train(self, trials, task, report, device):
        failed = {}
        if self.pids:
            with Path(self.pids).open("a", encoding="utf-8") as file:
                file.write(f"{os.getpid()}\n")
        for epoch in range(1, trials[0].recipe.epochs + 1):
            time.sleep(self.seconds)
            for index, trial in enumerate(trials):
                if index not in failed and (how := self.failures.get(trial.genotype)) and epoch == 2:
                    failed[index] = self.fail(how, len(trials) > 1)
                if index not in failed:
                    report(index, epoch_of(trial, epoch))
        if self.log:
            with Path(self.log).open("a", encoding="utf-8") as file:
                file.write("".join(f"{trial.id}\n" for trial in trials))
        if failed and len(trials) == 1:
            raise failed[0]
        return failed

    def fail(self, how, stacked):
        """The exception of a failure; some cannot be told apart in a stack and are raised."""
        if how == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "memory":
            raise OutOfMemory("no room")
        if how == "crash":
            raise ValueError("two\nlines")
        return Diverged("not a number in epoch 2")

    def costs(self, trial, task):
        digest = hashlib.sha256(f"{trial.genotype}{trial.task_hash}".encode()).hexdigest()
        return int(digest[:4], 16), int(digest[4:10], 16)


def generate_alone(path, made_plan, log, seconds=0.01, workers=2, stack=1):
    """A generation in a process of its own."""
    from warmnas.metadata.experiments import ExperimentStore, generate

    store = ExperimentStore(path)
    trainer = FakeTrainer(seconds=seconds, log=log, stack=stack)
    generate(made_plan, store, workers=workers, trainer=trainer, opener=open_task)
    store.close()


def broken():
    """What cannot be unpickled."""
    raise ImportError("no such trainer")


@dataclass
class FullDisk(FakeTrainer):
    """As if the disk filled up after a while."""

    def train(self, trials, task, report, device):
        from warmnas.metadata.experiments import StoreUnavailable

        if int(trials[0].id[0], 16) == 0:
            raise StoreUnavailable("store: the disk is full; what was recorded is safe")
        return super().train(trials, task, report, device)


EPOCHS = "SELECT id, epoch, train_loss, train_accuracy, val_accuracy, test_accuracy, seconds FROM epochs JOIN trials"


def everything_once(store, plan):
    """Every trial of the plan is done once, with the epochs that it must have."""
    prepared = prepare(plan, open_task)
    wanted = {
        (trial.id, epoch): epoch_of(trial, epoch)
        for trial in prepared.trials
        for epoch in range(1, trial.recipe.epochs + 1)
    }
    found = store.query(EPOCHS + " ON trial = number")
    assert len(found) == len(wanted)
    assert {row[:2]: row[1:] for row in found} == wanted
    assert store.query("SELECT COUNT(*), COUNT(DISTINCT id) FROM trials") == [(len(prepared.trials),) * 2]
    assert store.query("SELECT DISTINCT state FROM trials") == [("done",)]
    assert store.query("PRAGMA integrity_check") == [("ok",)]
    costs = {trial.id: FakeTrainer().costs(trial, None) for trial in prepared.trials}
    assert {row[0]: row[1:] for row in store.query("SELECT id, params, flops FROM trials")} == costs
