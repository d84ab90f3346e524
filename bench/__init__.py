"""Floor 1: search spaces, the one Table, readers of other people's files, the registry of tables.

* ``spaces``: genotypes, strings, function classes, encodings; ``networks``: what a genotype builds, in torch.
* ``table``: measurements with their splits; ``candidates``: what may be searched on a task; ``values``: splits and metrics.
* ``benchmarks``: tables by name, and their cache; ``registry``: names to things, and plug-ins.
* ``readers``: installed packages and original files; ``importing`` and ``exporting``: from and to files.
* ``storage``, ``deferred``, ``packing``, ``assembling``: table files, large arrays on the disk, small ones, making a table.
* ``unpickle``, ``plainpickle``, ``torchfile``, ``tfrecord``: other people's files, of which nothing is executed.
"""

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
