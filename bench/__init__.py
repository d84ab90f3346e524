"""Floor 1: search spaces, the one Table, readers of other people's files, the registry of tables."""

from . import readers
from .benchmarks import Benchmark, benchmarks, cache_folder, open_benchmark
from .candidates import Candidates
from .errors import CorruptFile, SplitAbsent, UnknownName, WarmnasError
from .registry import Registry
from .spaces import SPACES, CategoricalSpace, CellGraph, FloatArray, Genotypes, IntArray, SearchSpace, UniformSource, space
from .table import Table
from .values import ACCURACY, Metric, Split

__all__ = [
    "ACCURACY",
    "SPACES",
    "Benchmark",
    "Candidates",
    "CategoricalSpace",
    "CellGraph",
    "CorruptFile",
    "FloatArray",
    "Genotypes",
    "IntArray",
    "Metric",
    "Registry",
    "SearchSpace",
    "Split",
    "SplitAbsent",
    "Table",
    "UniformSource",
    "UnknownName",
    "WarmnasError",
    "benchmarks",
    "cache_folder",
    "open_benchmark",
    "readers",
    "space",
]
