"""What the columns of a stranger's file mean, guessed from their names; every guess is said, and ``--map`` overrules it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import WarmnasError
from ..spaces import SPACES
from .mapping import QUANTITIES, Column, Mapping

if TYPE_CHECKING:
    import pandas as pd

ARCHITECTURES = (
    "arch",
    "arch_str",
    "architecture",
    "genotype",
    "ops",
    "cell",
    "config",
    "configuration",
    "network",
    "model",
)
AXIS_NAMES = {
    "arch": ARCHITECTURES,
    "task": ("task", "dataset", "data", "data_set", "benchmark", "problem"),
    "schedule": ("schedule", "total_epochs", "max_epochs", "hp"),
    "seed": ("seed", "repeat", "repetition", "trial_seed", "run"),
    "epoch": ("epoch", "epochs", "iepoch", "step"),
    "split": ("split", "metric", "subset"),
    "value": ("value", "score", "accuracy", "acc", "performance"),
    "device": ("device", "hardware"),
}
_SPLITS = {"val": "val", "valid": "val", "validation": "val", "test": "test", "train": "train", "training": "train"}
_KINDS = {
    **dict.fromkeys(("time", "times", "seconds", "runtime", "duration"), "seconds"),
    **dict.fromkeys(("params", "param", "parameters", "para"), "params"),
    **dict.fromkeys(("flops", "flop", "macs"), "flops"),
    "latency": "latency",
    "loss": "loss",
}
_NOISE = {
    "acc",
    "accuracy",
    "top1",
    "perf",
    "performance",
    "score",
    "mean",
    "avg",
    "average",
    "final",
    "num",
}
_SCALES = {("params", "m"): 1e6, ("params", "k"): 1e3, ("flops", "m"): 1e6, ("flops", "g"): 1e9}
_SCALES |= {("latency", "ms"): 1e-3, ("seconds", "h"): 3600.0, ("seconds", "ms"): 1e-3}
_UNITS = {"m", "k", "g", "ms", "s", "h"}
_TOKEN = re.compile(r"(val|valid|validation|test|train|acc|accuracy|seed|s|epoch|ep|e)(\d+)")


@dataclass(frozen=True)
class Inferred:
    """A mapping and what was guessed to get there, one line each."""

    mapping: Mapping
    notes: tuple[str, ...]


def infer_axes(frame: pd.DataFrame, given: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Columns that hold architectures, tasks, seeds, ...: those given, and those whose names say so."""
    by_name = {str(column).lower(): str(column) for column in frame.columns}
    axes, notes = dict(given), []
    for axis, names in AXIS_NAMES.items():
        found = next((by_name[name] for name in names if name in by_name and by_name[name] not in axes.values()), None)
        if axis in axes or found is None:
            continue
        if axis == "arch" and _numbers(frame[found]):
            continue  # whatever the column's name
        axes[axis] = found
        notes.append(f"column {found} = {axis}")
    if "split" in axes and "value" not in axes:
        axes.pop("split")
    if "value" in axes and "split" not in axes:
        axes.pop("value")
    if "arch" not in axes:
        texts = [str(c) for c in frame.columns if frame[c].dtype.kind not in "ifbcmM" and str(c) not in axes.values()]
        if not texts:
            raise WarmnasError("no column of the file looks like architectures; name it: --map arch=COLUMN")
        axes["arch"] = next((column for column in texts if guess_space(frame[column])), texts[0])
        notes.append(f"column {axes['arch']} = arch")
    return axes, [note for note in notes if note.rsplit(" = ")[-1] in axes]


def _numbers(column: pd.Series) -> bool:
    """Whether a column holds numbers that no space reads."""
    if column.dtype.kind in "ifb":
        return True
    return bool(column.dropna().astype(str).str.fullmatch(r"[0-9.eE+-]+").all()) and guess_space(column) is None


def guess_space(column: pd.Series) -> str | None:
    """The first search space that reads the column's values (the first 50 different ones are tried), or None."""
    values = column.dropna().astype(str).unique()[:50]
    for name, candidate in SPACES.items():
        try:
            for value in values:
                candidate.from_string(value)
        except (WarmnasError, ValueError):
            continue
        if len(values):
            return name
    return None


def infer_columns(frame: pd.DataFrame, axes: dict[str, str]) -> Inferred:
    """Columns of numbers whose names say what they are."""
    used = set(axes.values())
    numeric = [str(c) for c in frame.columns if frame[c].dtype.kind in "iuf" and str(c) not in used]
    columns = [column for name in numeric if (column := read_name(name)) is not None]
    if "task" in axes:
        columns = [replace(column, task=None) for column in columns]
    columns, notes = _without_means(columns)
    columns, unseen = _searchable(columns)
    columns, scaled = _percent(frame, columns)
    return Inferred(Mapping(axes, tuple(columns)), (*notes, *unseen, *scaled))


def read_name(name: str) -> Column | None:
    """What a column is by its name: ``c10_val200_s0`` is validation accuracy on c10, 200-epoch schedule, seed 0."""
    words = [word for part in re.split(r"[_\s.]+", name) for word in (part,) if word]
    place: dict[str, str] = {}
    split = kind = ""
    rest, units = [], []
    for word in words:
        lower = word.lower()
        number = _TOKEN.fullmatch(lower)
        if number and number[1] in ("s", "seed"):
            place["seed"] = number[2]
        elif number and number[1] in ("e", "ep", "epoch"):
            place["epoch"] = number[2]
        elif number:
            place["schedule"] = number[2]
            split = _SPLITS.get(number[1], split)
        elif lower in _SPLITS:
            split = _SPLITS[lower]
        elif lower in _KINDS:
            kind = _KINDS[lower]
        elif lower in _UNITS and kind:
            units.append(lower)
        elif lower.isdecimal() and split:
            place["schedule"] = lower
        elif lower not in _NOISE:
            rest.append(word)
    if not (split or kind) or (kind == "loss" and split != "train") or (kind == "seconds" and split not in ("", "train")):
        return None
    quantity = kind or split
    factor = next((_SCALES[quantity, unit] for unit in units if (quantity, unit) in _SCALES), 1.0)
    return Column(name, QUANTITIES[quantity], task="_".join(rest) or None, factor=factor, **place)


def _without_means(columns: Sequence[Column]) -> tuple[list[Column], list[str]]:
    """Leaves a column out where another one holds the same, or where seeds of the same are there one by one."""

    def place(column: Column) -> tuple[str | None, ...]:
        return (column.variable, column.task, column.schedule, column.epoch, column.device)

    seeded = {place(column) for column in columns if column.seed is not None}
    kept, notes, taken = [], [], set()
    for column in columns:
        if column.seed is None and place(column) in seeded:
            notes.append(f"{column.column} is left out: its seeds are there one by one")
        elif (place(column), column.seed) in taken:
            notes.append(f"{column.column} is left out: another column says the same")
        else:
            kept.append(column)
            taken.add((place(column), column.seed))
    return kept, notes


def _searchable(columns: list[Column]) -> tuple[list[Column], list[str]]:
    """Leaves out what looks like a task of its own but has no validation values, where other tasks have some."""
    validated = {column.task for column in columns if column.variable == "val_accuracy"}
    if not validated:
        return columns, []
    kept = [c for c in columns if c.task in validated or (c.task is None and not c.variable.endswith("_accuracy"))]
    left = [c for c in columns if c not in kept]
    return kept, [f"{c.column} is left out: no validation on a task '{c.task}'; --map can say what it is" for c in left]


def _percent(frame: pd.DataFrame, columns: list[Column]) -> tuple[list[Column], list[str]]:
    """Accuracies that are all between 0 and 1 are fractions."""
    accuracies = [column for column in columns if column.variable.endswith("_accuracy")]
    if not accuracies or not all(frame[c.column].min() >= 0 and frame[c.column].max() <= 1 for c in accuracies):
        return columns, []
    scaled = [replace(c, factor=100.0) if c in accuracies else c for c in columns]
    return scaled, ["all accuracies are between 0 and 1: taken as fractions, times 100"]
