"""The records of NAS-Bench-201 and NATS-Bench: one training of one architecture on one data set.

Both keep the state of the class ``ResultsCount`` (``nas_201_api/api_utils.py`` and ``nats_bench/api_utils.py``): curves as
dictionaries from epochs, counted from 0, or from ``split@epoch`` to percent. A record becomes a few arrays as soon as
it has been read, so that a file of gigabytes never stands in memory as Python objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

MARKER = "eval_acc1es"  # only records have this key
KEPT = "run"
EVALUATED = ("x-valid", "x-test", "ori-test")
LONGEST = 10_000  # epochs
Curve = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Run:
    """One training.

    Attributes:
        epochs: how many; also the length of every curve.
        accuracy: percent per epoch, NaN where it was not evaluated, by ``train`` and the names of ``EVALUATED``.
        loss: of training per epoch.
        seconds: of each epoch of training, or None.
        val_seconds: of evaluating ``x-valid`` once, the mean over epochs; NaN where that is not said.
        flops: multiply-accumulate operations of one image.
        params: as stored, which for some architectures is wrong (NATS-Bench issue 36).
        latency: seconds, NaN where it was not measured.
    """

    epochs: int
    accuracy: dict[str, Curve]
    loss: Curve
    seconds: Curve | None
    val_seconds: float
    flops: float
    params: float
    latency: float


@cache
def _keys(split: str, epochs: int) -> list[str]:
    return [f"{split}@{epoch}" for epoch in range(epochs)]


def _curve(values: dict[Any, Any] | None, keys: list[Any]) -> Curve:
    """Values by key as an array, NaN for None and what is not there; two records may have one dictionary."""
    found = values or {}
    kept = found.get(KEPT)
    curve: Curve
    if kept is None:
        curve = np.array(list(map(found.get, keys)), dtype=np.float64).astype(np.float32)
    else:
        curve = kept[keys[0], len(keys)]
    return curve


def read_run(state: dict[str, Any]) -> Run:
    """The arrays of a record's state. Raises KeyError, TypeError or ValueError where it is not one."""
    epochs = state["epochs"]
    if type(epochs) is not int or not 1 <= epochs <= LONGEST:
        raise ValueError(f"a training of {epochs!r} epochs")
    epoch = list(range(epochs))
    accuracy = {"train": _curve(state["train_acc1es"], epoch)}
    for split in EVALUATED:
        if split in state["eval_names"]:
            accuracy[split] = _curve(state["eval_acc1es"], _keys(split, epochs))
    times = _times(state["eval_times"], epochs)
    latency = [float(seconds) for seconds in state["latency"] or []]
    measured = latency and min(latency) > 0
    return Run(
        epochs,
        accuracy,
        _curve(state["train_losses"], epoch),
        _curve(state["train_times"], epoch) if state["train_times"] else None,
        times,
        float(state["flop"]) * 1e6,
        float(state["params"]) * 1e6,
        sum(latency) / len(latency) if measured else float("nan"),
    )


def _times(values: dict[Any, Any] | None, epochs: int) -> float:
    """Mean seconds of evaluating x-valid, NaN where there are none; leaves the mean alone in the dictionary."""
    found = values or {}
    if KEPT not in found:
        seconds = [found[key] for key in _keys("x-valid", epochs) if found.get(key) is not None]
        mean = float(sum(seconds)) / len(seconds) if seconds else float("nan")
        found.clear()
        found[KEPT] = mean
    return float(found[KEPT])


def shrink(state: dict[str, Any]) -> None:
    """Replace the content of a record by its :class:`Run`; what :class:`..plainpickle.PlainPickle` calls."""
    run = read_run(state)
    epochs, epoch = run.epochs, (0, run.epochs)
    left: dict[str, dict[Any, Any]] = {
        "train_acc1es": {epoch: run.accuracy["train"]},
        "train_losses": {epoch: run.loss},
        "train_times": {epoch: run.seconds},
        "eval_acc1es": {(f"{s}@0", epochs): c for s, c in run.accuracy.items() if s != "train"},
    }
    for name, values in state.items():  # a pickle's memo holds on to each of them, so emptying the record is not enough
        if type(values) is dict and name != "eval_times":
            values.clear()
            values[KEPT] = left.get(name, {})
    state.clear()
    state[KEPT] = run


def runs_of(architecture: dict[str, Any]) -> dict[tuple[str, int], Run]:
    """The runs of one architecture's state (class ``ArchResults``), by data set and seed."""
    runs: dict[tuple[str, int], Run] = {}
    for (dataset, seed), state in architecture["all_results"].items():
        runs[str(dataset), int(seed)] = state[KEPT]
    return runs
