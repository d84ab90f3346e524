"""Where the parts of a cell graph go: layers left to right, with as few crossings as can be (Sugiyama's scheme).

An edge that passes a layer gets a waypoint there, ordered among the nodes, so that edges run around nodes and not through
them. Cells are small, so every order of a layer is tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, permutations

from ...bench import CellGraph

Item = tuple[int, int]  # a node is (node, -1); edge e's waypoint in a layer is (layer, e)
ROUNDS = 4
SMOOTHING = 12
EXHAUSTIVE = 6  # items of a layer up to which all orders are tried


@dataclass(frozen=True)
class Layout:
    """Positions in layers and rows.

    Attributes:
        nodes: (layer, row) of each node; rows are counted from the middle, so they may be negative or halves.
        routes: for each edge its points (layer, row) from node to node.
        live: for each edge whether it lies on a path from an input to the output.
    """

    nodes: tuple[tuple[int, float], ...]
    routes: tuple[tuple[tuple[int, float], ...], ...]
    live: tuple[bool, ...]


def lay_out(graph: CellGraph) -> Layout:
    """Layers by longest path, orders by fewest crossings, then shortest edges."""
    layer = _layers(graph)
    chains = [_chain(edge, number, layer) for number, edge in enumerate(graph.edges)]
    place = {(node, -1): layer[node] for node in range(len(graph.nodes))}
    place |= {item: item[0] for chain in chains for item in chain[1:-1]}
    columns: list[list[Item]] = [[i for i, at in place.items() if at == n] for n in range(max(layer) + 1)]
    links = [pair for chain in chains for pair in pairwise(chain)]
    for _ in range(ROUNDS):
        for number, column in enumerate(columns):
            if len(column) <= EXHAUSTIVE:
                columns[number] = min(
                    (list(order) for order in permutations(column)),
                    key=lambda order, n=number: _cost([*columns[:n], order, *columns[n + 1 :]], links),  # type: ignore[misc]
                )
    row = _straighten(columns, links)
    routes = tuple(tuple((place[item], row[item]) for item in chain) for chain in chains)
    nodes = tuple((layer[node], row[node, -1]) for node in range(len(graph.nodes)))
    return Layout(nodes, routes, _live(graph))


def _layers(graph: CellGraph) -> list[int]:
    """Longest path from a node without inputs; nodes are in topological order, and the last one is the output."""
    layer = [0] * len(graph.nodes)
    for source, target, _ in sorted(graph.edges, key=lambda edge: edge[1]):
        layer[target] = max(layer[target], layer[source] + 1)
    layer[-1] = max(*layer, 1)
    return layer


def _chain(edge: tuple[int, int, str], number: int, layer: list[int]) -> list[Item]:
    source, target, _ = edge
    between = range(layer[source] + 1, layer[target])
    return [(source, -1), *((at, number) for at in between), (target, -1)]


def _rows(columns: list[list[Item]]) -> dict[Item, float]:
    return {item: i - (len(column) - 1) / 2 for column in columns for i, item in enumerate(column)}


def _cost(columns: list[list[Item]], links: list[tuple[Item, Item]]) -> tuple[int, float]:
    row = _rows(columns)
    depth = {item: n for n, column in enumerate(columns) for item in column}
    ends = [(depth[a], row[a], row[b]) for a, b in links]
    crossings = sum(d == e and (a - c) * (b - f) < 0 for i, (d, a, b) in enumerate(ends) for e, c, f in ends[:i])
    return crossings, sum((a - b) ** 2 for _, a, b in ends)


def _straighten(columns: list[list[Item]], links: list[tuple[Item, Item]]) -> dict[Item, float]:
    """Rows near those of the neighbours, in the order of the columns and at least 1 apart, in halves."""
    row = _rows(columns)
    near: dict[Item, list[Item]] = {item: [] for item in row}
    for a, b in links:
        near[a].append(b)
        near[b].append(a)
    for column in columns * SMOOTHING:
        wish = [sum(row[n] for n in near[item]) / len(near[item]) if near[item] else row[item] for item in column]
        row.update(zip(column, _apart(wish), strict=True))
    return {item: round(2 * at) / 2 for item, at in row.items()}


def _apart(wish: list[float]) -> list[float]:
    """The rising rows at least 1 apart that are nearest to the wish: least squares by pooling neighbours."""
    blocks: list[tuple[float, int]] = []  # mean of (wish - position), members
    for position, value in enumerate(wish):
        mean, size = value - position, 1
        while blocks and blocks[-1][0] > mean:
            other, count = blocks.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        blocks.append((mean, size))
    shifts = [mean for mean, size in blocks for _ in range(size)]
    return [shift + position for position, shift in enumerate(shifts)]


def _live(graph: CellGraph) -> tuple[bool, ...]:
    inputs = {n for n, name in enumerate(graph.nodes) if name.startswith("in")} or {0}
    forward = _reached(inputs, [(s, t) for s, t, _ in graph.edges])
    backward = _reached({len(graph.nodes) - 1}, [(t, s) for s, t, _ in graph.edges])
    return tuple(s in forward and t in backward for s, t, _ in graph.edges)


def _reached(start: set[int], arcs: list[tuple[int, int]]) -> set[int]:
    known = set(start)
    while new := {t for s, t in arcs if s in known} - known:
        known |= new
    return known
