"""NAS-Bench-Graph's full files (Qin et al., NeurIPS 2022): every epoch of three seeds.

A folder of ``cora0.bench``, ``cora1.bench``, ``cora2.bench``, ``citeseer0.bench``, ..., or one such file, as ``read``
of the package's ``readbench.py`` unpickles it and the repository's README describes it: a dictionary from the
architecture's number to ``dur`` (per epoch: training, validation, test performance, then the three losses, then the
best so far), ``valid_perf``, ``perf``, ``latency`` and ``para``. No genuine file was at hand.

The benchmark's own figures, validation at its best epoch and test at that epoch, are ``best_val_accuracy`` and
``best_test_accuracy``; the value at the end of training is that of the last epoch. Performance is a fraction there and
percent here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..assembling import Draft
from ..spaces import space
from ..spaces.nasbench_graph import NASBenchGraphSpace
from ..torchfile import load_torch
from .formats import Import, Options, file_format
from .guarding import guarded
from .nas_bench_graph import FAMILIES, ROC_AUC

CURVES = {"train_accuracy": (0, 100.0), "val_accuracy": (1, 100.0), "test_accuracy": (2, 100.0), "train_loss": (3, 1.0)}
FINAL = {"best_val_accuracy": ("valid_perf", 100.0), "best_test_accuracy": ("perf", 100.0), "latency": ("latency", 1.0)}
_NAME = re.compile(rf"({'|'.join(FAMILIES)})([0-9])\.bench")
Record = Mapping[int, Mapping[str, Any]]


@file_format("nas-bench-graph", "NAS-Bench-Graph's full files: cora0.bench, or the folder of all of them")
def read_full(path: Path, options: Options) -> Import:
    """See the module's head."""
    with guarded(path, "NAS-Bench-Graph"):
        files = sorted(path.glob("*.bench")) if path.is_dir() else [path]
        named = [(match[1], int(match[2]), file) for file in files if (match := _NAME.fullmatch(file.name))]
        if not named:
            raise ValueError("no file called as in cora0.bench: the task, then the seed")
        records: dict[tuple[str, int], Record] = {(task, seed): load_torch(file) for task, seed, file in named}
        draft = _draft(records, options)
        _fill(draft, records)
        return Import(draft.table())


def _draft(records: Mapping[tuple[str, int], Record], options: Options) -> Draft:
    graphs = space("nasbench-graph")
    assert isinstance(graphs, NASBenchGraphSpace)
    keys = sorted({int(key) for record in records.values() for key in record})
    genotypes = graphs.from_key(np.array(keys))
    tasks = [task for task in FAMILIES if task in {task for task, _ in records}]
    longest = max(len(entry["dur"]) for record in records.values() for entry in record.values())
    return Draft(
        options.name or "nasbench-graph-full",
        graphs,
        [graphs.to_string(genotype) for genotype in genotypes],
        genotypes,
        {
            "task": tasks,
            "seed": sorted({seed for _, seed in records}),
            "epoch": range(1, longest + 1),
            "device": ["as in the source"],
        },
        {task: {"train": "dur[0]", "val": "dur[1]", "test": "dur[2]"} for task in tasks},
        options.source or "NAS-Bench-Graph (Qin et al. 2022), full files",
        "CC BY 4.0",
        metrics={task: ROC_AUC for task in tasks if task == "proteins"},
        coords={"family": [FAMILIES[task] for task in tasks]},
        attrs={"protocol": "the benchmark's own hyper-parameters per task; three seeds"},
    )


def _fill(draft: Draft, records: Mapping[tuple[str, int], Record]) -> None:
    graphs = draft.space
    assert isinstance(graphs, NASBenchGraphSpace)
    per_run = ("task", "architecture", "seed")
    curves = {name: draft.empty(name, (*per_run, "epoch"), np.float32) for name in CURVES}
    final = {name: draft.empty(name, (*per_run, "device") if name == "latency" else per_run) for name in FINAL}
    params = draft.empty("params", ("task", "architecture"))
    row = {genotype.tobytes(): i for i, genotype in enumerate(draft.genotypes)}
    for (task, seed), record in records.items():
        keys = [int(key) for key in record]
        rows = [row[genotype.tobytes()] for genotype in graphs.from_key(np.array(keys))]
        at_task, at_seed = draft.axes["task"].index(task), list(draft.axes["seed"]).index(seed)
        for where, entry in zip(rows, record.values(), strict=True):
            course = np.array([epoch[:7] for epoch in entry["dur"]], dtype=np.float64)
            for name, (column, factor) in CURVES.items():
                curves[name][at_task, where, at_seed, : len(course)] = factor * course[:, column]
            for name, (key, factor) in FINAL.items():
                final[name][at_task, where, at_seed] = factor * float(entry[key])
            params[at_task, where] = round(1e6 * float(entry["para"]))
