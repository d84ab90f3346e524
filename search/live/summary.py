"""The results of a live search: ``summary.json``, ``trajectories.parquet`` and ``report.html``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...jsontext import plain, to_json
from ..problem import SourceTask
from ..records import REPORT, SUMMARY, TRAJECTORIES, versions, write_all
from .advice import advice
from .dataset import Dataset
from .loop import DONE, LiveLoop, Training
from .settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from .finish import Finished
    from .folder import RunFolder

LIBRARIES = ("onnx", "onnxscript", "safetensors")


def write_results(
    settings: Settings,
    folder: RunFolder,
    command: str,
    dataset: Dataset,
    loop: LiveLoop,
    best: int,
    finished: Finished,
    exports: dict[str, Any],
    sources: Sequence[SourceTask],
    notes: Sequence[str],
    facts: dict[str, Any],
) -> dict[str, Any]:
    """Write the files, all or none, and give the content of ``summary.json``."""
    from ..report.live import write_live_report

    rows = [_row(number, training, loop) for number, training in enumerate(loop.trainings)]
    content: dict[str, Any] = {
        "command": command,
        "versions": versions(LIBRARIES),
        "protocol": settings.protocol,
        "settings": dataclasses.asdict(settings),
        "task": dataset.describe(),
        "sources": [{"name": s.name, "architectures": int(s.values.shape[1])} for s in sources],
        "found": _found(dataset, loop, best, finished),
        "reference": None if loop.reference is None else rows[0],
        "rows": rows,
        "retraining": {
            "epochs": len(finished.epochs),
            "train_accuracy": [epoch.train_accuracy for epoch in finished.epochs],
            "train_loss": [epoch.train_loss for epoch in finished.epochs],
        },
        "test": _test(dataset, finished),
        "exports": exports,
        "notes": list(notes),
        **facts,
        "seconds": round(folder.elapsed, 1),
    }
    content = dict(plain(content))
    content["notes"] += advice(content)
    graphs = {row["architecture"]: loop.problem.candidates.space.graph(t.genotype) for row, t in _named(rows, loop)}
    writers: dict[str, Callable[[Path], object]] = {
        SUMMARY: lambda path: path.write_text(to_json(content) + "\n", encoding="utf-8"),
        TRAJECTORIES: lambda path: _trajectory(content, loop).to_parquet(path, index=False),
        REPORT: lambda path: write_live_report(content, graphs, path),
    }
    write_all(folder.path, writers)
    return content


def _named(rows: Sequence[dict[str, Any]], loop: LiveLoop) -> list[tuple[dict[str, Any], Training]]:
    return list(zip(rows, loop.trainings, strict=True))


def _row(number: int, training: Training, loop: LiveLoop) -> dict[str, Any]:
    """One training, as ``summary.json`` has it."""
    return {
        "evaluation": number + 1,
        "architecture": loop.problem.candidates.space.to_string(training.genotype),
        "state": training.state,
        "reason": training.reason,
        "epochs": len(training.epochs),
        "validation": training.value,
        "curve": [epoch.val_accuracy for epoch in training.epochs],
        "train_loss": [epoch.train_loss for epoch in training.epochs],
        "seconds": round(training.seconds, 3),
        "params": training.params,
        "flops": training.flops,
        "batch": training.batch,
    }


def _found(dataset: Dataset, loop: LiveLoop, best: int, finished: Finished) -> dict[str, Any]:
    training = loop.trainings[best]
    return {
        "task": dataset.task.name,
        "architecture": loop.problem.candidates.space.to_string(training.genotype),
        "validation": training.value,
        "test": finished.test.accuracy,
        "evaluations": len(loop.trainings),
        "evaluation": best + 1,
        "retrained": finished.retrained,
        "params": training.params,
        "flops": training.flops,
    }


def _test(dataset: Dataset, finished: Finished) -> dict[str, Any]:
    """What the test images said: looked at once, after everything was decided."""
    test = finished.test
    return {
        "images": int(test.confusion.sum()),
        "accuracy": test.accuracy,
        "interval": list(test.interval),
        "balanced_accuracy": test.balanced,
        "unequal": dataset.unequal,
        "recall": dict(zip(finished.about.classes, test.recalls.tolist(), strict=True)),
        "confusion": test.confusion.tolist(),
    }


def _trajectory(content: dict[str, Any], loop: LiveLoop) -> pd.DataFrame:
    """A row per training, in the order in which they were begun; the incumbent is the best finished one so far."""
    import pandas as pd

    finished = np.array([t.value if t.state == DONE else np.nan for t in loop.trainings])
    incumbent = np.fmax.accumulate(finished)
    return pd.DataFrame(
        {
            "task": content["found"]["task"],
            "optimizer": content["settings"]["optimizer"],
            "run": 0,
            "evaluation": np.arange(1, len(loop.trainings) + 1),
            "architecture": [row["architecture"] for row in content["rows"]],
            "state": [t.state for t in loop.trainings],
            "epochs": [len(t.epochs) for t in loop.trainings],
            "observed": [t.value for t in loop.trainings],
            "incumbent_validation": incumbent,
            "train_seconds": [t.seconds for t in loop.trainings],
            "fit_seconds": [t.fit_seconds for t in loop.trainings],
            "proposal_seconds": [t.proposal_seconds for t in loop.trainings],
        }
    )
