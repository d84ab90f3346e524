"""The mapping from columns to what they mean, as ``warmnas bench import --map`` takes it.

One mapping is ``MEANING=COLUMN``. MEANING is an axis of a long form (``arch task schedule seed epoch split value
device``) or a quantity with its place::

    quantity[:task][@schedule][#seed][~epoch][/device]       quantity: val test train loss seconds params flops latency

as in ``val:cifar10@12=c10_val12`` (validation accuracy on cifar10, from a run that is 12 epochs long),
``val:cora~5=val_epoch5`` (epoch 5 of a longer run) or ``test=test_acc`` (where the task has a column of its own).
``{task}``, ``{schedule}``, ``{seed}``, ``{epoch}`` and ``{device}`` stand for whatever a column's name has there, on both
sides: ``val:{task}@200#{seed}={task}_val200_s{seed}`` maps as many columns as fit. COLUMN may end in a
factor: ``time*12/200``, ``params_M*1e6``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..errors import WarmnasError

QUANTITIES = {
    "val": "val_accuracy",
    "valid": "val_accuracy",
    "validation": "val_accuracy",
    "test": "test_accuracy",
    "train": "train_accuracy",
    "loss": "train_loss",
    "seconds": "train_seconds",
    "params": "params",
    "flops": "flops",
    "latency": "latency",
}
AXES = ("arch", "task", "schedule", "seed", "epoch", "split", "value", "device")
_MARKS = {":": "task", "@": "schedule", "#": "seed", "~": "epoch", "/": "device"}
_MEANING = re.compile(r"(\w+)((?:[:@#~/][^:@#~/]+)*)")
_FACTOR = re.compile(r"(.+?)\*([0-9.eE+-]+)(?:/([0-9.eE+-]+))?")
_HOLE = re.compile(r"\{(task|schedule|seed|epoch|device)\}")


@dataclass(frozen=True)
class Column:
    """One column of a file and what its numbers are: the variable, and where in the table they go.

    A place that is None is not said by the column's name: it is in a column of its own, or there is none.
    """

    column: str
    variable: str
    task: str | None = None
    schedule: str | None = None
    seed: str | None = None
    epoch: str | None = None
    device: str | None = None
    factor: float = 1.0

    def __str__(self) -> str:
        """``c10_val12 = val_accuracy, task c10, schedule 12``."""
        places = [f"{axis} {place}" for axis in _MARKS.values() if (place := getattr(self, axis)) is not None]
        factor = "" if self.factor == 1 else f" x {self.factor:g}"
        return f"{self.column} = {', '.join([self.variable + factor, *places])}"


@dataclass(frozen=True)
class Mapping:
    """What every used column of a file means."""

    axes: dict[str, str]
    columns: tuple[Column, ...]


def parse(texts: Sequence[str], names: Sequence[str]) -> Mapping:
    """The mapping that the texts describe, for a file with columns ``names``; WarmnasError names what does not fit."""
    axes: dict[str, str] = {}
    columns: list[Column] = []
    for text in texts:
        meaning, equals, column = text.partition("=")
        if not (equals and meaning and column):
            raise WarmnasError(f"--map '{text}': write MEANING=COLUMN, such as arch=genotype or val:cifar10=c10_valid")
        if meaning in AXES:
            if column not in names:
                raise WarmnasError(_no_column(text, column, names))
            axes[meaning] = column
        else:
            columns += _columns(text, meaning, column, names)
    return Mapping(axes, tuple(columns))


def _no_column(text: str, column: str, names: Sequence[str]) -> str:
    shown = ", ".join(names[:30]) + (", ..." if len(names) > 30 else "")
    return f"--map '{text}': the file has no column '{column}'; its columns are {shown}"


def _columns(text: str, meaning: str, column: str, names: Sequence[str]) -> list[Column]:
    match = _MEANING.fullmatch(meaning)
    if match is None or match[1] not in QUANTITIES:
        known = ", ".join((*AXES, *QUANTITIES))
        raise WarmnasError(f"--map '{text}': '{meaning}' does not start with one of {known}")
    name, factor = (column, 1.0) if column in names else _split_factor(text, column)
    places = {_MARKS[part[0]]: part[1:] for part in re.findall(r"[:@#~/][^:@#~/]+", match[2])}
    found = Column(name, QUANTITIES[match[1]], factor=factor)
    holes = set(_HOLE.findall(meaning))
    if holes != set(_HOLE.findall(name)):
        raise WarmnasError(f"--map '{text}': every {{hole}} must stand on both sides of the =")
    if not holes:
        if name not in names:
            raise WarmnasError(_no_column(text, name, names))
        return [_placed(found, name, places)]
    pattern = _pattern(name)
    matches = [(n, m.groupdict()) for n in names if (m := pattern.fullmatch(n))]
    if not matches:
        raise WarmnasError(_no_column(text, name, names))
    return [_placed(found, n, {axis: _fill(place, values) for axis, place in places.items()}) for n, values in matches]


def _placed(found: Column, name: str, places: dict[str, str]) -> Column:
    return Column(name, found.variable, factor=found.factor, **places)


def _pattern(name: str) -> re.Pattern[str]:
    """A regular expression for column names with holes; a hole that stands twice is the same both times."""
    ends = [0, *(i for m in _HOLE.finditer(name) for i in m.span()), len(name)]
    pattern, seen = "", set()
    for start, end in pairwise(ends):
        part = name[start:end]
        if hole := _HOLE.fullmatch(part):
            number = hole[1] in ("schedule", "epoch")
            pattern += f"(?P={hole[1]})" if hole[1] in seen else f"(?P<{hole[1]}>{'[0-9]+' if number else '.+?'})"
            seen.add(hole[1])
        else:
            pattern += re.escape(part)
    return re.compile(pattern)


def _fill(place: str, values: dict[str, str]) -> str:
    return _HOLE.sub(lambda m: values[m[1]], place)


def _split_factor(text: str, column: str) -> tuple[str, float]:
    match = _FACTOR.fullmatch(column)
    if match is None:
        return column, 1.0
    try:
        return match[1], float(match[2]) / float(match[3] or 1)
    except (ValueError, ZeroDivisionError) as error:
        raise WarmnasError(f"--map '{text}': the factor is a number or a fraction, such as *100 or *12/200") from error
