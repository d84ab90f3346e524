"""A predictor study's ``--out`` folder: ``summary.json``, ``splits.parquet`` and ``report.html``, all of them or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..bench import FloatArray
from ..jsontext import plain, to_json
from .outcome import standard_error
from .predictor_metrics import METRICS
from .predictor_study import Judged, PredictorStudy
from .records import REPORT, SUMMARY, versions, write_all

SPLITS = "splits.parquet"


def summary(result: PredictorStudy, command: str) -> dict[str, Any]:
    """The JSON object of a predictor study; a row per (task, predictor), numbers by training architectures."""
    content = {
        "command": command,
        "versions": versions(),
        "protocol": result.protocol_hash(),
        "settings": {**asdict(result.protocol), "predictors": list(dict.fromkeys(j.predictor for j in result.judged))},
        "tables": {table.name: table.hash for table in result.tables},
        "ceilings": {task: asdict(ceiling) for task, ceiling in result.ceilings.items()},
        "rows": [row(one, result.protocol.sizes) for one in result.judged],
    }
    return {key: plain(value) for key, value in content.items()}


def row(one: Judged, sizes: tuple[int, ...]) -> dict[str, Any]:
    """Means over splits and their standard errors (None of a single split) of one predictor on one task."""
    metric = one.table.metrics[one.task]
    content: dict[str, Any] = {
        "task": one.task,
        "predictor": one.predictor,
        "splits": len(one.fit_seconds),
        "budget": sizes[-1],
        "metric": f"{metric.name} ({metric.unit})",
    }
    for name in METRICS:
        content[name] = _by_size(one.values[name].mean(axis=0), sizes)
        many = len(one.fit_seconds) > 1
        content[f"{name}_sem"] = _by_size(standard_error(one.values[name]) if many else None, sizes)
    content["fit_seconds"] = _by_size(one.fit_seconds.mean(axis=0), sizes)
    content["predict_seconds"] = _by_size(one.predict_seconds.mean(axis=0), sizes)
    return content


def _by_size(values: FloatArray | None, sizes: tuple[int, ...]) -> dict[str, float | None]:
    known = [None] * len(sizes) if values is None else [float(v) for v in values]
    return dict(zip(map(str, sizes), known, strict=True))


def write_predictor_study(result: PredictorStudy, out: Path, command: str) -> dict[str, Any]:
    """Write the files of a study into an existing folder; returns the content of ``summary.json``."""
    from .report.predictors import write_predictor_report

    content = summary(result, command)
    writers: dict[str, Callable[[Path], object]] = {
        SUMMARY: lambda path: path.write_text(to_json(content) + "\n", encoding="utf-8"),
        SPLITS: lambda path: _write_splits(result, path),
        REPORT: lambda path: write_predictor_report(result, content, path),
    }
    write_all(out, writers)
    return content


def _write_splits(result: PredictorStudy, path: Path) -> None:
    """A line per task, predictor, split and number of training architectures."""
    import pandas as pd

    sizes = result.protocol.sizes
    frames = []
    for one in result.judged:
        splits = len(one.fit_seconds)
        columns = {"task": one.task, "predictor": one.predictor}
        places = {"split": np.repeat(np.arange(splits), len(sizes)), "training": np.tile(sizes, splits)}
        values = {name: values.reshape(-1) for name, values in one.values.items()}
        times = {"fit_seconds": one.fit_seconds.reshape(-1), "predict_seconds": one.predict_seconds.reshape(-1)}
        frames.append(pd.DataFrame({**places, **values, **times}).assign(**columns))
    pd.concat(frames, ignore_index=True).to_parquet(path, index=False)
