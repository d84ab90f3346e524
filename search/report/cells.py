"""A cell graph as inline SVG: nodes left to right, curved edges, each with its operation on it.

Edges that are on no path from input to output are drawn faintly: they are in the string, but not in the function.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ...bench import CellGraph
from .layout import Layout, lay_out
from .markup import Html, element

ROW = 46.0
NODE = 15.0
LETTER = 7.0  # width of a character of a label
PORT = 9.0  # between the ends of two edges at one node
MARGIN = 26.0
Point = tuple[float, float]
Box = tuple[float, float, float, float]


def cell_svg(graph: CellGraph) -> Html:
    """The drawing of one cell, in its natural size in pixels."""
    layout = lay_out(graph)
    longest = max((len(operation) for _, _, operation in graph.edges), default=0)
    column = max(74.0, longest * LETTER + 70)
    rows = [row for _, row in layout.nodes] + [row for route in layout.routes for _, row in route]
    top, bottom = min(rows), max(rows)
    width = max(at for at, _ in layout.nodes) * column + 2 * MARGIN
    height = (bottom - top) * ROW + 2 * MARGIN

    def at(point: tuple[float, float]) -> Point:
        return point[0] * column + MARGIN, (point[1] - top) * ROW + MARGIN

    routes = _with_ports(graph, [[at(point) for point in route] for route in layout.routes])
    parts = [_edge(route, live) for route, live in zip(routes, layout.live, strict=True)]
    parts += _nodes(graph, layout, [at(node) for node in layout.nodes])
    parts += _labels(graph, layout, routes, [at(node) for node in layout.nodes])
    size = {"width": f"{width:.0f}", "height": f"{height:.0f}", "viewBox": f"0 0 {width:.0f} {height:.0f}"}
    return element("svg", *parts, role="img", aria_label=describe(graph), class_="cell", **size)


def describe(graph: CellGraph) -> str:
    """The graph in words, for those who do not see the drawing."""
    names = graph.nodes
    edges = [f"{names[s]} to {names[t]}" + (f" {operation}" if operation else "") for s, t, operation in graph.edges]
    return f"Cell: {'; '.join(edges)}" if edges else "Cell without edges"


def _with_ports(graph: CellGraph, routes: Sequence[list[Point]]) -> list[list[Point]]:
    """Move the ends of edges that share a node apart, in the order in which they come."""
    moved = [list(route) for route in routes]
    for node in range(len(graph.nodes)):
        for end, beside, which, side in ((0, 1, 0, NODE), (-1, -2, 1, -NODE)):
            mine = [n for n, edge in enumerate(graph.edges) if edge[which] == node]
            mine.sort(key=lambda n, b=beside: routes[n][b][1])  # type: ignore[misc]
            gap = min(PORT, 2 * (NODE - 4) / max(len(mine) - 1, 1))
            for i, n in enumerate(mine):
                x, y = routes[n][end]
                moved[n][end] = (x + side, y + (i - (len(mine) - 1) / 2) * gap)
    return moved


def _edge(route: Sequence[Point], live: bool) -> Html:
    (x0, y0), *rest = route
    path, x, y = [f"M{x0:.1f} {y0:.1f}"], x0, y0
    for u, v in rest:
        bend = (u - x) / 2
        path.append(f"C{x + bend:.1f} {y:.1f} {u - bend:.1f} {v:.1f} {u:.1f} {v:.1f}")
        x, y = u, v
    tip = element("path", d=f"M{x:.1f} {y:.1f}l-7 -3.5v7z", class_="tip")
    return element("g", element("path", d="".join(path), class_="edge"), tip, class_=None if live else "dead")


def _nodes(graph: CellGraph, layout: Layout, places: Sequence[Point]) -> list[Html]:
    alive = {n for edge, live in zip(graph.edges, layout.live, strict=True) if live for n in edge[:2]}
    return [
        element(
            "g",
            element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=NODE, class_="node"),
            element("text", name, x=f"{x:.1f}", y=f"{y:.1f}", class_="name"),
            class_=None if node in alive else "dead",
        )
        for node, (name, (x, y)) in enumerate(zip(graph.nodes, places, strict=True))
    ]


def _labels(graph: CellGraph, layout: Layout, routes: Sequence[Sequence[Point]], nodes: Sequence[Point]) -> list[Html]:
    """Each operation on its edge, where it covers neither a node nor another label."""
    taken: list[Box] = [(x - NODE, y - NODE, x + NODE, y + NODE) for x, y in nodes]
    parts = []
    for (*_, operation), route, live in zip(graph.edges, routes, layout.live, strict=True):
        if not operation:
            continue
        half = len(operation) * LETTER / 2 + 3
        boxes = [((x, y), (x - half, y - 9, x + half, y + 9)) for x, y in _along(route)]
        (x, y), box = min(boxes, key=lambda choice: sum(_overlap(choice[1], other) for other in taken))
        taken.append(box)
        size = {"x": f"{box[0]:.1f}", "y": f"{box[1]:.1f}", "width": f"{2 * half:.1f}", "height": "18"}
        plate = element("rect", class_="plate", **size)
        text = element("text", operation, x=f"{x:.1f}", y=f"{y:.1f}")
        parts.append(element("g", plate, text, class_=None if live else "faint"))
    return parts


def _along(route: Sequence[Point]) -> list[Point]:
    """Points of a route, the middle first; between two waypoints the curve is a smooth step."""
    points = []
    for part in (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74):
        x = route[0][0] + part * (route[-1][0] - route[0][0])
        (x0, y0), (x1, y1) = next((a, b) for a, b in pairwise(route) if x <= b[0] + 1e-6)
        share = _share((x - x0) / (x1 - x0))
        points.append((x, y0 + share * (y1 - y0)))
    return points


def _share(along: float) -> float:
    """Height of the edge's Bezier curve at a share of its width: x = 1.5 t (1-t) + t^3, y = 3 t^2 - 2 t^3."""
    low, high = 0.0, 1.0
    for _ in range(20):
        t = (low + high) / 2
        low, high = (t, high) if 1.5 * t * (1 - t) + t**3 < along else (low, t)
    return 3 * low**2 - 2 * low**3


def _overlap(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)
