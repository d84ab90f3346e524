"""What several tests of the bench need: the two embedded tables, and small tables made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from warmnas.bench import ACCURACY, Metric, Table, open_benchmark, space

MakeTable = Callable[..., Table]


@pytest.fixture(scope="session")
def nasbench201() -> Table:
    return open_benchmark("nasbench201")


@pytest.fixture(scope="session")
def nasbench_graph() -> Table:
    return open_benchmark("nasbench-graph")


@pytest.fixture(scope="session")
def make_table() -> MakeTable:
    """A table of a few NAS-Bench-201 cells from an array (task, architecture, ...) of validation values."""

    def make(
        values: np.ndarray,
        extra_dims: tuple[str, ...] = (),
        *,
        coords: dict[str, list[int]] | None = None,
        metric: Metric = ACCURACY,
        test: np.ndarray | None = None,
        **attrs: object,
    ) -> Table:
        tasks = [f"task{i}" for i in range(values.shape[0])]
        cells = space("nasbench201")
        genotypes = cells.from_index(np.arange(values.shape[1]) * 7 + 4000)
        dims = ("task", "architecture", *extra_dims)
        arrays = {"val_accuracy": (dims, values, {"units": metric.unit})}
        splits = {"val": "x-valid"}
        if test is not None:
            arrays["test_accuracy"] = (dims, test, {"units": metric.unit})
            splits["test"] = "x-test"
        labels = {
            "task": tasks,
            "family": ("task", [f"family of {task}" for task in tasks]),
            "name": ("architecture", [cells.to_string(g) for g in genotypes]),
            "genotype": (("architecture", "gene"), genotypes),
            **(coords or {}),
        }
        fixed = {
            "name": "by-hand",
            "space": "nasbench201",
            "splits": json.dumps(dict.fromkeys(tasks, splits)),
            "metrics": json.dumps(dict.fromkeys(tasks, asdict(metric))),
            "source": "made in a test",
            "licence": "CC0",
        }
        return Table(xr.Dataset(arrays, coords=labels, attrs={**fixed, **attrs}))

    return make


@pytest.fixture(scope="session")
def shared_tables() -> Path:
    """Folder of reference tables beside the checkout, which not everybody has."""
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "tables"
    if not folder.is_dir():
        pytest.skip("the reference tables are not beside this checkout (../shared/data/tables)")
    return folder
