"""AnalogNAS-Bench: NAS-Bench-201's cells on CIFAR-10, digital and on analog in-memory hardware.

``data.anb`` of the package ``analog-nasbench`` (0.1.3), which ``analognasbench/data.py``, ``AnalogNASBench.__init__``,
unpickles: a dictionary from six numbers to objects of ``Architecture`` with accuracies in percent, and for drift after a
minute, an hour, a day and 30 days ``DriftMeasurement`` (value, uncertainty). Each condition is a task.

The package does not say what the six numbers mean. They are the edges 1<-0, 2<-0, 3<-0, 2<-1, 3<-1, 3<-2 with 0 skip,
1 none, 2 conv 3x3, 3 conv 1x1, 4 average pooling: of all 86,400 readings the one under which the rank correlation of the
baseline with NAS-Bench-201's own test accuracy is .991; the next best has .970. Neither does it say on which images the
accuracies were measured. They are the only ones that there are, so they are what a search sees, ``val``, and there is no
``test``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..assembling import Draft
from ..pickled_names import Record
from ..spaces import space
from ..torchfile import load_torch
from .formats import Import, Options, file_format
from .guarding import guarded

ACCURACIES = ("baseline_accuracy", "ptq_accuracy", "qat_accuracy", "noisy_accuracy", "analog_accuracy")
DRIFTS = tuple(f"{kind}_drift_{seconds}" for kind in ("baseline", "analog") for seconds in (60, 3600, 86400, 2592000))
OPERATIONS = np.array([1, 0, 3, 2, 4])  # the package's number -> ours
EDGES = [0, 1, 3, 2, 4, 5]  # our edge -> place in the package's tuple


def task_name(attribute: str) -> str:
    """``analog_drift_3600`` -> ``analog-drift-3600s``, ``qat_accuracy`` -> ``qat``."""
    return attribute.removesuffix("_accuracy").replace("_", "-") + ("s" if "drift" in attribute else "")


@file_format("analog-nasbench", "AnalogNAS-Bench: data.anb of the package analog-nasbench")
def read_analog(path: Path, options: Options) -> Import:
    """See the module's head."""
    with guarded(path, "AnalogNAS-Bench"):
        content: dict[tuple[int, ...], Record] = load_torch(path)
        attributes = (*ACCURACIES, *DRIFTS)
        cells = space("nasbench201")
        keys = np.array(list(content))
        if keys.ndim != 2 or keys.shape[1] != len(EDGES) or keys.dtype.kind != "i" or keys.min() < 0 or keys.max() > 4:
            raise ValueError("keys that are not six numbers from 0 to 4")
        genotypes = OPERATIONS[keys][:, EDGES].astype(np.int8)
        draft = Draft(
            options.name or "analog-nasbench",
            cells,
            [cells.to_string(genotype) for genotype in genotypes],
            genotypes,
            {"task": [task_name(attribute) for attribute in attributes]},
            {task_name(attribute): {"val": attribute} for attribute in attributes},
            options.source or "AnalogNAS-Bench (package analog-nasbench)",
            "not stated in the package",
            coords={"family": ["cifar10"] * len(attributes), "classes": [10] * len(attributes)},
            attrs={"absent": "The package does not say on which images it measured, and has one accuracy per condition."},
        )
        accuracy = draft.empty("val_accuracy", ("task", "architecture"))
        uncertain = draft.empty("val_uncertainty", ("task", "architecture"))
        for row, record in enumerate(content.values()):
            for task, attribute in enumerate(attributes):
                accuracy[task, row], uncertain[task, row] = _value(record[attribute])
        return Import(draft.table())


def _value(measured: Any) -> tuple[float, float]:
    """Value and uncertainty, NaN where none is given; in percentage points."""
    if isinstance(measured, Record):
        return float(measured["value"]), float(measured["uncertainty"])
    return float(measured), float("nan")
