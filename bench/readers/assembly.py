"""From a data frame and the meaning of its columns to a Table; ``tabular.py`` has the rules for what is not said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..assembling import Draft
from ..errors import CorruptFile, WarmnasError
from ..spaces import CATEGORICAL, CategoricalSpace, FloatArray, Genotypes, IntArray, SearchSpace, space
from ..spaces.categorical import ARCHITECTURE
from ..table import Table
from ..values import Metric, Split
from .formats import Options
from .inference import guess_space, read_name
from .mapping import QUANTITIES, Column, Mapping

if TYPE_CHECKING:
    import pandas as pd

INNER = ("schedule", "seed", "epoch", "device")
RUNS = {*(split.variable for split in Split), "train_loss", "train_seconds"}  # what each training has of its own
Labels = str | npt.NDArray[Any]


@dataclass
class Piece:
    """Measurements of one variable: a value and a table row per line, and a label per axis, one for all or one per line."""

    variable: str
    source: str
    values: FloatArray
    rows: IntArray
    labels: dict[str, Labels] = field(default_factory=dict)
    places: dict[str, IntArray] = field(default_factory=dict)


class Assembly:
    """One import of one file."""

    def __init__(self, path: Path, frame: pd.DataFrame, mapping: Mapping, options: Options) -> None:
        self.path, self.mapping, self.options = path, mapping, options
        self.frame = frame[frame[mapping.axes["arch"]].notna()]
        if not len(self.frame):
            raise CorruptFile(f"{path}: the column {mapping.axes['arch']} is empty")
        self.name = options.name or path.name.split(".")[0]
        self.notes: list[str] = []

    def table(self) -> tuple[Table, list[str]]:
        """The table and what was decided on the way."""
        names, genotypes, rows, searched, attrs = self._architectures()
        pieces = self._pieces(rows)
        self._count_repeats(pieces)
        axes: dict[str, Sequence[Any]] = {"task": self._place_tasks(pieces)}
        axes.update((axis, labels) for axis in INNER if (labels := self._place(axis, pieces)))
        draft = Draft(self.name, searched, names, genotypes, axes, {}, *self._origin(), attrs=attrs)
        splits: dict[str, dict[str, list[str]]] = {task: {} for task in axes["task"]}
        for variable in dict.fromkeys(piece.variable for piece in pieces):
            self._fill(draft, variable, [piece for piece in pieces if piece.variable == variable], splits)
        for task, keys in splits.items():
            if not keys:
                raise WarmnasError(
                    f"{self.path}: the task {task} has no val, test or train values; check --map and --rename"
                )
        draft.splits = {t: {s: ", ".join(dict.fromkeys(keys)) for s, keys in v.items()} for t, v in splits.items()}
        draft.metrics = self._metrics(draft)
        return draft.table(), self.notes

    def _origin(self) -> tuple[str, str]:
        return self.options.source or self.path.name, self.options.licence or "not stated"

    # --- architectures ---------------------------------------------------------------------------------------------
    def _architectures(self) -> tuple[list[str], Genotypes, IntArray, SearchSpace, dict[str, str]]:
        """Names, genotypes, the row of each line of the file, the space, and the attributes that describe it."""
        import pandas as pd

        column = self.frame[self.mapping.axes["arch"]].astype(str).str.strip()
        codes, unique = pd.factorize(column)
        texts = [str(text) for text in unique]
        name = self.options.space or guess_space(column)
        if not self.options.space:
            known = "space = {}" if name else "the architectures are of no known space: space = {}, by their names"
            self.notes.append(known.format(name or CATEGORICAL))
        if name is None or name == CATEGORICAL:
            strangers = CategoricalSpace([(ARCHITECTURE, texts)])
            genotypes = np.stack([strangers.from_string(text) for text in texts])
            return texts, genotypes, codes.astype(np.int64), strangers, strangers.attributes()
        searched = space(name)
        genotypes = np.stack([searched.from_string(text) for text in texts])
        place: dict[bytes, int] = {}
        merged = np.array([place.setdefault(genotype.tobytes(), len(place)) for genotype in genotypes])
        kept = genotypes[np.unique(merged, return_index=True)[1]]
        return [searched.to_string(genotype) for genotype in kept], kept, merged[codes], searched, {}

    # --- measurements ----------------------------------------------------------------------------------------------
    def _pieces(self, rows: IntArray) -> list[Piece]:
        axes = self.mapping.axes
        parts = [(column, np.ones(len(self.frame), dtype=bool)) for column in self.mapping.columns]
        if "value" in axes and "split" in axes:
            kinds = self.frame[axes["split"]].astype(str)
            for kind in kinds.unique():
                if (meaning := read_name(kind)) is None:
                    raise WarmnasError(f"{self.path}: '{kind}' in column {axes['split']} is no quantity that is known")
                parts.append((replace(meaning, column=axes["value"], task=None), (kinds == kind).to_numpy()))
        pieces = [self._piece(column, mask, rows) for column, mask in parts]
        if not any(len(piece.values) for piece in pieces):
            raise CorruptFile(f"{self.path}: the columns of measurements are empty")
        return [piece for piece in pieces if len(piece.values)]

    def _piece(self, column: Column, mask: npt.NDArray[np.bool_], rows: IntArray) -> Piece:
        import pandas as pd

        raw = self.frame[column.column]
        values = pd.to_numeric(raw, errors="coerce").to_numpy(dtype=np.float64)
        text = raw.notna().to_numpy() & np.isnan(values) & mask
        if text.any():
            raise CorruptFile(f"{self.path}: column {column.column} has '{raw.to_numpy()[text][0]}', which is not a number")
        mask = mask & ~np.isnan(values)
        labels: dict[str, Labels] = {}
        for axis in ("task", *INNER):
            if (constant := getattr(column, axis)) is not None:
                labels[axis] = constant
            elif axis in self.mapping.axes:
                labels[axis] = self.frame[self.mapping.axes[axis]].to_numpy()[mask]
        return Piece(column.variable, column.column, values[mask] * column.factor, rows[mask], labels)

    def _count_repeats(self, pieces: list[Piece]) -> None:
        """In a file without seeds, an architecture that stands there again was trained again."""
        import pandas as pd

        if any("seed" in piece.labels for piece in pieces):
            return
        repeats = []
        for piece in pieces:
            keys = pd.DataFrame({"row": piece.rows, **piece.labels})
            repeats.append(keys.groupby(list(keys), dropna=False, sort=False).cumcount().to_numpy())
        if any(repeat.max() > 0 for repeat in repeats):
            self.notes.append("architectures stand there several times: taken as repeated trainings, seeds 0, 1, ...")
            for piece, repeat in zip(pieces, repeats, strict=True):
                piece.labels["seed"] = repeat

    # --- axes ------------------------------------------------------------------------------------------------------
    def _place_tasks(self, pieces: list[Piece]) -> list[str]:
        """Names of the tasks; what holds for all of them (sizes of a network) is repeated for each."""
        renamed = dict(self.options.rename)
        unused = set(renamed)
        place: dict[str, int] = {}
        common = [p for p in pieces if "task" not in p.labels and p.variable not in RUNS and p.variable != "latency"]
        for piece in pieces:
            if not any(piece is other for other in common):
                self._name_task(piece, pieces)
                codes, texts = _factorize(piece.labels.get("task", self.name), len(piece.rows))
                numbers = np.array([place.setdefault(renamed.get(text, text), len(place)) for text in texts])
                piece.places["task"] = numbers[codes]
                unused -= set(texts)
        if unused:
            raise WarmnasError(f"--rename {min(unused)}=...: no task has that name; the tasks are {', '.join(place)}")
        for piece in common:
            copies = [replace(piece, places={"task": np.full(len(piece.rows), number)}) for number in place.values()]
            pieces[:] = [other for other in pieces if other is not piece] + copies
        return list(place)

    def _name_task(self, piece: Piece, pieces: list[Piece]) -> None:
        """A time without a task belongs to the only task that there is; times of one task are not those of another."""
        if "task" in piece.labels or piece.variable.endswith("_accuracy"):
            return
        named = {other.labels["task"] for other in pieces if isinstance(other.labels.get("task"), str)}
        if len(named) == 1:
            piece.labels["task"] = named.pop()
        elif named:
            quantity = next(quantity for quantity, variable in QUANTITIES.items() if variable == piece.variable)
            raise WarmnasError(f"{self.path}: of which task is {piece.source}? Say --map {quantity}:TASK={piece.source}")

    def _place(self, axis: str, pieces: list[Piece]) -> list[Any]:
        """Labels of an axis, none where nobody uses it; afterwards every piece that needs it has its places there."""
        needed = ("latency",) if axis == "device" else RUNS
        used = [piece for piece in pieces if piece.variable in needed]
        present = [piece for piece in used if axis in piece.labels]
        if axis in ("seed", "epoch"):  # a variable that has no seeds at all is a mean, and needs no axis to say so
            used = [piece for piece in used if any(piece.variable == other.variable for other in present)]
        if axis == "device" and used and not present:
            return self._everywhere(axis, used, ["as in the source"])
        if not present:
            return []
        found = {id(piece): _factorize(piece.labels[axis], len(piece.rows)) for piece in present}
        labels = _labels(self.path, axis, {text for _, texts in found.values() for text in texts})
        without = [piece for piece in used if axis not in piece.labels]
        if without and axis in ("seed", "device"):
            labels = [*map(str, labels), "mean" if axis == "seed" else "as in the source"]
        place = {str(label): i for i, label in enumerate(labels)}
        for piece in present:
            codes, texts = found[id(piece)]
            piece.places[axis] = np.array([place[_plain(text)] for text in texts])[codes]
        if without:
            names = ", ".join(dict.fromkeys(piece.source for piece in without))
            self.notes.append(f"no {axis} is said for {names}: taken as {axis} {labels[-1]}")
        return self._everywhere(axis, without, labels)

    @staticmethod
    def _everywhere(axis: str, pieces: list[Piece], labels: list[Any]) -> list[Any]:
        for piece in pieces:
            piece.places[axis] = np.full(len(piece.rows), len(labels) - 1)
        return labels

    # --- values ----------------------------------------------------------------------------------------------------
    def _fill(self, draft: Draft, variable: str, pieces: list[Piece], splits: dict[str, dict[str, list[str]]]) -> None:
        split = next((s for s in Split if s.variable == variable), None)
        inner = [axis for axis in INNER if axis in pieces[0].places]
        values = draft.empty(variable, ("task", "architecture", *inner))
        for piece in pieces:
            place = (piece.places["task"], piece.rows, *(piece.places[axis] for axis in inner))
            if variable in RUNS:
                self._refuse_conflicts(draft, piece, place, values)
            values[place] = piece.values
            if split:
                for task in np.unique(piece.places["task"]):
                    splits[draft.axes["task"][task]].setdefault(split.value, []).append(piece.source)

    def _refuse_conflicts(self, draft: Draft, piece: Piece, place: tuple[IntArray, ...], values: FloatArray) -> None:
        """No measurement is overwritten by another one."""
        flat = np.ravel_multi_index(place, values.shape)
        there = values[place]
        order = np.argsort(flat, kind="stable")
        again = order[1:][(np.diff(flat[order]) == 0) & (np.diff(piece.values[order]) != 0)]
        wrong = np.concatenate([np.flatnonzero(~np.isnan(there) & (there != piece.values)), again])
        if len(wrong):
            name = draft.names[int(piece.rows[wrong[0]])]
            raise WarmnasError(
                f"{self.path}: {piece.variable} of '{name}' has two different values (column {piece.source}); "
                "map what tells them apart, such as --map seed=COLUMN or --map epoch=COLUMN"
            )

    def _metrics(self, draft: Draft) -> dict[str, Metric]:
        name, _, direction = (self.options.metric or "accuracy").partition(":")
        if name == "accuracy" and direction in ("", "maximize"):
            return {}
        blocks = [values for variable, (_, values, _) in draft.arrays.items() if variable.endswith("_accuracy")]
        bounds = (float(min(np.nanmin(b) for b in blocks)), float(max(np.nanmax(b) for b in blocks)))
        if direction == "minimize":
            metric = Metric(name, "as in the source", "minimize", bounds)
        elif direction in ("", "maximize"):
            metric = Metric(name, "as in the source", "maximize", bounds)
        else:
            raise WarmnasError(f"--metric '{self.options.metric}': write NAME:maximize or NAME:minimize")
        return {str(task): metric for task in draft.axes["task"]}


def _factorize(labels: Labels, n: int) -> tuple[IntArray, list[str]]:
    """Numbers of the labels, one per line, and the different labels as text."""
    import pandas as pd

    if isinstance(labels, str):
        return np.zeros(n, dtype=np.int64), [labels]
    codes, unique = pd.factorize(np.asarray(labels), use_na_sentinel=False)
    return codes.astype(np.int64), [str(text) for text in unique]


def _plain(text: str) -> str:
    """``0777`` and ``777.0`` are the label 777."""
    try:
        number = float(text)
        return str(int(number)) if number == int(number) else text
    except (ValueError, OverflowError):
        return text


def _labels(path: Path, axis: str, texts: set[str]) -> list[Any]:
    """Labels in the table's order: epochs and schedules are whole numbers, seeds where they all can be."""
    plain = {_plain(text) for text in texts}
    if axis != "device" and all(text.isdecimal() for text in plain):
        return sorted(map(int, plain))
    if axis in ("schedule", "epoch"):
        wrong = min(text for text in plain if not text.isdecimal())
        raise WarmnasError(f"{path}: '{wrong}' is not a number of epochs ({axis})")
    return sorted(plain)
