"""Levenberg-Marquardt for many curves at once: one family fitted to all of them in a few vectorised steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...bench import FloatArray

ITERATIONS = 60
_SMALL = 1e-12


def fit(
    function: Callable[[FloatArray], FloatArray], start: FloatArray, targets: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Weighted least squares of ``function`` to each row of ``targets``.

    Args:
        function: parameters (curves, parameters) to values (curves, points), NaN where it is not defined.
        start: parameters to start from, (parameters,) or (curves, parameters).
        targets: (curves, points).
        weights: of the points, (points,).

    Returns:
        Parameters (curves, parameters) and the weighted sum of squares of each curve, inf where nothing was defined.
    """
    theta = np.array(np.broadcast_to(start, (len(targets), np.shape(start)[-1])), dtype=np.float64)
    root = np.sqrt(weights)
    cost = _cost(function(theta), targets, root)
    damping = np.full(len(targets), 1e-2)
    active = np.flatnonzero(np.isfinite(cost))
    for _ in range(ITERATIONS):
        if not len(active):
            break
        now, y = theta[active], targets[active]
        residual = root * (y - function(now))
        slopes = jacobian(function, now) * root[:, None]
        tried = now + _step(slopes, residual, damping[active])
        reached = _cost(function(tried), y, root)
        better = reached < cost[active]
        gain = np.where(better, 1 - reached / np.maximum(cost[active], _SMALL), 0.0)
        theta[active[better]], cost[active[better]] = tried[better], reached[better]
        damping[active] = np.where(better, np.maximum(damping[active] / 5, 1e-9), damping[active] * 4)
        active = active[~(better & (gain < 1e-6)) & (damping[active] < 1e6)]
    return theta, cost


def jacobian(function: Callable[[FloatArray], FloatArray], theta: FloatArray) -> FloatArray:
    """Derivatives by forward differences at parameters (curves, parameters): (curves, points, parameters)."""
    here = function(theta)
    columns = []
    for i in range(theta.shape[1]):
        width = 1e-6 * np.maximum(np.abs(theta[:, i]), 1e-2)
        moved = theta.copy()
        moved[:, i] += width
        columns.append((function(moved) - here) / width[:, None])
    return np.nan_to_num(np.stack(columns, axis=-1), nan=0.0, posinf=0.0, neginf=0.0)


def _cost(values: FloatArray, targets: FloatArray, root: FloatArray) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        cost = np.square(root * (targets - values)).sum(axis=1)
    return np.where(np.isfinite(cost), cost, np.inf)


def _step(slopes: FloatArray, residual: FloatArray, damping: FloatArray) -> FloatArray:
    """Damped Gauss-Newton step of each curve: (curves, parameters)."""
    normal = np.einsum("cpi,cpj->cij", slopes, slopes)
    gradient = np.einsum("cpi,cp->ci", slopes, residual)
    size = np.einsum("cii->ci", normal)
    ridge = damping[:, None] * size + _SMALL * np.maximum(size.max(axis=1, keepdims=True), 1.0)
    normal = normal + ridge[:, :, None] * np.eye(slopes.shape[2])
    step: FloatArray = np.linalg.solve(normal, gradient[..., None])[..., 0]
    return np.where(np.isfinite(step), step, 0.0)
