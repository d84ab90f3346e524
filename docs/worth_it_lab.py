"""The trainings behind docs/worth_it.md: a pool of cells on three tasks, retrained networks, and rivals without a search.

Everything goes through experiment stores in one folder, so that it can be stopped and started at any time. The pool is a
uniform draw of function classes in a random order, class by class over all three tasks: any beginning of it is a study.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from warmnas.bench import space as space_named
from warmnas.metadata.experiments import ExperimentStore, Prepared, TaskFacts, Trial, prepare, read_plan
from warmnas.metadata.experiments.plan import Architectures, Plan, TaskChoice
from warmnas.metadata.experiments.trainer import TorchTrainer
from warmnas.metadata.experiments.worker import run_claims
from warmnas.metadata.tasks import ImageTask, Part, open_task
from warmnas.metadata.tasks.place import find_data
from warmnas.metadata.training import Recipe
from warmnas.metadata.training.loop import Data, Training

SPACE = "nasbench201"
_CELL = space_named(SPACE).from_string("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|")
RESNET = space_named(SPACE).to_string(space_named(SPACE).canonical(_CELL[None])[0])  # as the pool writes it
CLASSES, BUDGET, SEEDS = 200, 10, 3  # of the pool; trainings of a search; retrainings of what is not found by a search
RECIPE = replace(read_plan("images-v1").recipe, train_size=None)
# Few images, as where a search with ten trainings is thought of; flowers17 has 680 to train on, 340 and 340.
ANIMALS = TaskChoice("animal-mnist[eval=500]", train_size=600)
FLOWERS, SPOKEN = TaskChoice("flowers17"), TaskChoice("spoken-digits", train_size=600)
# What the ten trainings of "the ResNet cell, tuned" are spent on: learning rate, weight decay, width.
TUNED = (
    (0.1, 5e-4, 8), (0.05, 5e-4, 8), (0.2, 5e-4, 8), (0.1, 5e-3, 8), (0.05, 5e-3, 8), (0.2, 5e-3, 8),
    (0.1, 5e-4, 6), (0.1, 5e-3, 6), (0.1, 5e-4, 12), (0.1, 5e-3, 12),
)  # fmt: skip


class PlainResNet(nn.Module):
    """The smallest residual network of He et al. (CVPR 2016, section 4.2), n = 1: 8 layers of 16, 32 and 64 channels."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.first, self.second, self.short = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for before, after in ((16, 16), (16, 32), (32, 64)):
            stride = after // before
            one, two = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.Conv2d(after, after, 3, padding=1, bias=False)
            self.first.append(nn.Sequential(one, nn.BatchNorm2d(after), nn.ReLU()))
            self.second.append(nn.Sequential(two, nn.BatchNorm2d(after)))
            project = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
            self.short.append(project if stride > 1 else nn.Identity())
        self.head = nn.Linear(64, classes)

    def forward(self, images: Tensor) -> Tensor:
        """(n, channels, height, width) -> (n, classes)."""
        x = self.stem(images)
        for first, second, short in zip(self.first, self.second, self.short, strict=True):
            x = torch.relu(second(first(x)) + short(x))
        logits: Tensor = self.head(x.mean(dim=(2, 3)))
        return logits


@dataclass
class Lab:
    """The folder of the trainings, and what is done in it.

    Args:
        folder: holds ``pool.db``, ``finals.db`` and ``speakers.txt``.
        classes: size of the pool.
        say: told how far it is.
    """

    folder: Path
    classes: int = CLASSES
    say: Callable[[str], None] = print
    trainer: TorchTrainer = field(default_factory=TorchTrainer)
    _tests: dict[str, Part] = field(default_factory=dict)

    def __post_init__(self) -> None:
        torch.set_num_threads(1)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pool_store = ExperimentStore(self.folder / "pool.db")
        self.final_store = ExperimentStore(self.folder / "finals.db")
        for store in (self.pool_store, self.final_store):
            store.release()  # what a run that was stopped still holds
        self.space = space_named(SPACE)

    # --- what there is to train ------------------------------------------------------------------------------------
    @cached_property
    def pool(self) -> Prepared:
        """All trainings of the pool: the ResNet cell, then class by class, each on the three tasks."""
        choices = (ANIMALS, replace(SPOKEN, groups=str(self._speakers())), FLOWERS)
        architectures = Architectures(self.classes - 1, names=(RESNET,), seed=1000)
        return prepare(Plan("worth-it", SPACE, choices, RECIPE, architectures), self._without_test)

    def _without_test(self, spec: str, **options: Any) -> ImageTask:
        """What a search may see of a task. One image stands for its test part, and what it says is read nowhere."""
        task = open_task(spec, **options)
        seen = replace(task, test=Part(task.val.images[:1], task.val.labels[:1]))
        self._tests[seen.hash] = task.test
        return seen

    def _speakers(self) -> Path:
        """A file of the speaker of each recording, beside the recordings in the user's data folder."""
        path, found = self.folder / "speakers.txt", find_data("spoken-digits")
        if found is None:
            raise SystemExit("spoken-digits.npz is not in the folder that WARMNAS_DATA names")
        with np.load(found, allow_pickle=False) as file:
            path.write_text("\n".join(file["speaker"]) + "\n", encoding="utf-8")
        return path

    @cached_property
    def names(self) -> list[str]:
        """Strings of the pool's cells, in order, the ResNet cell first."""
        return list(dict.fromkeys(trial.genotype for trial in self.pool.trials))

    @cached_property
    def tasks(self) -> dict[str, ImageTask]:
        """By their hash, in the order of the plan."""
        return dict(self.pool.tasks)

    @cached_property
    def joined(self) -> dict[str, ImageTask]:
        """Of each task: train and validation to train on, test to look at once. One image stands for validation."""
        found = {}
        for key, task in self.tasks.items():
            images = np.concatenate([task.train.images, task.val.images])
            train = Part(images, np.concatenate([task.train.labels, task.val.labels]))
            found[key] = replace(task, train=train, val=task.test, test=self._tests[key])
        return found

    # --- training --------------------------------------------------------------------------------------------------
    def train_pool(self, classes: int) -> None:
        """The first so many classes on all tasks."""
        trials = [trial for trial in self.pool.trials if trial.genotype in set(self.names[:classes])]
        self._train(self.pool_store, trials, self.tasks, self.pool.facts, f"pool of {classes}")

    def train_finals(self, wanted: Iterable[tuple[str, str, Recipe, int]], what: str) -> None:
        """Networks on train and validation: (hash of the task, cell, recipe, seed)."""
        facts = [TaskFacts.of(task, f"{task.name}, train and validation") for task in self.joined.values()]
        tasks = {task.hash: task for task in self.joined.values()}
        self._train(self.final_store, [self._final(*one) for one in wanted], tasks, facts, what)

    def train_tuned(self) -> None:
        """The ResNet cell with ten settings on every task."""
        trials = [trial for key in self.tasks for trial in self._tuned(key)]
        self._train(self.pool_store, trials, self.tasks, self.pool.facts, "the ResNet cell, tuned")

    def _tuned(self, key: str) -> list[Trial]:
        size = next(trial for trial in self.pool.trials if trial.task_hash == key).recipe.train_size
        recipes = [replace(recipe, train_size=size) for recipe in self.tuned()]
        return [Trial(SPACE, RESNET, self.tasks[key].name, 0, recipe, key) for recipe in recipes]

    def _final(self, key: str, cell: str, recipe: Recipe, seed: int) -> Trial:
        task = self.joined[key]
        return Trial(SPACE, cell, task.name, seed, recipe, task.hash)

    def _train(
        self,
        store: ExperimentStore,
        trials: Sequence[Trial],
        tasks: dict[str, ImageTask],
        facts: Iterable[TaskFacts],
        what: str,
    ) -> None:
        plan = f"{what} {len(trials)} {trials[-1].id}" if trials else ""
        store.add(trials, plan, facts)
        started, trained = time.monotonic(), 0
        while trials and (claims := store.claim(plan)):
            run_claims(store, claims, tasks[claims[0].trial.task_hash], self.trainer, "cpu")
            trained, left = trained + 1, store.counts(plan)["left"]
            each = (time.monotonic() - started) / trained
            self.say(
                f"{what}: {len(trials) - left} of {len(trials)}, {each:.0f} s each, about {each * left / 60:.0f} min left"
            )

    # --- what is known ---------------------------------------------------------------------------------------------
    def measured(self, store: ExperimentStore, trials: Sequence[Trial], column: str) -> list[float]:
        """A column of the last epoch of each trial; NaN where it is not trained to its end."""
        query = f"""SELECT {column} FROM trials JOIN epochs ON trial = number AND epoch = trials.epochs
            WHERE id = ? AND state = 'done'"""
        rows = [store.query(query, (trial.id,)) for trial in trials]
        return [float(row[0][0]) if row and row[0][0] is not None else float("nan") for row in rows]

    def validation(self) -> dict[str, np.ndarray]:
        """Of each task, validation accuracy of the pool's cells in percent, (classes,)."""
        return {key: self._column(key, "val_accuracy") for key in self.tasks}

    def _column(self, key: str, column: str) -> np.ndarray:
        trials = {trial.genotype: trial for trial in self.pool.trials if trial.task_hash == key}
        return np.array(self.measured(self.pool_store, [trials[name] for name in self.names], column))

    def test(self, wanted: Sequence[tuple[str, str, Recipe, int]]) -> list[float]:
        """Test accuracy of finally trained networks."""
        return self.measured(self.final_store, [self._final(*one) for one in wanted], "test_accuracy")

    def tuned(self) -> list[Recipe]:
        """The ten settings."""
        return [replace(RECIPE, rate=rate, weight_decay=decay, width=width) for rate, decay, width in TUNED]

    def best_tuned(self, key: str) -> Recipe:
        """The setting with the best validation accuracy so far; the usual one where there is none."""
        values = self.measured(self.pool_store, self._tuned(key), "val_accuracy")
        return self.tuned()[int(np.argmax(np.nan_to_num(values)))]

    def long(self, key: str) -> Recipe:
        """As many images as a search and its retraining see, in one training on train and validation."""
        growth = len(self.joined[key].train) / len(self.tasks[key].train)
        return replace(RECIPE, epochs=round(RECIPE.epochs * (1 + BUDGET / growth)))

    def plain(self, key: str, seed: int, train: bool = True) -> float:
        """Test accuracy of the plain residual network of a seed; where it is not known it is trained, or NaN."""
        name, task = f"plain {self.joined[key].hash} {seed}", self.joined[key]
        if known := self.final_store.query("SELECT value FROM notes WHERE key = ?", (name,)):
            return float(json.loads(known[0][0]))
        if not train:
            return float("nan")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = PlainResNet(task.shape[2], len(task.classes))
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        data = Data.of(task, RECIPE, torch.device("cpu"))
        training = Training(network, lambda x: network(x)[None], data, RECIPE, seed)
        for epoch in range(RECIPE.epochs):
            training.train(epoch)
        value = float(training.test(data.test))
        self.final_store.note(name, json.dumps(value))
        return value
