"""TransNAS-Bench-101 (Duan et al., CVPR 2021): seven vision tasks, 4,096 cells and 3,256 skeletons.

``transnas-bench_v10141024.pth`` as ``api/api.py`` of yawen-d/TransNASBench, ``TransNASBenchAPI.__init__`` and
``get_single_metric``, reads it: ``data[space][architecture][task]`` with ``total_epochs``, ``model_info`` and
``metrics``, a list per epoch of each metric that ``metrics_dict[task]`` names. No genuine file was at hand; the layout
is that of those lines and the repository's README.

A table holds one space, ``--space micro`` or ``macro``. The metric of a task is the first of top-1 accuracy, mean
intersection over union, structural similarity and negative loss that it has, on ``train_``, ``valid_`` and ``test_``;
all are larger where they are better. The official default, "best", is the maximum over epochs and, on the test set, a
maximum over test values; here the value is that of the last epoch. Tasks were trained for different numbers of epochs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..assembling import Draft
from ..errors import WarmnasError
from ..spaces import space
from ..torchfile import load_torch
from ..values import ACCURACY, Metric
from .formats import Import, Options, file_format
from .guarding import guarded

TASKS = ("class_scene", "class_object", "room_layout", "jigsaw", "segmentsemantic", "normal", "autoencoder")
METRICS: dict[str, Metric] = {
    "top1": ACCURACY,
    "mIoU": replace(ACCURACY, name="mIoU"),
    "ssim": Metric("SSIM", "1", "maximize", (-1.0, 1.0)),
    "neg_loss": Metric("negative loss", "1", "maximize", (-1e9, 1e9)),
}
SPLITS = {"train": "train", "val": "valid", "test": "test"}
KINDS = ("micro", "macro")
Content = Mapping[str, Mapping[str, Any]]  # architecture -> task -> record


@file_format(
    "transnas101", "TransNAS-Bench-101: transnas-bench_v10141024.pth, with --space micro or macro", options=("space",)
)
def read_transnas(path: Path, options: Options) -> Import:
    """See the module's head."""
    kind = (options.space or "").removeprefix("transnas-")
    if kind not in KINDS:
        raise WarmnasError("this file holds two search spaces and a table one: say --space micro or --space macro")
    with guarded(path, "TransNAS-Bench-101"):
        database = load_torch(path)
        content: Content = database["data"][kind]
        tasks = [task for task in TASKS if task in database["task_list"]]
        chosen = {task: next(m for m in METRICS if f"valid_{m}" in database["metrics_dict"][task]) for task in tasks}
        draft = _draft(kind, content, chosen, options)
        for row, records in enumerate(content.values()):
            for place, task in enumerate(tasks):
                _fill(draft, (place, row), records[task], chosen[task])
        return Import(draft.table())


def _draft(kind: str, content: Content, chosen: Mapping[str, str], options: Options) -> Draft:
    searched = space(f"transnas-{kind}")
    epochs = max(int(records[task]["total_epochs"]) for records in content.values() for task in chosen)
    genotypes = np.stack([searched.from_string(name) for name in map(str, content)])
    draft = Draft(
        options.name or f"transnas-{kind}",
        searched,
        [searched.to_string(genotype) for genotype in genotypes],
        genotypes,
        {"task": list(chosen), "epoch": range(1, epochs + 1), "device": ["as in the source"]},
        {task: {split: f"{key}_{metric}" for split, key in SPLITS.items()} for task, metric in chosen.items()},
        options.source or "TransNAS-Bench-101 (Duan et al. 2021)",
        "MIT",
        metrics={task: METRICS[metric] for task, metric in chosen.items()},
        attrs={"protocol": "the benchmark's own per task"},
    )
    for split in SPLITS:
        draft.empty(f"{split}_accuracy", ("task", "architecture", "epoch"), np.float32)
    draft.empty("train_seconds", ("task", "architecture", "epoch"), np.float32, timed="alone")
    draft.empty("latency", ("task", "architecture", "device"))
    for name in ("params", "flops"):
        draft.empty(name, ("task", "architecture"))
    return draft


def _fill(draft: Draft, at: tuple[int, int], record: Mapping[str, Any], metric: str) -> None:
    epochs, metrics, info = int(record["total_epochs"]), record["metrics"], record["model_info"]
    for split, key in SPLITS.items():
        draft.arrays[f"{split}_accuracy"][1][at][:epochs] = _course(metrics[f"{key}_{metric}"], epochs)
    elapsed = _course(metrics["time_elapsed"], epochs)
    # Seconds since the start where they only grow, else those of each epoch.
    grows = epochs > 1 and (np.diff(elapsed) > 0).all() and elapsed[-1] > 2 * elapsed[0]
    draft.arrays["train_seconds"][1][at][:epochs] = np.diff(elapsed, prepend=0.0) if grows else elapsed
    for variable, key in (("latency", "inference_time"), ("params", "model_params"), ("flops", "model_FLOPs")):
        draft.arrays[variable][1][at] = float(info[key])


def _course(values: Any, epochs: int) -> Any:
    course = np.array(values, dtype=np.float64)
    if course.shape != (epochs,):
        raise ValueError(f"a metric with {course.shape} values in {epochs} epochs")
    return course
