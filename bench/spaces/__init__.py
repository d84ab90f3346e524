"""Search spaces by name. ``space("nasbench201")`` gives the one object of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..registry import Registry
from .base import CellGraph, FloatArray, Gene, Genotypes, IntArray, SearchSpace, UniformSource
from .categorical import CATEGORICAL, CategoricalSpace
from .chain import ChainSpace
from .darts import DARTSSpace
from .darts_subspaces import subspaces
from .elastic import ElasticSpace
from .nasbench101 import NASBench101Space
from .nasbench201 import NASBench201Space
from .nasbench_graph import PROTEINS_OPERATIONS, NASBenchGraphSpace
from .nats_size import NATSSizeSpace
from .transnas import TransNASMacroSpace, TransNASMicroSpace

SPACES: Registry[SearchSpace] = Registry("search space")
for _space in (
    NASBench101Space(),
    NASBench201Space(),
    NATSSizeSpace(),
    DARTSSpace(),
    *subspaces(),
    TransNASMicroSpace(),
    TransNASMacroSpace(),
    NASBenchGraphSpace(),
    NASBenchGraphSpace("nasbench-graph-proteins", PROTEINS_OPERATIONS),
    ChainSpace(),
    ElasticSpace(),
):
    SPACES[_space.name] = _space


def space(name: str) -> SearchSpace:
    """The search space of that name."""
    return SPACES[name]


def space_of_table(attrs: Mapping[Any, Any], names: Sequence[str]) -> SearchSpace:
    """The search space that a table's attributes name: a registered one, or the categorical one of that table alone."""
    name = str(attrs["space"])
    return CategoricalSpace.of_table(attrs, names) if name == CATEGORICAL else space(name)


__all__ = [
    "CATEGORICAL",
    "SPACES",
    "CategoricalSpace",
    "CellGraph",
    "FloatArray",
    "Gene",
    "Genotypes",
    "IntArray",
    "SearchSpace",
    "UniformSource",
    "space",
    "space_of_table",
]
