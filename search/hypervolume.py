"""Hypervolume of two objectives: the area that a set of points dominates, up to a reference point.

Larger values and smaller costs are better; the reference is the value 0 and the cost 1 (Zitzler & Thiele, PPSN 1998).
Sorted by cost, the area is a sum of rectangles, each as high as the best value so far.
"""

from __future__ import annotations

import numpy as np

from ..bench import FloatArray, IntArray


def hypervolume(values: FloatArray, costs: FloatArray) -> FloatArray:
    """Area dominated by sets of points: (..., n) and (..., n) -> (...,). Points beyond the reference add nothing."""
    order = np.argsort(costs, axis=-1, kind="stable")
    costs = np.minimum(np.take_along_axis(costs, order, axis=-1), 1.0)
    heights = np.maximum.accumulate(np.maximum(np.take_along_axis(values, order, axis=-1), 0.0), axis=-1)
    widths = np.diff(costs, axis=-1, append=np.ones_like(costs[..., :1]))
    area: FloatArray = (widths * heights).sum(axis=-1)
    return area


def on_front(values: FloatArray, costs: FloatArray) -> FloatArray:
    """Which points no other is at least as good as and better in one; of equal ones one stands: (..., n) -> (..., n) bool.

    A value of -inf is on no front.
    """
    order = np.lexsort((-values, costs), axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    before = np.concatenate([np.full_like(ordered[..., :1], -np.inf), ordered[..., :-1]], axis=-1)
    best = np.maximum.accumulate(before, axis=-1)
    front = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(front, order, ordered > best, axis=-1)
    return front


def attained(seen: FloatArray, judged: FloatArray, costs: FloatArray, done: IntArray) -> FloatArray:
    """Hypervolume of what runs would return after some of their evaluations.

    A run returns the front of what it has seen; what that is worth is judged by other values, such as the mean over seeds.

    Args:
        seen: of each evaluation, (runs, evaluations), -inf where there was none.
        judged: what it is worth, the same shape.
        costs: the same shape.
        done: evaluations made by each point, (runs, points); 0 has an area of 0.

    Returns:
        (runs, points).
    """
    order = np.argsort(costs, axis=1, kind="stable")
    at = np.take_along_axis(np.broadcast_to(np.arange(seen.shape[1]), seen.shape), order, axis=1)
    seen, judged, costs = (np.take_along_axis(part, order, axis=1) for part in (seen, judged, costs))
    areas = np.empty(done.shape)
    for point in range(done.shape[1]):
        now = np.where(at < done[:, point, None], seen, -np.inf)
        areas[:, point] = hypervolume(np.where(on_front(now, costs), judged, -np.inf), costs)
    return areas
