"""NAS-Bench-Graph from the package ``nas-bench-graph`` (Apache-2.0): its light files.

Each holds, per architecture, validation and test performance as fractions (means over three seeds, which are not there
one by one), a latency and the number of parameters in millions. Eight tasks were measured on all 26,206 architectures.
``proteins`` is another matter: ROC-AUC instead of accuracy, five operations, 2,021 architectures.

There is no training time, so a search on these tables has no simulated clock. The package does not state the unit of
the latency; seconds is what its paper plots.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ..benchmarks import Benchmark, benchmarks, package_folder
from ..errors import CorruptFile
from ..spaces import FloatArray, space
from ..spaces.nasbench_graph import NASBenchGraphSpace
from ..table import Table, json_by_task
from ..unpickle import load_numbers
from ..values import ACCURACY, Split

DISTRIBUTION = "nas-bench-graph"
FAMILIES = {
    "arxiv": "OGB",
    "citeseer": "citation",
    "computers": "co-purchase",
    "cora": "citation",
    "cs": "co-author",
    "photo": "co-purchase",
    "physics": "co-author",
    "proteins": "OGB",
    "pubmed": "citation",
}
ROC_AUC = replace(ACCURACY, name="ROC-AUC")
# variable -> (the package's field, factor to our unit)
FIELDS = {Split.VAL.variable: ("valid_perf", 100.0), Split.TEST.variable: ("perf", 100.0), "latency": ("latency", 1.0)}
SOURCE_KEYS = {"val": "valid_perf", "test": "perf"}


def read() -> Table:
    """Convert the package's nine files; CorruptFile where one is not what it should be."""
    import xarray as xr

    folder = package_folder("nas_bench_graph", DISTRIBUTION) / "light"
    records = {task: load_numbers(folder / f"{task}.bench") for task in FAMILIES}
    graphs = space("nasbench-graph")
    assert isinstance(graphs, NASBenchGraphSpace)
    try:
        keys = sorted(records["cora"])
        genotypes = graphs.check(graphs.from_key(np.array(keys)))
        arrays = _arrays(records, keys)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise CorruptFile(f"{folder} does not hold NAS-Bench-Graph as {DISTRIBUTION} writes it: {error}") from error
    metrics = {task: ROC_AUC if task == "proteins" else ACCURACY for task in FAMILIES}
    return Table(
        xr.Dataset(
            arrays,
            coords={
                "task": list(FAMILIES),
                "family": ("task", list(FAMILIES.values())),
                "device": ["as in the source"],
                "name": ("architecture", [graphs.to_string(g) for g in genotypes]),
                "genotype": (("architecture", "gene"), genotypes),
            },
            attrs={
                "name": "nasbench-graph",
                "space": "nasbench-graph",
                "protocol": "the benchmark's own hyper-parameters per task; mean of three seeds",
                "leave_out": "task",
                "splits": json_by_task(dict.fromkeys(FAMILIES, SOURCE_KEYS)),
                "metrics": json_by_task({task: asdict(metric) for task, metric in metrics.items()}),
                "absent": f"The light files of {DISTRIBUTION} hold validation and test performance only.",
                "source": f"{DISTRIBUTION} (Qin et al. 2022), light files",
                "licence": "Apache-2.0",
            },
        )
    )


def _arrays(records: dict[str, dict[int, dict[str, float]]], keys: list[int]) -> dict[str, Any]:
    row = {key: i for i, key in enumerate(keys)}
    arrays: dict[str, Any] = {}
    for variable, (field, factor) in FIELDS.items():
        values = np.stack([_column(records[task], row, field) * factor for task in FAMILIES])
        if variable == "latency":
            arrays[variable] = (("task", "architecture", "device"), values[..., None], {"units": "s"})
        else:
            if not ((values >= 0) & (values <= 100) | np.isnan(values)).all():
                raise ValueError(f"a value of {field} is not in 0..1")
            arrays[variable] = (("task", "architecture"), values, {"units": "percent"})
    params = np.stack([_column(records[task], row, "para") for task in FAMILIES])
    arrays["params"] = (("task", "architecture"), np.round(params * 1e6), {"units": "1"})
    return arrays


def _column(record: dict[int, dict[str, float]], row: dict[int, int], field: str) -> FloatArray:
    values = np.full(len(row), np.nan)
    for key, entry in record.items():
        values[row[key]] = entry[field]
    return values


benchmarks("nasbench-graph")(
    Benchmark(read, DISTRIBUTION, "NAS-Bench-Graph: 26,206 graph networks on nine node-classification tasks")
)
