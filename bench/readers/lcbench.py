"""LCBench (Zimmer, Lindauer & Hutter, TPAMI 2021): 2,000 configurations of funnel-shaped networks on 35 OpenML tasks.

``data_2k.json``, ``data_2k_lw.json`` or ``six_datasets_lw.json``, as ``api.py`` of automl/LCBench reads them
(``Benchmark._read_data`` and ``query``): ``data[task][configuration]`` has ``config``, and ``log`` with a list per tag.
Used are ``epoch``, ``time`` (seconds since the start), ``Train/loss``, ``Train/train_accuracy``, ``Train/val_accuracy``
and ``Train/test_result``, which is the accuracy on the test set (mf-prior-bench reads it so too; there is no tag of
that name).

Epoch 0 stands for the untrained network and is left out. Configurations are told apart by their hyper-parameters, which
are their names here; their space is categorical, because the 2,000 were drawn at random and have no neighbours.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..assembling import Array, Draft
from ..spaces import CategoricalSpace
from ..spaces.categorical import ARCHITECTURE
from .formats import Import, Options, file_format
from .guarding import guarded

TAGS = {
    "val_accuracy": "Train/val_accuracy",
    "test_accuracy": "Train/test_result",
    "train_accuracy": "Train/train_accuracy",
    "train_loss": "Train/loss",
}
SPLITS = {"train": "train_accuracy", "val": "val_accuracy", "test": "test_accuracy"}
HYPERPARAMETERS = ("batch_size", "learning_rate", "momentum", "weight_decay", "num_layers", "max_units", "max_dropout")


@file_format("lcbench", "LCBench: data_2k.json, data_2k_lw.json or six_datasets_lw.json")
def read_lcbench(path: Path, options: Options) -> Import:
    """See the module's head."""
    with guarded(path, "LCBench"):
        with path.open(encoding="utf-8") as file:
            content: dict[str, dict[str, Any]] = json.load(file)
        names = list(dict.fromkeys(_name(run["config"]) for runs in content.values() for run in runs.values()))
        epochs = sorted({int(e) for runs in content.values() for run in runs.values() for e in run["log"]["epoch"]} - {0})
        searched = CategoricalSpace([(ARCHITECTURE, names)])
        draft = Draft(
            options.name or "lcbench",
            searched,
            names,
            np.stack([searched.from_string(name) for name in names]),
            {"task": list(content), "epoch": epochs},
            {},
            options.source or "LCBench (Zimmer, Lindauer & Hutter 2021)",
            "Apache-2.0",
            attrs={"protocol": "funnel-shaped MLP, SGD with cosine annealing, 50 epochs", **searched.attributes()},
        )
        present = _present(content)
        arrays = {v: draft.empty(v, ("task", "architecture", "epoch"), np.float32) for v in present}
        draft.splits = {task: {s: TAGS[v] for s, v in SPLITS.items() if v in present} for task in content}
        seconds = draft.empty("train_seconds", ("task", "architecture", "epoch"), np.float32, timed="alone")
        row, place = {name: i for i, name in enumerate(names)}, {epoch: i for i, epoch in enumerate(epochs)}
        for task, runs in enumerate(content.values()):
            for run in runs.values():
                _fill(run["log"], (task, row[_name(run["config"])]), place, arrays, seconds)
        return Import(draft.table())


def _name(config: dict[str, Any]) -> str:
    return ", ".join(f"{key}={config[key]}" for key in HYPERPARAMETERS)


def _present(content: dict[str, dict[str, Any]]) -> list[str]:
    """Variables that every run has; the small files leave some out."""
    logs = [run["log"] for runs in content.values() for run in runs.values()]
    found = [variable for variable, tag in TAGS.items() if all(tag in log for log in logs)]
    if "val_accuracy" not in found:
        raise ValueError(f"a run without {TAGS['val_accuracy']}")
    return found


def _fill(log: Any, at: tuple[int, int], place: dict[int, int], arrays: dict[str, Array], seconds: Array) -> None:
    epochs = [int(epoch) for epoch in log["epoch"]]
    kept = [i for i, epoch in enumerate(epochs) if epoch > 0]
    where = [place[epochs[i]] for i in kept]
    for variable, values in arrays.items():
        values[at][where] = np.array(log[TAGS[variable]], dtype=np.float64)[kept]
    elapsed = np.array(log["time"], dtype=np.float64)
    before = elapsed[0] if epochs[0] == 0 else 0.0
    seconds[at][where] = np.diff(elapsed[kept], prepend=before)
