"""Expected hypervolume improvement, where the second objective is known: a GP on values, costs as they are.

EHVI (Emmerich, Giannakoglou & Naujoks, IEEE TEC 10, 2006) of a candidate of cost c: the front so far is a staircase of
best values over costs, and a value y adds the area between y and the stairs right of c. Since only y is uncertain, the
expectation is a sum over the stairs right of c of their widths times the expected improvement over their heights. Values
enter as normal scores of their ranks, as in ``gp``, so the reference is the median of what was seen. Without
``--objectives`` all cost the same, and this is ``gp``.
"""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray, IntArray
from ...surrogates.acquisition import expected_improvement, normal_scores
from ..optimizer import optimizers
from ..problem import Problem
from .gp import Float32Array, GaussianProcess

RIDGE = 0.1  # of the trend over costs, in units of their range squared
ROOM = 0.05  # what the dearest candidate itself may still gain, in units of the costs' range


@optimizers("ehvi")
class ExpectedHypervolumeImprovement(GaussianProcess):
    """GP with expected hypervolume improvement after ``initial`` random evaluations."""

    def __init__(self, problem: Problem, initial: int = 5) -> None:
        super().__init__(problem, initial)
        every = np.broadcast_to(np.arange(len(problem.candidates)), (1, len(problem.candidates)))
        self._costs: FloatArray = problem.costs_of(every)[0]

    def gain(self, mean: Float32Array, std: Float32Array) -> Float32Array:
        """Expected gain in hypervolume of every candidate, (runs, candidates)."""
        scores = normal_scores(self.values)
        mean = mean + (self._slopes() * (self._costs - self._seen_costs().mean(axis=1, keepdims=True))).astype(mean.dtype)
        return np.stack([self._of_run(mean[r], std[r], scores[r], self.rows[r]) for r in range(len(mean))])

    def targets(self) -> FloatArray:
        """Normal scores less their trend over costs, (runs, evaluations): what is far from all results has the trend."""
        costs = self._seen_costs()
        apart: FloatArray = normal_scores(self.values) - self._slopes() * (costs - costs.mean(axis=1, keepdims=True))
        return apart

    def _seen_costs(self) -> FloatArray:
        seen: FloatArray = self._costs[self.rows]
        return seen

    def _slopes(self) -> FloatArray:
        """Of a ridge regression of the scores on costs, (runs, 1)."""
        costs = self._seen_costs()
        apart = costs - costs.mean(axis=1, keepdims=True)
        squares = (apart**2).sum(axis=1, keepdims=True) + RIDGE
        slopes: FloatArray = (apart * normal_scores(self.values)).sum(axis=1, keepdims=True) / squares
        return slopes

    def _of_run(self, mean: Float32Array, std: Float32Array, scores: FloatArray, rows: IntArray) -> Float32Array:
        """Of one run: predictions (candidates,), scores and rows (evaluations,) -> (candidates,)."""
        edges, heights = staircase(scores, self._costs[rows])
        gain = np.zeros_like(mean)
        for left, right, height in zip(edges[:-1], edges[1:], heights, strict=True):
            width = np.clip(right - np.maximum(left, self._costs), 0.0, None)
            some = np.flatnonzero(width > 0)
            better = expected_improvement(mean[some][None], std[some][None], np.array([[height]], dtype=mean.dtype))[0]
            gain[some] += (width[some] * better).astype(mean.dtype)
        return gain


def staircase(values: FloatArray, costs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Stairs of the best value by cost, from 0 to 1 + ROOM: edges (stairs + 1,), heights (stairs,), the lowest 0."""
    order = np.lexsort((-values, costs))
    edges, heights = [0.0], [0.0]
    for value, cost in zip(values[order].tolist(), costs[order].tolist(), strict=True):
        if value > heights[-1]:
            if cost > edges[-1]:
                edges.append(cost)
                heights.append(value)
            else:
                heights[-1] = value
    return np.array([*edges, 1.0 + ROOM]), np.array(heights)
