"""Tables of NAS-Bench-201 and NATS-Bench from their records.

The split contract, for whoever wonders why there is no validation accuracy for ``cifar10`` (``nas_201_api/api_201.py``,
``get_more_info``; the same in ``nats_bench``):

=================  ===========================  =====================  ==================  =====================
task               trained on                   ``val``                ``test``            ``valtest``
=================  ===========================  =====================  ==================  =====================
cifar10-valid      25,000 training images       ``x-valid``, 25,000    ``ori-test``        absent
cifar10            50,000 training images       absent                 ``ori-test``        absent
cifar100           50,000 training images       ``x-valid``, 5,000     ``x-test``, 5,000   ``ori-test``, both
ImageNet16-120     151,700 training images      ``x-valid``, 3,000     ``x-test``, 3,000   ``ori-test``, both
=================  ===========================  =====================  ==================  =====================

On CIFAR-100 and ImageNet16-120 validation and test are the two halves of the original test set, and at 200 epochs only the
last epoch was evaluated on each; the curve over all epochs is that of both together. It is kept as ``valtest_accuracy`` and
never served as either. Epochs count from 1. A run of 12 epochs is a training of its own, not the start of one of 200.

Parameters are counted from the genotype because the stored sizes are wrong for some cells (NATS-Bench issue 36; the
attribute ``sizes_that_disagree`` counts them); operations are those of the shortest schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..assembling import Array, Draft
from ..spaces import FloatArray, Genotypes, space
from ..table import Table
from ..values import Split
from .nats_records import Run

Runs = Mapping[tuple[str, int], Run]
VALTEST = "valtest_accuracy"


@dataclass(frozen=True)
class _Task:
    family: str
    classes: int
    validation_size: int
    splits: dict[str, str]  # variable -> the records' own name of the split


def _splits(val: str | None, test: str, valtest: str | None = None) -> dict[str, str]:
    named = {"train_accuracy": "train", "val_accuracy": val, "test_accuracy": test, VALTEST: valtest}
    return {variable: key for variable, key in named.items() if key is not None}


TASKS = {
    "cifar10-valid": _Task("cifar10", 10, 25_000, _splits("x-valid", "ori-test")),
    "cifar10": _Task("cifar10", 10, 0, _splits(None, "ori-test")),
    "cifar100": _Task("cifar100", 100, 5_000, _splits("x-valid", "x-test", "ori-test")),
    "ImageNet16-120": _Task("ImageNet16", 120, 3_000, _splits("x-valid", "x-test", "ori-test")),
}


@dataclass(frozen=True)
class Family:
    """What differs between the two spaces of NATS-Bench.

    Attributes:
        name: of the table.
        space: of its architectures.
        params: parameters of genotypes for a number of classes.
        protocol: what was trained.
        source: with citation.
    """

    name: str
    space: str
    params: Callable[[Genotypes, int], FloatArray]
    protocol: str
    source: str


@dataclass(frozen=True)
class Architecture:
    """One architecture: its official number and string, and its runs by schedule, data set and seed."""

    index: int
    string: str
    schedules: Mapping[int, Runs]


def build(family: Family, architectures: Sequence[Architecture], name: str | None, source: str | None) -> Table:
    """The table of these architectures, in the official order."""
    architectures = sorted(architectures, key=lambda architecture: architecture.index)
    if not architectures:
        raise ValueError("no architecture in it was trained")
    keys = {key for a in architectures for runs in a.schedules.values() for key in runs}
    unknown = sorted({dataset for dataset, _ in keys} - set(TASKS))
    if unknown:
        raise ValueError(f"the data set '{unknown[0]}' is not one of the benchmark")
    tasks = [task for task in TASKS if task in {dataset for dataset, _ in keys}]
    schedules = sorted({schedule for a in architectures for schedule in a.schedules})
    searched = space(family.space)
    genotypes = np.stack([searched.from_string(a.string) for a in architectures])
    draft = Draft(
        name or family.name,
        searched,
        [searched.to_string(genotype) for genotype in genotypes],
        genotypes,
        {
            "task": tasks,
            "schedule": schedules,
            "seed": sorted({seed for _, seed in keys}),
            "epoch": range(1, max(schedules) + 1),
            "device": ["as in the source"],
        },
        {},
        source or family.source,
        "MIT",
        coords={
            "family": [TASKS[task].family for task in tasks],
            "validation_size": [TASKS[task].validation_size for task in tasks],
            "classes": [TASKS[task].classes for task in tasks],
        },
    )
    draft.attrs = {
        "protocol": family.protocol,
        "absent": "On cifar10 all training images are trained on, so none are left to validate on.",
    }
    _Filling(draft, family, architectures).run()
    return draft.table()


class _Filling:
    """Puts every run in its place."""

    def __init__(self, draft: Draft, family: Family, architectures: Sequence[Architecture]) -> None:
        self.draft, self.family, self.architectures = draft, family, architectures
        self.place = {axis: {label: i for i, label in enumerate(labels)} for axis, labels in draft.axes.items()}
        self.curves: dict[str, Array] = {}

    def run(self) -> None:
        """Fill the draft."""
        draft, per_run = self.draft, ("task", "architecture", "schedule", "seed")
        run_seconds = self._times(per_run)
        val_seconds = draft.empty("val_seconds", per_run)
        stored = np.full((draft.size("task"), draft.size("architecture")), np.nan)
        flops, latency = draft.empty("flops", per_run[:2]), draft.empty("latency", (*per_run[:2], "device"))
        seen: dict[tuple[int, int], list[float]] = {}
        for row, architecture in enumerate(self.architectures):
            for schedule, runs in sorted(architecture.schedules.items(), reverse=True):
                for (dataset, seed), run in runs.items():
                    at = (self.place["task"][dataset], row, self.place["schedule"][schedule], self.place["seed"][seed])
                    if run.epochs != schedule:
                        raise ValueError(f"a run of {run.epochs} epochs among those of {schedule}")
                    self._curves(at, dataset, run)
                    if run.seconds is not None:
                        run_seconds[at] = run.seconds.sum() if run_seconds.ndim == 4 else _padded(run.seconds, run_seconds)
                    val_seconds[at] = run.val_seconds
                    flops[at[:2]], stored[at[:2]] = run.flops, run.params
                    seen.setdefault(at[:2], []).append(run.latency)
        for where, measured in seen.items():
            latency[where] = np.mean(measured)
        self._sizes(stored)
        self._described()

    def _times(self, dims: tuple[str, ...]) -> Array:
        """The variable of training times: per epoch where they differ within a run, else per run, which are estimates."""
        runs = [run for a in self.architectures for runs in a.schedules.values() for run in runs.values()]
        timed = any(run.seconds is not None and np.ptp(run.seconds) > 0 for run in runs)
        if timed:
            return self.draft.empty("train_seconds", (*dims, "epoch"), np.float32, timed="alone")
        return self.draft.empty("train_seconds", dims, timed="estimated")

    def _curves(self, at: tuple[int, ...], dataset: str, run: Run) -> None:
        curves = {variable: run.accuracy.get(key) for variable, key in TASKS[dataset].splits.items()}
        for variable, curve in {**curves, "train_loss": run.loss}.items():
            if curve is None:
                continue
            if variable not in self.curves:
                dims = ("task", "architecture", "schedule", "seed", "epoch")
                self.curves[variable] = self.draft.empty(variable, dims, np.float32)
            self.curves[variable][at][: run.epochs] = curve

    def _sizes(self, stored: Array) -> None:
        """Parameters by counting, and how many stored sizes say something else."""
        counted = np.stack([self.family.params(self.draft.genotypes, TASKS[t].classes) for t in self.draft.axes["task"]])
        self.draft.empty("params", ("task", "architecture"))[:] = counted
        there = ~np.isnan(stored)
        wrong = int((np.abs(stored - counted)[there] > 0.5).sum())
        self.draft.attrs = {**self.draft.attrs, "sizes_that_disagree": wrong}
        index = np.array([a.index for a in self.architectures], dtype=np.int64)
        self.draft.arrays["official_index"] = (("architecture",), index, {"units": "1"})

    def _described(self) -> None:
        """The splits that were found, with the records' own keys."""
        splits: dict[str, dict[str, str]] = {}
        for number, task in enumerate(self.draft.axes["task"]):
            for split in Split:
                key = TASKS[task].splits.get(split.variable)
                if key and split.variable in self.curves and not np.isnan(self.curves[split.variable][number]).all():
                    splits.setdefault(task, {})[split.value] = f"{task}/{key}"
        self.draft.splits = splits


def _padded(seconds: Any, like: Array) -> Array:
    padded = np.full(like.shape[-1], np.nan, like.dtype)
    padded[: len(seconds)] = seconds
    return padded
