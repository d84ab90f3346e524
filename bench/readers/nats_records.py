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
    """Values by key as an array, NaN for None and what is not there."""
    found = values or {}
    return np.array(list(map(found.get, keys)), dtype=np.float64).astype(np.float32)


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
    times = state["eval_times"] or {}
    evaluating = [seconds for key in _keys("x-valid", epochs) if (seconds := times.get(key)) is not None]
    latency = [float(seconds) for seconds in state["latency"] or []]
    measured = latency and min(latency) > 0
    return Run(
        epochs,
        accuracy,
        _curve(state["train_losses"], epoch),
        _curve(state["train_times"], epoch) if state["train_times"] else None,
        float(sum(evaluating)) / len(evaluating) if evaluating else float("nan"),
        float(state["flop"]) * 1e6,
        float(state["params"]) * 1e6,
        sum(latency) / len(latency) if measured else float("nan"),
    )


def shrink(state: dict[str, Any]) -> None:
    """Replace the content of a record by its :class:`Run`; what :class:`..plainpickle.PlainPickle` calls."""
    run = read_run(state)
    state.clear()
    state[KEPT] = run


def runs_of(architecture: dict[str, Any]) -> dict[tuple[str, int], Run]:
    """The runs of one architecture's state (class ``ArchResults``), by data set and seed."""
    runs: dict[tuple[str, int], Run] = {}
    for (dataset, seed), state in architecture["all_results"].items():
        runs[str(dataset), int(seed)] = state[KEPT]
    return runs
