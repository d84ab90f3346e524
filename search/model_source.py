"""A fitted predictor as one more source: what it says of every candidate counts like an earlier task's values.

It is held to the rule of sources: in a study, one that has read values of the target, or of its family where that is left
out, is refused.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from ..bench import Candidates, SearchSpace, Table, WarmnasError
from ..surrogates.predictors import load_predictor
from .problem import SourceTask
from .sources import LeaveOut


def model_source(path: str, space: SearchSpace, listed: Candidates, runs: int = 1) -> tuple[SourceTask, dict[str, Any]]:
    """What a model that ``warmnas fit`` wrote says of every candidate, the same for every run; and its notes.

    Raises:
        CorruptFile: where the file is no such model.
        WarmnasError: where it does not exist, or is of another space.
    """
    model, notes = load_predictor(Path(path))
    if (model.space.name, model.space.genes) != (space.name, space.genes):
        raise WarmnasError(f"--model {path}: it predicts architectures of {model.space.name}, not of {space.name}")
    # A metric where less is better is learned as it stands in the table; sources are larger-is-better.
    sign = -1.0 if notes.get("direction") == "minimize" else 1.0
    values = sign * np.asarray(model.predict(listed.genotypes), dtype=np.float64)
    genotypes = np.broadcast_to(listed.genotypes, (runs, *listed.genotypes.shape))
    every = np.broadcast_to(values, (runs, len(values)))
    return SourceTask(f"model:{notes.get('predictor', path)}", genotypes, every), notes


def fingerprint(path: str) -> str:
    """Hash of a model's file; WarmnasError where it cannot be read."""
    try:
        return hashlib.blake2b(Path(path).read_bytes(), digest_size=8).hexdigest()
    except OSError as error:
        raise WarmnasError(f"--model {path}: {error.strerror}; warmnas fit writes a model") from error


def learned_from(notes: dict[str, Any], table: Table | None = None) -> tuple[set[str], set[str]]:
    """Tasks whose values a model has read, and their families, by its notes; those of older files name one task alone."""
    tasks = set(notes.get("tasks", [notes["task"]] if "task" in notes else []))
    families = set(notes.get("families", []))
    if table is not None:
        families |= {table.family(task) for task in tasks if task in table.tasks}
    return tasks, families


def refuse_relative(path: str, notes: dict[str, Any], table: Table, task: str, leave_out: LeaveOut) -> None:
    """WarmnasError where a model has read what a study of a target leaves out."""
    tasks, families = learned_from(notes, table)
    if task in tasks:
        raise WarmnasError(f"--model {path} has learned from {task}, the target itself; fit one on another task")
    if leave_out == "family" and table.family(task) in families:
        raise WarmnasError(
            f"--model {path} has learned from {table.family(task)}, the family of {task}, which is left out; fit one on "
            "another family, or write --leave-out task"
        )
