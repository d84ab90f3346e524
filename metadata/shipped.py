"""The tables that come with warmnas: what its own generator measured, opened by name and without any training.

The plans that made them are in ``plans/``, and docs/metadata.md says what they are worth.
"""

from __future__ import annotations

from functools import partial
from importlib import resources
from pathlib import Path

from ..bench import Benchmark, Table, benchmarks

SUMMARIES = {
    "images-v1": "NAS-Bench-201 cells really trained on ten image tasks at 16 x 16, 20 epochs, all curves",
    "chains-v1": "chain networks really trained layer by layer on ten image tasks: an accuracy per prefix",
    "subsets-v1": "NAS-Bench-201 cells really trained on many small class subsets, for dataset encoders",
}
# The table that encoders of data sets learn from, and patterns of its tasks that are held out to judge them.
ENCODERS, HELD_OUT = "subsets-v1", ("part=5,", r"^cifar10\[")


def folder() -> Path:
    """Where the shipped tables are."""
    return Path(str(resources.files(__package__).joinpath("data")))


def _register() -> None:
    for name, summary in SUMMARIES.items():
        path = folder() / f"{name}.h5"
        if path.is_file():
            benchmarks(name)(Benchmark(partial(Table.open, path), "warmnas", summary, cached=False))


_register()
