"""Search spaces by name. ``space("nasbench201")`` gives the one object of each."""

from __future__ import annotations

from ..errors import UnknownName
from .base import CellGraph, FloatArray, Gene, Genotypes, IntArray, SearchSpace, UniformSource
from .nasbench201 import NASBench201Space
from .nasbench_graph import PROTEINS_OPERATIONS, NASBenchGraphSpace

SPACES: dict[str, SearchSpace] = {
    s.name: s
    for s in (
        NASBench201Space(),
        NASBenchGraphSpace(),
        NASBenchGraphSpace("nasbench-graph-proteins", PROTEINS_OPERATIONS),
    )
}


def space(name: str) -> SearchSpace:
    """The search space of that name."""
    if name not in SPACES:
        raise UnknownName("search space", name, SPACES)
    return SPACES[name]


__all__ = [
    "SPACES",
    "CellGraph",
    "FloatArray",
    "Gene",
    "Genotypes",
    "IntArray",
    "SearchSpace",
    "UniformSource",
    "space",
]
