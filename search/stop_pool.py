"""What a replay trains: the recorded curves of a task's candidates, and the earlier tasks that a stopper may learn from."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..bench import FloatArray, Genotypes, IntArray, Metric, Split, Table, UnknownName, WarmnasError
from ..surrogates.curves.tables import by_training
from .sources import source_tasks
from .stoppers import Setting, SourceCurves

CANDIDATES = 200
SOURCE_PART = 7 / 32  # of the function classes that are kept for the sources where they train the same: 56 of 256
MOST_SOURCE = 1000  # trainings of one source task


@dataclass(frozen=True)
class Pool:
    """One recorded training of each candidate.

    Attributes:
        table: where they are from; task: of which task.
        rows: of the table, (candidates,).
        values: validation values by epoch in the metric's unit, (candidates, columns); losses likewise, or None.
        seconds: what each column took, (candidates, columns); None where the table has no times.
        epochs: what each column costs in epochs, (columns,): 1, or a schedule's epochs.
        levels: epochs of the schedules where the columns are schedules, else None.
        sources: earlier tasks of other families (or as ``--leave-out`` says) without any function class of the candidates.
    """

    table: Table
    task: str
    rows: IntArray
    values: FloatArray
    losses: FloatArray | None
    seconds: FloatArray | None
    epochs: IntArray
    levels: tuple[int, ...] | None
    sources: tuple[SourceCurves, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def genotypes(self) -> Genotypes:
        """Of the candidates, (candidates, genes)."""
        return self.table.genotypes[self.rows]

    @property
    def metric(self) -> Metric:
        """Of the values."""
        return self.table.metrics[self.task]

    @property
    def total(self) -> int:
        """Columns of a whole training."""
        return int(self.values.shape[1])

    @property
    def finals(self) -> FloatArray:
        """Final values, (candidates,)."""
        return self.values[:, -1]

    @property
    def ceiling(self) -> float:
        """Speed-up of whoever looks at the first column of every candidate and trains one to the end: 200 E / (199 + E).

        Where the columns are schedules that one pays for both.
        """
        n, whole, first = len(self), float(self.whole.sum()), float(self.epochs[0])
        return n * whole / (n * first + (whole if self.levels is not None else whole - first))

    @property
    def whole(self) -> FloatArray:
        """What the columns cost in epochs where a training is not looked at before its end, (columns,)."""
        last = np.arange(self.total) == self.total - 1
        return np.where(last | (self.levels is None), self.epochs, 0).astype(np.float64)

    def setting(self, seed: int, candidates: int | None = None) -> Setting:
        """What a stopper may know before the first training."""
        n = len(self) if candidates is None else candidates
        return Setting(self.total, self.table.space, self.metric, n, self.sources, seed, self.levels)


def draw_pool(
    table: Table,
    task: str,
    candidates: int | None = CANDIDATES,
    seed: int = 0,
    schedule: int | None = None,
    leave_out: str | None = None,
) -> Pool:
    """The candidates of a task for a replay, a recorded seed of each drawn, and its sources.

    Of ``candidates`` (None for all that were trained to the end) fewer are taken where all sources train the same
    architectures: then a part of the function classes stays with the sources.

    Raises:
        WarmnasError: where the table has no learning curves of the task, with the reason.
    """
    values, levels = recorded(table, task, schedule)
    columns = values.shape[2]
    rng = np.random.default_rng([seed, zlib.crc32(task.encode())])
    whole = finite(values)
    trained = np.flatnonzero(whole.any(axis=1))
    if len(trained) < 2:
        raise WarmnasError(f"{table.name} has {len(trained)} whole curves of {task}; a study needs two at least")
    earlier = _sources(table, task, schedule, leave_out, columns if levels is None else None)
    keys = table.space.class_keys(table.genotypes)
    order = rng.permutation(trained)
    count = len(order) if candidates is None else min(candidates, len(order))
    rows = order[: _with_rest(count, order, keys, earlier)]
    banned = np.isin(keys, keys[rows])
    sources = [_whole(table, name, schedule, levels, curves, banned, rng) for name, curves in earlier]
    draws = (rng.random(len(rows)) * whole[rows].sum(axis=1)).astype(np.int64)
    seeds = np.argsort(~whole[rows], axis=1, kind="stable")[np.arange(len(rows)), draws]
    return Pool(
        table,
        task,
        rows,
        values[rows, seeds],
        _losses(table, task, schedule, rows, seeds, columns) if levels is None else None,
        column_seconds(table, task, schedule, levels, rows, seeds, columns),
        np.ones(columns, dtype=np.int64) if levels is None else np.array(levels),
        levels,
        tuple(source for source in sources if len(source.values)),
    )


def finite(values: FloatArray) -> npt.NDArray[np.bool_]:
    """Trainings with every value: (architectures, seeds, columns) -> (architectures, seeds)."""
    whole: npt.NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=2))
    return whole


def recorded(table: Table, task: str, schedule: int | None) -> tuple[FloatArray, tuple[int, ...] | None]:
    """Validation values by training, (architectures, seeds, columns), and the schedules where those are the columns.

    Raises:
        WarmnasError: where nothing was recorded before the end of a training, with the reason.
    """
    table.resolve(task, Split.VAL)
    array = table.data[Split.VAL.variable]
    if table.prefixes is not None:
        raise WarmnasError(
            f"{table.name} has no learning curves: with axis=prefix its epochs count the layers of a chain, trained one "
            "by one, and stopping there leaves another network; use a table with epochs, such as images-v1"
        )
    if "epoch" in array.dims:
        values = by_training(table, Split.VAL.variable, task, schedule)
        there = np.isfinite(values).reshape(-1, values.shape[2]).any(axis=0)
        columns = int(np.max(np.flatnonzero(there), initial=-1)) + 1
        if columns > 1 and finite(values[:, :, :columns]).any():
            return values[:, :, :columns], None
    if len(table.schedules) > 1 and "schedule" in array.dims:
        if schedule is not None:
            raise WarmnasError(f"{table.name} has a value per schedule and no curve within one; leave --schedule out")
        levels = tuple(sorted(table.schedules))
        return np.stack([table.seed_values(task, Split.VAL, epochs) for epochs in levels], axis=2), levels
    raise WarmnasError(
        f"{table.name} has no learning curves of {task}, only values at the end of training; use a table with epochs"
    )


def column_seconds(
    table: Table,
    task: str,
    schedule: int | None,
    levels: tuple[int, ...] | None,
    rows: IntArray,
    seeds: IntArray,
    columns: int,
) -> FloatArray | None:
    """Seconds of each column of some trainings, (trainings, columns); None where the table does not say.

    A schedule is a training of its own, so its column costs all of it. Where only whole trainings were timed, epochs are
    taken to be equally long.
    """
    if "train_seconds" not in table.data:
        return None
    if levels is not None:
        of_schedules = [s[rows] for epochs in levels if (s := table.training_seconds(task, epochs)) is not None]
        seconds = np.stack(of_schedules, axis=1) if len(of_schedules) == columns else None
    elif "epoch" in table.data["train_seconds"].dims:
        times = by_training(table, "train_seconds", task, schedule)
        # Times may be known by architecture only, and curves by seed.
        seconds = times[rows, seeds if times.shape[1] > 1 else 0][:, :columns]
    else:
        whole = table.training_seconds(task, schedule)
        seconds = None if whole is None else np.repeat(whole[rows, None] / columns, columns, axis=1)
    return None if seconds is None or np.isnan(seconds).any() else seconds


def _losses(
    table: Table, task: str, schedule: int | None, rows: IntArray, seeds: IntArray, columns: int
) -> FloatArray | None:
    """Training losses of some trainings, (trainings, columns), or None."""
    if "train_loss" not in table.data or "epoch" not in table.data["train_loss"].dims:
        return None
    return by_training(table, "train_loss", task, schedule)[rows, seeds][:, :columns]


Earlier = list[tuple[str, FloatArray]]


def _sources(table: Table, task: str, schedule: int | None, leave_out: str | None, columns: int | None) -> Earlier:
    """Source tasks of the same metric with their values by training; of curves only those of as many epochs."""
    if leave_out not in (None, "task", "family"):
        raise UnknownName("--leave-out", str(leave_out), ["task", "family"])
    names = source_tasks(table, task, "all", "task" if leave_out == "task" else "family", schedule)
    found = []
    for name in names:
        if table.metrics[name] != table.metrics[task]:
            continue
        values, _ = recorded(table, name, schedule)
        if columns is None or values.shape[2] == columns:
            found.append((name, values))
    return found


def _with_rest(count: int, order: IntArray, keys: IntArray, earlier: Earlier) -> int:
    """How many candidates to take so that the sources keep enough function classes of their own."""
    if not earlier:
        return count
    known = [~np.isnan(values[:, :, -1]).all(axis=1) for _, values in earlier]
    elsewhere = np.unique(keys[np.logical_or.reduce(known)])
    enough = int(np.ceil(SOURCE_PART * len(np.unique(keys[order]))))
    rest = len(np.setdiff1d(elsewhere, keys[order[:count]]))
    return count if rest >= enough else max(min(count, len(order) - enough), 2)


def _whole(
    table: Table,
    name: str,
    schedule: int | None,
    levels: tuple[int, ...] | None,
    values: FloatArray,
    banned: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> SourceCurves:
    """Whole trainings of a source task of architectures that are not ``banned`` (architectures,), MOST_SOURCE at most."""
    whole = finite(values) & ~banned[:, None]
    rows, seeds = np.nonzero(whole)
    chosen = np.sort(rng.permutation(len(rows))[:MOST_SOURCE])
    rows, seeds = rows[chosen], seeds[chosen]
    curves = values[rows, seeds]
    losses = _losses(table, name, schedule, rows, seeds, curves.shape[1]) if levels is None else None
    return SourceCurves(name, table.genotypes[rows], curves, losses, table.family(name))
