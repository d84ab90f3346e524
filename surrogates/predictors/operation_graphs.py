"""Architectures of any space as labelled graphs in arrays, from the space's own drawing of them (``SearchSpace.graph``).

Everything is a node: an operation that stands on an edge becomes a node between the edge's ends, so spaces with operations
on edges (NAS-Bench-201, DARTS) and on nodes (NAS-Bench-101) look alike. Inner nodes that only add up are ``sum``; nodes
without a predecessor are ``input``, those without a successor ``output``, and a node with neither stands for itself (a
choice of a list). Dead operations are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...bench import CellGraph, Genotypes, IntArray, SearchSpace

INPUT, OUTPUT, SUM = "input", "output", "sum"
STRUCTURE = (INPUT, OUTPUT, SUM)
CHUNK = 1024  # architectures at a time, which bounds the memory


@dataclass(frozen=True)
class OperationGraphs:
    """Graphs whose nodes are in topological order.

    Attributes:
        labels: (n, nodes), place in ``STRUCTURE`` and behind it in the vocabulary's operations, -1 where there is no node;
            an operation that the vocabulary lacks has the number behind the last.
        edges: (n, from, to).
    """

    labels: IntArray
    edges: npt.NDArray[np.bool_]


def labelled(graph: CellGraph) -> tuple[list[str], list[tuple[int, int]]]:
    """Labels of the nodes in topological order, and the edges between them."""
    sources, targets = {s for s, _, _ in graph.edges}, {t for _, t, _ in graph.edges}
    entries = [(float(node), _label(name, node in sources, node in targets)) for node, name in enumerate(graph.nodes)]
    links = []
    for source, target, operation in graph.edges:
        if operation:
            links += [(source, len(entries)), (len(entries), target)]
            entries.append((target - 0.5, operation))
        else:
            links.append((source, target))
    order = sorted((i for i, (_, label) in enumerate(entries) if label), key=lambda i: entries[i][0])
    if not order:  # an architecture that does nothing at all
        return [INPUT, OUTPUT], []
    place = {node: rank for rank, node in enumerate(order)}
    return [entries[node][1] for node in order], [(place[s], place[t]) for s, t in links]


def _label(name: str, leads: bool, reached: bool) -> str:
    """Label of a node of a drawing; empty for an end or a sum that nothing leads to or from."""
    plain = re.fullmatch(r"in|out|\d+'?", name) is not None
    if leads != reached:
        return INPUT if leads else OUTPUT
    return (SUM if leads else "") if plain else name


def operations_of(space: SearchSpace, genotypes: Genotypes) -> list[str]:
    """Names of the operations in these architectures, sorted."""
    found = {label for genotype in space.live(genotypes) for label in labelled(space.graph(genotype))[0]}
    return sorted(found - set(STRUCTURE))


def operation_graphs(space: SearchSpace, genotypes: Genotypes, operations: list[str]) -> Iterator[OperationGraphs]:
    """The graphs of genotypes (n, genes), CHUNK at a time."""
    number = {label: i for i, label in enumerate([*STRUCTURE, *operations])}
    for start in range(0, len(genotypes), CHUNK):
        graphs = [labelled(space.graph(genotype)) for genotype in space.live(genotypes[start : start + CHUNK])]
        nodes = max(len(labels) for labels, _ in graphs)
        labels = np.full((len(graphs), nodes), -1, dtype=np.int64)
        edges = np.zeros((len(graphs), nodes, nodes), dtype=bool)
        for row, (names, links) in enumerate(graphs):
            labels[row, : len(names)] = [number.get(name, len(number)) for name in names]
            if links:
                edges[row][tuple(np.array(links).T)] = True
        yield OperationGraphs(labels, edges)
