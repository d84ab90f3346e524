"""The registry of tables: a name, and a function that makes the table from what is installed, or the table's own file.

Packages register more in a module that an entry point of the group ``warmnas.benchmarks`` names. A table that is made is
converted once and kept in the user's cache folder (``WARMNAS_CACHE``, else the platform's own). Two processes may convert
at once: each writes its own file and renames it into place. A cache that cannot be read is made again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from . import storage
from .errors import UnknownName, WarmnasError
from .registry import Registry
from .table import Table

SCHEMA = 1  # raise it when the layout of a converted table changes


@dataclass(frozen=True)
class Benchmark:
    """Where a named table comes from.

    Attributes:
        make: builds the table from the installed package, or opens it.
        distribution: the package whose version the table depends on.
        summary: one line for ``bench list``.
        cached: whether what was made is kept; not where making it is opening a file.
    """

    make: Callable[[], Table]
    distribution: str
    summary: str
    cached: bool = True


benchmarks: Registry[Benchmark] = Registry("benchmark", "warmnas.benchmarks")


def cache_folder() -> Path:
    """Where converted tables are kept."""
    if folder := os.environ.get("WARMNAS_CACHE"):
        return Path(folder)
    import platformdirs

    return Path(platformdirs.user_cache_dir("warmnas", appauthor=False))


def package_folder(package: str, distribution: str) -> Path:
    """Folder of an installed package, found without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise WarmnasError(f"the package {distribution} is not installed: pip install {distribution}")
    return Path(next(iter(spec.submodule_search_locations)))


def cache_path(name: str) -> Path:
    """The file that keeps the converted table of this benchmark, for this version of its package."""
    benchmark = benchmarks[name]
    try:
        version = metadata.version(benchmark.distribution)
    except metadata.PackageNotFoundError as error:
        package = benchmark.distribution
        raise WarmnasError(f"benchmark '{name}' needs the package {package}: pip install {package}") from error
    return cache_folder() / f"{name}-{version}-schema{SCHEMA}.h5"


def open_benchmark(name: str) -> Table:
    """Open a table by the name of a benchmark or the path of a table file.

    Raises:
        UnknownName: where it is neither.
        CorruptFile: where the file is not an intact table.
    """
    if Path(name).suffix in {".h5", ".hdf5", ".nc"}:
        return Table.open(name)
    if name not in benchmarks:
        if Path(name).is_file():
            return Table.open(name)
        raise UnknownName("benchmark", name, benchmarks, hint=" Or name a table file (.h5).")
    if not benchmarks[name].cached:
        return benchmarks[name].make()
    path = cache_path(name)
    if path.is_file():
        with suppress(WarmnasError):  # a cache that cannot be read is made again
            return Table.open(path)
    table = benchmarks[name].make()
    table.data.attrs["hash"] = storage.content_hash(table.data)
    with suppress(WarmnasError):  # a read-only cache costs a conversion at every start, not the answer
        table.save(path)
    return table
