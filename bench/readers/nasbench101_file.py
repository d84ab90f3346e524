"""NAS-Bench-101 (Ying et al., ICML 2019) from ``nasbench_only108.tfrecord`` or ``nasbench_full.tfrecord``.

What ``nasbench/api.py``, ``NASBench.__init__`` reads, without TensorFlow: every record is JSON ``[hash, epochs, matrix,
operations, metrics]``, one training each; ``metrics`` is base64 of the message ``ModelMetrics`` of
``nasbench/lib/model_metrics.proto``: evaluations before training (not used, as there), half-way and at the end, with
seconds so far and accuracies on 10,000 training images, the 10,000 validation images and the test set, as fractions.

* Trainings of 4, 12, 36 and 108 epochs are ``schedule``; each has its own learning-rate schedule and two points on the axis
  ``epoch``, half-way and the end. (NASLib strings them together to a "curve" of 88 epochs; they are four trainings.)
* The three repeats are seeds 0, 1, 2 in the order of the file; the official API answers with one of them at random, each
  time anew (nasbench issue 23).
* ``train_seconds`` is that of the whole training, ``halfway_seconds`` that of the first half.
* For a thousand modules the hash is checked against the matrix and the operations.
"""

from __future__ import annotations

import base64
import json
import struct
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..assembling import Draft
from ..spaces import Genotypes, space
from ..spaces.nasbench101 import OPERATIONS, NASBench101Space
from ..tfrecord import batches
from .formats import Import, Options, file_format
from .guarding import guarded

SCHEDULES = (4, 12, 36, 108)
REPEATS = 3
CHECKED = 1000  # modules whose hash is computed
TASK = "cifar10"
FIELDS = ("train_seconds", "train_accuracy", "val_accuracy", "test_accuracy")
SOURCE_KEYS = {"train": "train_accuracy", "val": "validation_accuracy", "test": "test_accuracy"}
Evaluation = tuple[float, float, float, float]
_DOUBLE = struct.Struct("<d")


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of protocol buffers' variable length, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number that is too long")


def fields(data: bytes) -> list[tuple[int, int | float | bytes]]:
    """(number, value) of a message's fields: varints, doubles and bytes. Raises ValueError or IndexError if damaged."""
    found: list[tuple[int, int | float | bytes]] = []
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = varint(data, at)
            found.append((number, value))
        elif kind == 1:
            if at + 8 > len(data):
                raise ValueError("a message that is cut off")
            found.append((number, _DOUBLE.unpack_from(data, at)[0]))
            at += 8
        elif kind == 2:
            size, at = varint(data, at)
            if at + size > len(data):
                raise ValueError("a message that is cut off")
            found.append((number, data[at : at + size]))
            at += size
        else:
            raise ValueError(f"a field of kind {kind}")
    return found


def decode(metrics: bytes) -> tuple[Evaluation, Evaluation, int]:
    """Half-way and final (seconds, train, validation, test), and the number of parameters, of a ``ModelMetrics``."""
    evaluations, params = [], 0
    for number, value in fields(metrics):
        if number == 1 and isinstance(value, bytes):
            parts = dict(fields(value))
            evaluations.append(tuple(float(parts[i]) for i in (2, 3, 4, 5)))
        elif number == 2 and isinstance(value, int):
            params = value
    if len(evaluations) != 3:
        raise ValueError(f"{len(evaluations)} evaluations instead of three")
    return evaluations[1], evaluations[2], params  # type: ignore[return-value]


@dataclass
class _Collected:
    """Everything of the file: rows by hash, and per training its place and values."""

    rows: dict[str, int] = field(default_factory=dict)
    modules: list[tuple[str, str]] = field(default_factory=list)
    params: list[int] = field(default_factory=list)
    places: array[int] = field(default_factory=lambda: array("q"))  # row, schedule; row, schedule; ...
    values: array[float] = field(default_factory=lambda: array("d"))  # half-way, then final, four each

    def add(self, record: bytes) -> None:
        """One training."""
        hashed, epochs, matrix, operations, metrics = json.loads(record)
        if epochs not in SCHEDULES:
            raise ValueError(f"a training of {epochs!r} epochs")
        row = self.rows.setdefault(hashed, len(self.rows))
        if row == len(self.modules):
            self.modules.append((str(matrix), str(operations)))
        half, final, params = decode(base64.b64decode(metrics, validate=True))
        if row == len(self.params):
            self.params.append(params)
        self.places.extend((row, epochs))
        self.values.extend(half + final)


@file_format("nasbench101", "NAS-Bench-101: nasbench_only108.tfrecord or nasbench_full.tfrecord")
def read_nasbench101(path: Path, options: Options) -> Import:
    """See the module's head."""
    with guarded(path, "NAS-Bench-101"):
        collected = _Collected()
        for batch in batches(path):
            for record in batch:
                collected.add(record)
        if not collected.rows:
            raise ValueError("it holds no record")
        draft = _draft(collected, options)
        return Import(draft.table())


def _draft(collected: _Collected, options: Options) -> Draft:
    modules = space("nasbench101")
    assert isinstance(modules, NASBench101Space)
    genotypes = _genotypes(modules, collected)
    schedules = sorted(set(collected.places[1::2]))
    draft = Draft(
        options.name or "nasbench101",
        modules,
        [modules.to_string(genotype) for genotype in genotypes],
        genotypes,
        {
            "task": [TASK],
            "schedule": schedules,
            "seed": range(REPEATS),
            "epoch": sorted({epochs // part for epochs in schedules for part in (2, 1)}),
        },
        {TASK: SOURCE_KEYS},
        options.source or "NAS-Bench-101 (Ying et al. 2019)",
        "Apache-2.0",
        coords={"family": ["cifar10"], "validation_size": [10_000], "classes": [10]},
        attrs={"protocol": "stem 128, 3 stacks of 3 modules; trainings of 4, 12, 36 and 108 epochs, three repeats each"},
    )
    _fill(draft, collected)
    draft.empty("params", ("task", "architecture"))[0] = collected.params
    return draft


def _genotypes(modules: NASBench101Space, collected: _Collected) -> Genotypes:
    """Genotypes in the order of the file; ValueError where a module is none, or not the one that its hash says."""
    genotypes = np.zeros((len(collected.modules), len(modules.genes)), dtype=np.int8)
    by_size: dict[int, list[int]] = {}
    for row, (matrix, _) in enumerate(collected.modules):
        by_size.setdefault(len(matrix), []).append(row)
    for entries, rows in by_size.items():
        size = round(entries**0.5)
        matrices = np.frombuffer("".join(collected.modules[r][0] for r in rows).encode("ascii"), np.uint8) - ord("0")
        labels = [collected.modules[r][1].split(",") for r in rows]
        if (
            size * size != entries
            or not 2 <= size <= 7
            or matrices.max() > 1
            or any(len(names) != size for names in labels)
        ):
            raise ValueError("a module that is no graph of two to seven vertices")
        if any((names[0], names[-1]) != ("input", "output") for names in labels):
            raise ValueError("a module without input or output")
        square = matrices.reshape(len(rows), size, size)
        if np.tril(square).any():
            raise ValueError("a module whose matrix is not upper triangular")
        numbers = np.array([[OPERATIONS.index(name) for name in names[1:-1]] for names in labels], dtype=np.int8)
        genotypes[rows] = modules.from_modules(square, numbers.reshape(len(rows), size - 2))
    hashes = list(collected.rows)
    for row in range(0, len(hashes), 1 + len(hashes) // CHECKED):
        if modules.module_hash(genotypes[row]) != hashes[row]:
            raise ValueError(f"module {hashes[row]} is not the one that its hash says")
    return genotypes


def _fill(draft: Draft, collected: _Collected) -> None:
    schedules, epochs = draft.axes["schedule"], list(draft.axes["epoch"])
    rows, totals = np.array(collected.places, dtype=np.int64).reshape(-1, 2).T
    schedule = np.searchsorted(np.array(schedules), totals)
    seed = _repeats(rows * len(schedules) + schedule)
    if seed.max() >= REPEATS:
        raise ValueError(f"a module with more than {REPEATS} trainings of one length")
    values = np.array(collected.values).reshape(len(rows), 2 * len(FIELDS))
    where = (np.zeros_like(rows), rows, schedule, seed)
    for column, variable in enumerate(FIELDS):
        half, final = values[:, column], values[:, column + len(FIELDS)]
        if variable == "train_seconds":
            draft.empty(variable, ("task", "architecture", "schedule", "seed"), np.float32, timed="alone")[where] = final
            draft.empty("halfway_seconds", ("task", "architecture", "schedule", "seed"), np.float32)[where] = half
            continue
        filled = draft.empty(variable, ("task", "architecture", "schedule", "seed", "epoch"), np.float32)
        filled[(*where, np.searchsorted(epochs, totals // 2))] = 100 * half
        filled[(*where, np.searchsorted(epochs, totals))] = 100 * final


def _repeats(keys: Any) -> Any:
    """How often each key stood there before: (n,) -> (n,)."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.arange(len(keys)) - np.repeat(starts, np.diff(np.append(starts, len(keys))))
    result = np.empty_like(counts)
    result[order] = counts
    return result
