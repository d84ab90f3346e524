"""HW-NAS-Bench (Li et al., ICLR 2021): what NAS-Bench-201's cells cost on six devices.

``HW-NAS-Bench-v1_0.pickle`` as ``hw_nas_bench_api/hw_nas_bench_api.py``, ``HWNASBenchAPI.query_by_index`` reads it:
``content["nasbench201"][dataset][metric][index]``, and ``["config"][index]["arch_str"]`` says which cell that is. No
genuine file was at hand; the layout is that of those lines and of the repository's README (milliseconds and
millijoule).

Devices become the axis ``device`` of ``latency`` (seconds), ``energy`` (joule) and, for Eyeriss,
``arithmetic_intensity``; what was not measured on a device is NaN. The file has no accuracies, so they are taken from
the table ``nasbench201``, by cell; ``cifar10`` is joined with ``cifar10-valid``, the same images in the same network.
The look-up tables of FBNet's layers are no architectures and are left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..assembling import Array, Draft
from ..benchmarks import open_benchmark
from ..errors import WarmnasError
from ..table import Table
from ..torchfile import load_torch
from .formats import Import, Options, file_format
from .guarding import guarded

DEVICES = ("edgegpu", "raspi4", "edgetpu", "pixel3", "eyeriss", "fpga")
TASKS = {"cifar10": "cifar10-valid", "cifar100": "cifar100", "ImageNet16-120": "ImageNet16-120"}
METRICS = {"latency": 1e-3, "energy": 1e-3, "arithmetic_intensity": 1.0}
JOINED = "nasbench201"
TAKEN = ("val_accuracy", "train_seconds", "params")


@file_format("hw-nas-bench", "HW-NAS-Bench-v1_0.pickle; accuracies are joined from the table nasbench201")
def read_hw(path: Path, options: Options) -> Import:
    """See the module's head."""
    accuracies = open_benchmark(JOINED)
    with guarded(path, "HW-NAS-Bench"):
        content = load_torch(path)["nasbench201"]
        cells = [config["arch_str"] for config in content["cifar10"]["config"]]
        rows = np.array([accuracies.row(str(cell)) for cell in cells])
        if len(np.unique(rows)) != len(rows):
            raise ValueError("a cell that stands there twice")
        draft = _draft(accuracies, rows, options)
        for metric, factor in METRICS.items():
            values = draft.empty(metric, ("task", "architecture", "device"))
            for task, dataset in enumerate(TASKS):
                if [str(config["arch_str"]) for config in content[dataset]["config"]] != cells:
                    raise ValueError(f"{dataset} lists other cells than cifar10")
                _fill(content[dataset], metric, factor, values[task])
        if np.isnan(draft.arrays["latency"][1]).all():
            raise WarmnasError("no latency was found in it")
        return Import(draft.table(), (f"accuracies, training times and sizes are those of {JOINED}, joined by cell",))


def _draft(accuracies: Table, rows: Array, options: Options) -> Draft:
    tasks = list(TASKS.values())
    places = [accuracies.tasks.index(task) for task in tasks]
    data = accuracies.data
    draft = Draft(
        options.name or "hw-nas-bench",
        accuracies.space,
        [accuracies.names[row] for row in rows],
        accuracies.genotypes[rows],
        {"task": tasks, "seed": data["seed"].values.tolist(), "device": list(DEVICES)},
        {task: {split.value: key for split, key in accuracies.splits[task].items()} for task in tasks},
        options.source or f"HW-NAS-Bench (Li et al. 2021); accuracies: {data.attrs['source']}",
        f"MIT; {data.attrs['licence']}",
        coords={"family": [accuracies.family(task) for task in tasks]},
        attrs={"epochs": accuracies.epochs, "protocol": data.attrs["protocol"], "absent": data.attrs["absent"]},
    )
    for name in TAKEN:
        taken = data[name]
        values = draft.empty(
            name, [str(dim) for dim in taken.dims], **{k: str(v) for k, v in taken.attrs.items() if k == "timed"}
        )
        values[:] = taken.values[places][:, rows]
    return draft


def _fill(content: Any, metric: str, factor: float, values: Array) -> None:
    for place, device in enumerate(DEVICES):
        if (found := content.get(f"{device}_{metric}")) is not None:
            measured = np.array(found, dtype=np.float64)
            if measured.shape != values.shape[:1] or not (measured > 0).all():
                raise ValueError(f"{device}_{metric} is not one positive number per cell")
            values[:, place] = factor * measured
