"""``warmnas fit`` and ``warmnas predict``: a predictor of one task in a file, and what it says of architectures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..bench import Split, Table, UnknownName, WarmnasError
from ..surrogates.predictors import load_predictor
from .predictor_study import make_predictor


def fit_model(spec: str, table: Table, task: str, out: Path, seed: int = 0) -> dict[str, Any]:
    """Fit a predictor on all validation values of a task (means over seeds) and write it to ``out``.

    Returns:
        What was learned from: predictor, table with hash, task, metric, number of architectures.

    Raises:
        WarmnasError: for an unknown name, a task without validation values, or a place that cannot be written to.
    """
    table.resolve(task, Split.VAL)
    if not out.absolute().parent.is_dir():
        raise WarmnasError(f"cannot write to --out {out}: its folder does not exist; make it, or name another")
    if out.is_dir():
        raise WarmnasError(f"cannot write to --out {out}: it is a folder; name a file in it")
    model = make_predictor(spec, table.space, seed)
    candidates = table.candidates(task)
    values = table.values(task, candidates.table_rows)
    pooled = getattr(model, "fit_table", None)  # learns for a task from the others
    if not np.isfinite(values).all():
        raise WarmnasError(f"{table.name}: a validation value of {task} is not finite; leave out what was not measured")
    if pooled is None:
        model.fit(candidates.genotypes, values)
    else:
        pooled(table, task)
    metric = table.metrics[task]
    # Whose values were read: a pooled model learns for its target from the other families, never from the target.
    others = [name for name in table.tasks if table.family(name) != table.family(task)]
    read = [task] if pooled is None else others
    notes = {
        "predictor": spec,
        "table": table.name,
        "hash": table.hash,
        "task": task,
        "metric": f"{metric.name} ({metric.unit})",
        "direction": metric.direction,
        "architectures": len(candidates),
        "tasks": read,
        "families": sorted({table.family(name) for name in read}),
    }
    try:
        model.save(out, notes)
    except OSError as error:
        raise WarmnasError(f"cannot write to --out {out}: {error.strerror}; name another file") from error
    return notes


def predict_with(path: Path, table: Table, task: str, architectures: Sequence[str] = ()) -> dict[str, Any]:
    """Means and deviations of architectures (strings), or of all that are measured on the task.

    Raises:
        WarmnasError: for a damaged file, an unknown task, a model of another space or a string that is no architecture.
    """
    model, notes = load_predictor(path)
    if task not in table.tasks:
        raise UnknownName(f"task of {table.name}", task, table.tasks)
    if model.space is not table.space and _identity(model.space) != _identity(table.space):
        raise WarmnasError(
            f"{path} predicts architectures of {model.space.name}, and {table.name} is of {table.space.name}"
        )
    if architectures:
        genotypes = np.stack([table.space.from_string(text) for text in architectures])
        names = list(architectures)
    else:
        candidates = table.candidates(task)
        genotypes, names = candidates.genotypes, [table.names[row] for row in candidates.table_rows]
    mean, std = model.predict(genotypes, return_std=True)
    rows = [{"arch": n, "mean": float(m), "std": float(s)} for n, m, s in zip(names, mean, std, strict=True)]
    return {"model": notes, "task": task, "rows": rows}


def _identity(space: Any) -> tuple[Any, ...]:
    return space.name, space.genes
