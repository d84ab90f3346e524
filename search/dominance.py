"""NSGA-II's order of points in many runs at once: fronts, and crowding within a front (Deb et al., IEEE TEC 6, 2002)."""

from __future__ import annotations

import numpy as np

from ..bench import FloatArray, IntArray


def front_numbers(values: FloatArray, costs: FloatArray) -> IntArray:
    """Which front each point is on, 0 the best: larger values and smaller costs are better, (runs, n) -> (runs, n).

    Points of value -inf (of which nothing is known yet) are behind all others.
    """
    v, c = values[:, :, None], costs[:, :, None]
    w, d = values[:, None], costs[:, None]
    beats = (v >= w) & (c <= d) & ((v > w) | (c < d)) | ((v > -np.inf) & (w == -np.inf))
    fronts = np.full(values.shape, -1)
    left = np.ones(values.shape, dtype=bool)
    number = 0
    while left.any():
        beaten = (beats & left[:, :, None]).any(axis=1)
        now = left & ~beaten
        fronts[now] = number
        left &= ~now
        number += 1
    return fronts


def crowding(values: FloatArray, costs: FloatArray, fronts: IntArray) -> FloatArray:
    """How far the neighbours on its front are from a point, both objectives in units of the front's range: (runs, n).

    The ends of a front have inf.
    """
    runs, n = values.shape
    v, c = np.where(np.isfinite(values), values, 0.0).ravel(), costs.ravel()
    group = (np.repeat(np.arange(runs), n) * (n + 1)) + fronts.ravel()
    order = np.lexsort((v, c, group))
    v, c, group = v[order], c[order], group[order]
    first = np.concatenate([[True], group[1:] != group[:-1]])
    last = np.concatenate([group[1:] != group[:-1], [True]])
    starts = np.flatnonzero(first)
    size = np.diff(np.append(starts, len(group)))
    distance = np.zeros(len(group))
    for x in (v, c):
        spread = np.repeat(np.abs(x[last] - x[first]), size)
        gap = np.abs(np.roll(x, -1) - np.roll(x, 1))
        distance += np.divide(gap, spread, out=np.zeros_like(gap), where=spread > 0)
    distance[first | last] = np.inf
    crowd = np.empty(len(group))
    crowd[order] = distance
    return crowd.reshape(runs, n)


def order_of(values: FloatArray, costs: FloatArray) -> IntArray:
    """Place by front, then by crowding, the lonelier first, then as they stand: (runs, n) -> (runs, n), 0 best."""
    fronts = front_numbers(values, costs)
    crowd = crowding(values, costs, fronts)
    index = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    ranked = np.lexsort((index, -crowd, fronts), axis=-1)
    places = np.empty(values.shape, dtype=np.int64)
    np.put_along_axis(places, ranked, index, axis=1)
    return places
