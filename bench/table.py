"""The one Table: measurements over (task, architecture, [schedule], [seed], [epoch]) of one search space.

The data are an :class:`xarray.Dataset` with the dimensions and variables that docs/architecture.md lists; this class adds
the split contract, the metric of each task and fast look-ups. What was not measured is NaN, and a task's candidates are
the architectures measured on it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import storage
from .candidates import Candidates
from .errors import CorruptFile, SplitAbsent, UnknownName, WarmnasError
from .spaces import FloatArray, Genotypes, IntArray, SearchSpace, space_of_table
from .values import Metric, Split

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


class Table:
    """Measurements of the architectures of one space on several tasks.

    Attributes:
        data: the labelled arrays. Required: coords ``task``, ``genotype`` (architecture, gene) and ``name``
            (architecture), and at least one of ``val_accuracy`` and ``test_accuracy``; required attrs ``space``,
            ``name``, ``source``, ``licence``, ``splits`` and ``metrics`` (both JSON by task).

    Raises:
        CorruptFile: where the dataset does not have that form.
    """

    def __init__(self, data: xr.Dataset) -> None:
        self.data = data
        try:
            self.name = str(data.attrs["name"])
            self.tasks: tuple[str, ...] = tuple(_text(data["task"].values))
            self.names: list[str] = _text(data["name"].values)
            if any("\0" in text for text in (*self.tasks, *self.names)):
                raise CorruptFile(
                    "the name of a task or an architecture holds a NUL character, which no table file can keep"
                )
            self.space: SearchSpace = space_of_table(data.attrs, self.names)
            self.genotypes: Genotypes = self.space.check(data["genotype"].values)
            splits = json.loads(data.attrs["splits"])
            self.splits = {t: {Split(s): str(key) for s, key in splits[t].items()} for t in self.tasks}
            metrics = json.loads(data.attrs["metrics"])
            self.metrics = {t: Metric(**{**metrics[t], "bounds": tuple(metrics[t]["bounds"])}) for t in self.tasks}
            present = [data[s.variable].dims[:2] == ("task", "architecture") for t in self.tasks for s in self.splits[t]]
            if not present or not all(present) or len(self.names) != len(self.genotypes):
                raise CorruptFile("variables do not match the dimensions (task, architecture, ...)")
            if len(np.unique(self.space.index(self.genotypes))) < len(self.names):
                raise CorruptFile("an architecture stands in it twice; merge its rows (as seeds, or as their mean)")
            if not self.space.valid(self.genotypes).all():
                raise CorruptFile(f"it holds a genotype that is no architecture of {self.space.name}")
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise CorruptFile(f"not a warmnas table: {type(error).__name__}: {error}") from error

    @classmethod
    def open(cls, path: str | Path) -> Table:
        """Read a table file; CorruptFile where it is not an intact one."""
        return cls(storage.read(Path(path)))

    def save(self, path: str | Path, *, compact: bool = False) -> None:
        """Write the table as HDF5, all or nothing; ``compact`` rounds measurements (accuracies to .01) and compresses."""
        storage.write(self.data, Path(path), compact)

    # --- splits ----------------------------------------------------------------------------------------------------
    def resolve(self, task: str, split: Split | str) -> str:
        """The source's own key of a task's split; SplitAbsent where the source has no such numbers."""
        split = Split(split)
        if task not in self.splits:
            raise UnknownName(f"task of {self.name}", task, self.tasks)
        if split not in self.splits[task]:
            known = ", ".join(self.splits[task])
            why = str(self.data.attrs.get("absent", ""))
            raise SplitAbsent(f"{self.name} has no {split} values for {task}, only {known}. {why}".strip())
        return self.splits[task][split]

    def has(self, task: str, split: Split | str) -> bool:
        """Whether a task's split was measured."""
        if task not in self.splits:
            raise UnknownName(f"task of {self.name}", task, self.tasks)
        return Split(split) in self.splits[task]

    # --- look-ups --------------------------------------------------------------------------------------------------
    @property
    def schedules(self) -> tuple[int, ...]:
        """Total epochs of the runs that have a learning-rate schedule of their own; empty where the source says nothing."""
        if "schedule" in self.data.coords:
            return tuple(int(epochs) for epochs in self.data["schedule"].values)
        return () if self.epochs is None else (self.epochs,)

    def at_schedule(self, array: xr.DataArray, schedule: int | None) -> xr.DataArray:
        """The part of one schedule, the longest one where ``schedule`` is None; UnknownName where the table has no such.

        Schedules are different trainings: a value of one is never taken for a value of another.
        """
        if schedule is not None and schedule not in self.schedules:
            raise UnknownName(f"schedule of {self.name}", str(schedule), [str(epochs) for epochs in self.schedules])
        if "schedule" in array.dims:
            place = np.argmax(array["schedule"].values) if schedule is None else self.schedules.index(schedule)
            array = array.isel(schedule=int(place))
        elif schedule is not None and schedule != max(self.schedules):
            raise WarmnasError(f"{self.name}: {array.name} has no schedule of its own, so none of {schedule} epochs")
        if schedule is not None and "epoch" in array.dims:
            within = array["epoch"].values <= schedule  # beyond them there is nothing
            ordered = bool(within[: within.sum()].all())  # then a view will do, without a copy
            array = array.isel(epoch=slice(int(within.sum())) if ordered else np.flatnonzero(within))
        return array

    @cached_property
    def prefixes(self) -> xr.Variable | None:
        """Layers of each architecture, where ``epoch`` counts the layers of a prefix that were trained one by one.

        None where ``epoch`` counts epochs. Only then is what stands along it a learning curve.
        """
        if self.data.attrs.get("axis") != "prefix":
            return None
        return self.data["name"].variable.copy(data=self.space.depth(self.genotypes))

    def _final(self, task: str, split: Split, seeds: bool, schedule: int | None = None) -> FloatArray:
        """Last epoch of a schedule, by default of the longest: (architecture,) or (architecture, seed)."""
        self.resolve(task, split)
        array = self.at_schedule(self.data[split.variable][self.tasks.index(task)], schedule)
        if "epoch" in array.dims and self.prefixes is not None:
            array = array.where(array["epoch"] == self.prefixes).sum("epoch", min_count=1)
        elif "epoch" in array.dims:
            array = array.isel(epoch=_last_epoch(array))
        values: FloatArray = np.asarray(array.values, dtype=np.float64)
        if seeds:
            return values if "seed" in array.dims else values[:, None]
        return _nanmean(values) if "seed" in array.dims else values

    @cached_property
    def _means(self) -> dict[tuple[str, str], FloatArray]:
        return {}  # filled as they are asked for

    @cached_property
    def _row_of_name(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.names)}

    def value(self, task: str, architecture: str, split: Split | str = Split.VAL) -> float:
        """Mean over seeds of one architecture, given by its string, at the end of training; NaN if not measured."""
        try:
            return float(self._means[task, split][self._row_of_name[architecture]])
        except KeyError:
            return float(self.values(task, None, split)[self.row(architecture)])

    def values(self, task: str, rows: IntArray | None = None, split: Split | str = Split.VAL) -> FloatArray:
        """Means over seeds at the end of training, of all rows or of ``rows`` in any shape; NaN if not measured."""
        means = self._means.get((task, split))
        if means is None:
            means = self._means[task, split] = self._final(task, Split(split), seeds=False)
        return means if rows is None else means.take(rows)

    def schedule_values(self, task: str, schedule: int | None, split: Split | str = Split.VAL) -> FloatArray:
        """Means over seeds at the end of a schedule, None being the longest: (architecture,); NaN if not measured."""
        return self.values(task, None, split) if schedule is None else self._final(task, Split(split), False, schedule)

    def seed_values(self, task: str, split: Split | str = Split.VAL, schedule: int | None = None) -> FloatArray:
        """Values per seed at the end of training, shape (architecture, seed), NaN where a seed was not run."""
        return self._final(task, Split(split), seeds=True, schedule=schedule)

    @property
    def seeds(self) -> tuple[str, ...]:
        """Labels of the recorded seeds; empty where the source has only their mean."""
        return tuple(_text(self.data["seed"].values)) if "seed" in self.data.dims else ()

    @cached_property
    def _all(self) -> Candidates:
        return Candidates(self.space, self.genotypes, np.arange(len(self.genotypes)))

    def rows(self, genotypes: Genotypes) -> IntArray:
        """Table row of each genotype, (..., genes) -> (...,); of the same function if it is no row itself; else -1."""
        return self._all.rows(genotypes)

    def row(self, architecture: str) -> int:
        """Table row of an architecture string in any form that the space reads."""
        row = int(self.rows(self.space.from_string(architecture)))
        if row < 0:
            raise WarmnasError(f"{self.name} has no row for the architecture '{architecture}'")
        return row

    # --- tasks -----------------------------------------------------------------------------------------------------
    def candidates(self, task: str) -> Candidates:
        """The architectures measured on a task, to search among. One object per set of rows, shared between tasks."""
        if task not in self.splits:
            raise UnknownName(f"task of {self.name}", task, self.tasks)
        measured = np.flatnonzero(~np.isnan(self.values(task, None, self._objective(task))))
        if (key := measured.tobytes()) not in self._candidates:
            self._candidates[key] = Candidates(self.space, self.genotypes[measured], measured)
        return self._candidates[key]

    @cached_property
    def _candidates(self) -> dict[bytes, Candidates]:
        return {}

    def _objective(self, task: str) -> Split:
        return Split.VAL if self.has(task, Split.VAL) else next(iter(self.splits[task]))

    def optimum(self, task: str, split: Split | str = Split.VAL) -> float:
        """Best mean over seeds among the task's candidates, computed."""
        values = self.values(task, None, split)
        measured = values[~np.isnan(values)]
        if not len(measured):
            return float("nan")
        return float(measured.max() if self.metrics[task].sign > 0 else measured.min())

    def family(self, task: str) -> str:
        """The parent data set (or kind of graph) of a task."""
        return _text(self.data["family"].values)[self.tasks.index(task)] if "family" in self.data.coords else task

    def column(self, variable: str, task: str) -> FloatArray | None:
        """A per-architecture quantity of a task, such as ``params``, or None: mean over its other axes."""
        if variable not in self.data:
            return None
        array = self.data[variable]
        if "task" in array.dims:
            array = array[self.tasks.index(task)]
        values = np.asarray(array.values, dtype=np.float64)
        return values if values.ndim == 1 else _nanmean(values.reshape(len(values), -1))

    def training_seconds(self, task: str, schedule: int | None = None) -> FloatArray | None:
        """Seconds of a whole training of each architecture, (architecture,), or None where the source has no times of it.

        Times per epoch are added up; ``schedule`` None is the longest one; the mean is over the seeds present. Times that
        name no schedule are those of the longest.
        """
        if "train_seconds" not in self.data:
            return None
        array = self.data["train_seconds"]
        if schedule is not None and "schedule" not in array.dims and schedule != max(self.schedules, default=schedule):
            return None
        if "task" in array.dims:
            array = array[self.tasks.index(task)]
        array = self.at_schedule(array, schedule)
        if "epoch" in array.dims:
            if self.prefixes is not None:
                array = array.where(array["epoch"] <= self.prefixes, 0)
            else:
                epochs = array["epoch"].values
                array = array.isel(epoch=np.flatnonzero(epochs <= epochs[_last_epoch(array)]))
            array = array.sum("epoch", skipna=False)
        values: FloatArray = np.asarray(array.values, dtype=np.float64)
        return _nanmean(values) if "seed" in array.dims else values

    # --- descriptions ----------------------------------------------------------------------------------------------
    @cached_property
    def function_classes(self) -> int:
        """Number of different functions among the architectures."""
        return len(np.unique(self.space.class_keys(self.genotypes)))

    @property
    def epochs(self) -> int | None:
        """Epochs of a whole training, where the source says so; None where networks were trained layer by layer."""
        if self.prefixes is not None:
            return None
        if "epoch" in self.data.coords:
            return int(self.data["epoch"].values[-1])
        return int(self.data.attrs["epochs"]) if "epochs" in self.data.attrs else None

    @property
    def hash(self) -> str:
        """Hash of the content."""
        return str(self.data.attrs.get("hash") or storage.content_hash(self.data))

    def info(self) -> dict[str, Any]:
        """What the table is and holds, as the command ``bench info`` prints it."""
        metrics = {
            task: {
                "name": m.name,
                "unit": m.unit,
                "direction": m.direction,
                "bounds": list(m.bounds),
                "optimum": {s.value: self.optimum(task, s) for s in self.splits[task]},
                "candidates": len(self.candidates(task)),
            }
            for task, m in self.metrics.items()
        }
        return {
            "name": self.name,
            "space": self.space.name,
            "tasks": list(self.tasks),
            "families": {t: self.family(t) for t in self.tasks},
            "architectures": len(self.names),
            "function_classes": self.function_classes,
            "epochs": self.epochs,
            "seeds": list(self.seeds),
            "metrics": metrics,
            "splits": {t: {s.value: key for s, key in v.items()} for t, v in self.splits.items()},
            "source": str(self.data.attrs["source"]),
            "licence": str(self.data.attrs["licence"]),
            "hash": self.hash,
            "notes": str(self.data.attrs.get("absent", "")),
        }

    def query(self, task: str, architecture: str, schedule: int | None = None) -> dict[str, Any]:
        """Every value of one architecture on one task, as the command ``bench query`` prints it."""
        if task not in self.splits:
            raise UnknownName(f"task of {self.name}", task, self.tasks)
        row, place = self.row(architecture), self.tasks.index(task)
        schedules = self.data["schedule"].values.tolist() if "schedule" in self.data.dims else [self.epochs]
        schedule = schedules[-1] if schedule is None else schedule
        if schedule not in schedules:
            raise UnknownName(f"schedule of {self.name}", str(schedule), [str(s) for s in schedules])
        values: dict[str, dict[str, dict[str, float]]] = {}
        for split in self.splits[task]:
            array = self.data[split.variable][place, row]
            if "schedule" in array.dims:
                array = array.isel(schedule=schedules.index(schedule))
            values[split] = _nested(array, str(schedule) if schedule else "final")
        mean = {s: float(np.mean([list(epochs.values())[-1] for epochs in v.values()])) for s, v in values.items() if v}
        return {"task": task, "arch": self.names[row], "schedule": schedule, "mean": mean, "values": values}

    def to_dataframe(self) -> pd.DataFrame:
        """Long form: a row per (task, architecture, schedule, seed, epoch) that was measured, see ``exporting.py``."""
        from .exporting import long_form

        return long_form(self)


def _last_epoch(array: xr.DataArray) -> int:
    """Place of the last epoch that the task has: tasks of one table may be trained for different times."""
    order = np.argsort(array["epoch"].values)[::-1]
    measured = (int(place) for place in order if array.isel(epoch=int(place)).notnull().any())
    return next(measured, int(order[0]))


def _nested(array: xr.DataArray, last_epoch: str) -> dict[str, dict[str, float]]:
    """{seed: {epoch: value}} of what was measured; "mean" stands for a source that has only the mean over seeds."""
    seeds = _text(array["seed"].values) if "seed" in array.dims else ["mean"]
    epochs = [str(e) for e in array["epoch"].values] if "epoch" in array.dims else [last_epoch]
    array = array.transpose("seed", "epoch", missing_dims="ignore")
    block = np.asarray(array.values, dtype=np.float64).reshape(len(seeds), len(epochs))
    nested = {
        seed: {epoch: float(v) for epoch, v in zip(epochs, line, strict=True) if not np.isnan(v)}
        for seed, line in zip(seeds, block, strict=True)
    }
    return {seed: line for seed, line in nested.items() if line}


def _text(values: np.ndarray[Any, Any]) -> list[str]:
    return [v.decode() if isinstance(v, bytes) else str(v) for v in values.tolist()]


def _nanmean(values: FloatArray) -> FloatArray:
    """Mean over the last axis of what is there; NaN where nothing is, without a warning."""
    there = ~np.isnan(values)
    total = np.where(there, values, 0.0).sum(axis=-1)
    mean: FloatArray = np.divide(total, there.sum(axis=-1), out=np.full(total.shape, np.nan), where=there.any(axis=-1))
    return mean


def json_by_task(entries: Mapping[str, Any]) -> str:
    """Attributes that differ by task, as one JSON string: HDF5 attributes hold no dictionaries."""
    return json.dumps(dict(entries))
