"""The ``--out`` folder of an early-termination study: ``summary.json``, ``searches.parquet`` and ``report.html``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..bench import FloatArray
from ..jsontext import plain, to_json
from ..metadata.quality import quality
from .records import REPORT, SUMMARY, versions, write_all
from .stop_pool import Pool
from .stop_study import Judged, StopStudy

SEARCHES = "searches.parquet"
FEW_IMAGES = 500  # validation images, below which two good architectures differ by their luck
# Wistuba & Pedapati (ICML 2020): 200 NASNet cells of 100 epochs on CIFAR-10, CIFAR-100, Fashion-MNIST, Quickdraw and SVHN,
# one order. Mean regret in points, and summed GPU hours of no stopping over those of the method.
PUBLISHED = {
    "none": (0.0, 1.0),
    "domhan": (0.42, 3.0),
    "hyperband": (0.37, 9.6),
    "baker": (0.0, 9.0),
    "successive-halving": (0.30, 17.0),
    "chandrashekaran": (0.25, 16.0),
    "lcrank": (0.08, 38.0),
}


def summary(result: StopStudy, command: str) -> dict[str, Any]:
    """The JSON object of a study: a row per task and method, and the points of the fronts apart."""
    content = {
        "command": command,
        "versions": versions(),
        "protocol": result.protocol_hash(),
        "settings": {**asdict(result.protocol), "methods": list(dict.fromkeys(j.method for j in result.judged))},
        "tables": {table.name: table.hash for table in result.tables},
        "tasks": {pool.task: about(pool) for pool in result.pools},
        "rows": [row(one, result.pool(one.task)) for one in result.judged if one.chosen],
        "fronts": [row(one, result.pool(one.task)) for one in result.judged if not one.chosen],
        "published": {name: {"regret": r, "speedup": s} for name, (r, s) in PUBLISHED.items()},
    }
    return {key: plain(value) for key, value in content.items()}


def row(one: Judged, pool: Pool) -> dict[str, Any]:
    """Means over the orders of one method on one task."""
    orders = len(one.regret)
    sem = float(one.regret.std(ddof=1) / np.sqrt(orders)) if orders > 1 else 0.0
    seconds = None
    if one.seconds is not None and pool.seconds is not None:
        seconds = float(pool.seconds[:, pool.whole > 0].sum() / one.seconds.mean())
    return {
        "task": one.task,
        "method": one.method,
        "parameter": one.parameter,
        "regret": float(one.regret.mean()),
        "regret_sem": sem,
        "regret_90": float(np.quantile(one.regret, 0.9)),
        "percentile": float(one.percentile.mean()),
        "speedup": float(len(pool) * pool.whole.sum() / one.epochs.mean()),
        "speedup_ceiling": pool.ceiling,
        "speedup_seconds": seconds,
        "epochs": float(one.epochs.mean()),
        "elapsed": float(one.elapsed.mean()),
        "overhead_seconds": float(one.overhead.mean()),
        "fit_seconds": one.fit_seconds,
        "orders": orders,
    }


def about(pool: Pool) -> dict[str, Any]:
    """What a task is worth as a target, and what its stoppers could learn from."""
    table = pool.table
    found = next((q for q in quality(table) if q.task == pool.task), None)
    images = None
    if "validation_size" in table.data.coords:
        images = int(table.data["validation_size"].values[table.tasks.index(pool.task)])
    return {
        "table": table.name,
        "candidates": len(pool),
        "function_classes": len(np.unique(table.space.class_keys(pool.genotypes))),
        "epochs": int(pool.whole.sum()) if pool.levels is None else list(pool.levels),
        "speedup_ceiling": pool.ceiling,
        "sources": {source.task: len(source.values) for source in pool.sources},
        "verdict": found.verdict if found else "",
        "seed_deviation": found.noise if found else None,
        "validation_images": images,
        "short_of_images": None if images is None else images < FEW_IMAGES,
    }


def write_stop_study(result: StopStudy, out: Path, command: str) -> dict[str, Any]:
    """Write the files of a study into an existing folder; returns the content of ``summary.json``."""
    from .report.stop import write_stop_report

    content = summary(result, command)
    writers: dict[str, Callable[[Path], object]] = {
        SUMMARY: lambda path: path.write_text(to_json(content) + "\n", encoding="utf-8"),
        SEARCHES: lambda path: _write_searches(result, path),
        REPORT: lambda path: write_stop_report(content, path),
    }
    write_all(out, writers)
    return content


def _write_searches(result: StopStudy, path: Path) -> None:
    """A line per task, method, parameter and order."""
    import pandas as pd

    frames = []
    for one in result.judged:
        unknown: FloatArray = np.full(len(one.regret), np.nan)
        columns = {
            "order": np.arange(len(one.regret)),
            "regret": one.regret,
            "percentile": one.percentile,
            "epochs": one.epochs,
            "seconds": unknown if one.seconds is None else one.seconds,
            "overhead_seconds": one.overhead,
        }
        frames.append(pd.DataFrame(columns).assign(task=one.task, method=one.method, parameter=one.parameter or ""))
    pd.concat(frames, ignore_index=True).to_parquet(path, index=False)
