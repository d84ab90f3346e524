"""What the readers of files share: arrays over a Table's axes that fail early where they would not fit, and the Table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import CorruptFile, WarmnasError
from .spaces import Genotypes, SearchSpace
from .table import Table, json_by_task
from .values import ACCURACY, Metric, Split

MAX_BYTES = 4 * 2**30  # of all arrays of one import, before they are written
ORDER = ("task", "architecture", "schedule", "seed", "epoch", "device")
UNITS = {"train_seconds": "s", "latency": "s", "params": "1", "flops": "1", "train_loss": "1", "energy": "J"}
Array = npt.NDArray[Any]


@dataclass
class Draft:
    """A table in the making.

    Attributes:
        name: what the table will be called.
        space: its search space.
        names: the architectures in the field's own strings.
        genotypes: shape (architecture, gene).
        axes: labels of ``task`` and of those of ``schedule``, ``seed``, ``epoch``, ``device`` that there are.
        splits: source key of each split of each task.
        source: where the numbers come from, with citation.
        licence: of the numbers.
        metrics: of tasks whose metric is not accuracy in percent.
        coords: further labels along ``task``, such as ``family``.
        attrs: further attributes.
    """

    name: str
    space: SearchSpace
    names: Sequence[str]
    genotypes: Genotypes
    axes: dict[str, Sequence[Any]]
    splits: Mapping[str, Mapping[str, str]]
    source: str
    licence: str
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    coords: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    attrs: Mapping[str, Any] = field(default_factory=dict)
    arrays: dict[str, tuple[tuple[str, ...], Array, dict[str, str]]] = field(default_factory=dict)

    def size(self, axis: str) -> int:
        """Length of an axis."""
        return len(self.names) if axis == "architecture" else len(self.axes[axis])

    def empty(self, variable: str, dims: Sequence[str], dtype: npt.DTypeLike = np.float64, **attrs: str) -> Array:
        """A new variable, NaN everywhere, over ``dims`` in the table's order; WarmnasError where it would not fit."""
        ordered = tuple(axis for axis in ORDER if axis in dims)
        shape = tuple(self.size(axis) for axis in ordered)
        held = sum(values.nbytes for _, values, _ in self.arrays.values())
        needed = held + int(np.prod(np.array(shape, dtype=object))) * np.dtype(dtype).itemsize
        if needed > MAX_BYTES:
            described = " x ".join(f"{n} {axis}s" for n, axis in zip(shape, ordered, strict=True))
            raise WarmnasError(f"{variable} has {described}, which is {needed / 2**30:.1f} GiB; at most 4 fit in a table")
        values = np.full(shape, np.nan, dtype)
        unit = "percent" if variable.endswith("_accuracy") else UNITS.get(variable, "as in the source")
        self.arrays[variable] = (ordered, values, {"units": unit, **attrs})
        return values

    def table(self) -> Table:
        """The finished table; CorruptFile where a value is outside of its metric's range."""
        import xarray as xr

        tasks = [str(task) for task in self.axes["task"]]
        metrics = {task: self.metrics.get(task, ACCURACY) for task in tasks}
        for split in Split:
            if split.variable in self.arrays:
                _check_range(split.variable, self.arrays[split.variable][1], tasks, metrics)
        used = {axis for dims, _, _ in self.arrays.values() for axis in dims}
        return Table(
            xr.Dataset(
                dict(self.arrays),
                coords={
                    **{axis: list(labels) for axis, labels in self.axes.items() if axis in used},
                    **{name: ("task", list(labels)) for name, labels in self.coords.items()},
                    "name": ("architecture", np.array(list(self.names), dtype=object)),
                    "genotype": (("architecture", "gene"), self.space.check(self.genotypes)),
                },
                attrs={
                    "name": self.name,
                    "space": self.space.name,
                    "leave_out": "task",
                    "splits": json_by_task({task: dict(self.splits.get(task, {})) for task in tasks}),
                    "metrics": json_by_task({task: asdict(metric) for task, metric in metrics.items()}),
                    "source": self.source,
                    "licence": self.licence,
                    **self.attrs,
                },
            )
        )


def _check_range(variable: str, values: Array, tasks: Sequence[str], metrics: Mapping[str, Metric]) -> None:
    slack = 1e-3  # accuracies are kept in single precision and come from means over batches
    for task, block in zip(tasks, values, strict=True):
        low, high = metrics[task].bounds
        wrong = (block < low - slack) | (block > high + slack) | np.isinf(block)
        if wrong.any():
            found = block[wrong].ravel()[0]
            raise CorruptFile(f"{variable} of {task} has {found:g}, which is not in {low:g}..{high:g}")
