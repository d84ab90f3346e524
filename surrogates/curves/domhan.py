"""Domhan et al. 2015: a weighted mixture of eleven parametric curves, its posterior sampled by MCMC.

Domhan, Springenberg & Hutter, "Speeding up automatic hyperparameter optimization of deep neural networks by extrapolation
of learning curves", IJCAI 2015. With families f_k, parameters theta_k, weights w_k >= 0 and noise sigma,

    y_x ~ N(sum_k w_k f_k(x | theta_k) / sum_k w_k, sigma^2),

flat priors except that a family must end, at the last epoch X, where it may (0 <= f_k(X) <= 100) and not below where it was
(f_k(2) <= f_k(X)). Log likelihoods are weighted by recency. Each family is fitted by least squares; those that the prior
allows enter with equal weights; emcee's affine-invariant ensemble (Foreman-Mackey et al. 2013) starts from a small ball
around them. A leading plateau is cut off. What is predicted is y_X, with its noise: the released code's
``posterior_prob_x_greater_than``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...bench import FloatArray
from . import least_squares
from .families import FAMILIES, Family, leading_plateau, recency_weights
from .final import LEAST_STD, NormalMixture
from .model import CurveModel, curve_models
from .partial import Curves
from .summary import random_walk

FEWEST_EPOCHS = 4  # after the plateau; with fewer the last value is all there is
BALL = 1e-6
DRAWS = 20  # for each walker, to find one that the prior allows
START_WEIGHT = 10.0
THIN = 10
KEPT = 400  # samples that stand for the posterior
HIGHEST_END = 100.0


@dataclass(frozen=True)
class Fits:
    """Least-squares fits of the families to curves of one length.

    Attributes:
        x: epochs seen, (seen,); end: the last epoch, counted alike.
        targets: values seen, (curves, seen).
        parameters: of each family, (curves, parameters) each.
        cost: weighted sum of squared residuals, (curves, families); inf where the prior refuses the fit.
    """

    x: FloatArray
    end: float
    targets: FloatArray
    parameters: list[FloatArray]
    cost: FloatArray


def fit_families(targets: FloatArray, end: float) -> Fits:
    """Fit every family to curves (curves, seen) in [0, 1] that end at epoch ``end``."""
    x = np.arange(1.0, targets.shape[1] + 1)
    weights = recency_weights(len(x))
    parameters, costs = [], []
    for family in FAMILIES:
        tries = [least_squares.fit(values_at(family, x), np.array(s), targets, weights) for s in family.starts]
        theta, cost = tries[0]
        for other, reached in tries[1:]:
            theta, cost = np.where((reached < cost)[:, None], other, theta), np.minimum(reached, cost)
        parameters.append(theta)
        costs.append(np.where(allowed(family, theta, end), cost, np.inf))
    return Fits(x, end, targets, parameters, np.stack(costs, axis=1))


def values_at(family: Family, x: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """The family as a function of its parameters alone."""
    return lambda theta: family(theta, x)


def allowed(family: Family, theta: FloatArray, end: float) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where the prior allows parameters (..., parameters): (...,)."""
    at = family(theta, np.array([2.0, end]))
    with np.errstate(invalid="ignore"):
        return (at[..., 1] >= at[..., 0]) & (at[..., 1] >= 0) & (at[..., 1] <= HIGHEST_END)


def groups(curves: Curves) -> dict[tuple[int, int], list[int]]:
    """Rows that are fitted together, by epochs seen and epochs in all, both without the leading plateau."""
    together: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero(~curves.complete):
        cut = leading_plateau(curves.unit[row, : curves.seen[row]])
        key = int(curves.seen[row]) - cut, curves.total - cut
        if key[0] >= FEWEST_EPOCHS:
            together.setdefault(key, []).append(int(row))
    return together


def without_plateau(curves: Curves, rows: list[int], seen: int) -> FloatArray:
    """The last ``seen`` values of each row: (rows, seen)."""
    return np.stack([curves.unit[row, curves.seen[row] - seen : curves.seen[row]] for row in rows])


@curve_models("domhan")
class Domhan(CurveModel):
    """The mixture of families by MCMC; seconds per curve.

    Args:
        steps: of each walker, burn-in included.
        burn_in: steps that are thrown away.
        walkers: of the ensemble, at least; never fewer than two per dimension.
        random_state: seed of the sampler.
    """

    def __init__(self, steps: int = 2500, burn_in: int = 500, walkers: int = 100, random_state: int = 0) -> None:
        self.steps = steps
        self.burn_in = burn_in
        self.walkers = walkers
        self.random_state = random_state

    def _mixture(self, curves: Curves) -> NormalMixture:
        places = np.repeat(curves.last[:, None], KEPT, axis=1)
        stds = np.repeat(random_walk(curves)[:, None], KEPT, axis=1)
        for (seen, end), rows in groups(curves).items():
            fits = fit_families(without_plateau(curves, rows, seen), end)
            for i, row in enumerate(rows):
                if np.isfinite(fits.cost[i]).any():
                    places[row], stds[row] = self._sample(Posterior(fits, i))
        return NormalMixture(np.ones_like(places), places, stds)

    def _sample(self, posterior: Posterior) -> tuple[FloatArray, FloatArray]:
        """Means and noises at the last epoch of KEPT samples of the posterior: (KEPT,) each."""
        from emcee import EnsembleSampler, State

        start = posterior.start()
        walkers = max(self.walkers, 2 * len(start))
        rng = np.random.default_rng(self.random_state)
        ball = start + BALL * rng.standard_normal((DRAWS * walkers, len(start)))
        ball = ball[np.isfinite(posterior.log_density(ball))]
        if not len(ball):  # on the edge of the prior, as a constant curve is: the fit itself
            ends, sigma = posterior.values(start[None], np.array([posterior.end])), posterior.noise(start[None])
            return np.repeat(ends[0], KEPT), np.repeat(sigma, KEPT)
        ball = ball[:walkers] if len(ball) >= walkers else ball[rng.integers(len(ball), size=walkers)]
        sampler = EnsembleSampler(walkers, len(start), posterior.log_density, vectorize=True)
        legacy = np.random.RandomState(self.random_state)  # the generator that emcee takes
        state = State(ball, random_state=legacy.get_state())
        state = sampler.run_mcmc(state, self.burn_in, store=False, skip_initial_state_check=True)
        sampler.run_mcmc(state, max((self.steps - self.burn_in) // THIN, 1), thin_by=THIN, skip_initial_state_check=True)
        chain = sampler.get_chain(flat=True)
        kept = chain[np.linspace(0, len(chain) - 1, KEPT).astype(int)]
        ends, sigma = posterior.values(kept, np.array([posterior.end])), posterior.noise(kept)
        return ends[:, 0], np.maximum(sigma, LEAST_STD)


class Posterior:
    """The posterior density of one curve; a row of parameters is (theta_1, ..., theta_K, sigma, w_1, ..., w_K).

    Args:
        fits: least-squares fits of a group of curves.
        row: which curve of them.
    """

    def __init__(self, fits: Fits, row: int) -> None:
        self.x, self.end, self.target = fits.x, fits.end, fits.targets[row]
        used = np.flatnonzero(np.isfinite(fits.cost[row]))
        self.families = [FAMILIES[k] for k in used]
        self._start = [fits.parameters[k][row] for k in used]
        bounds = np.cumsum([0, *(len(start) for start in self._start)])
        self._slices = [slice(low, high) for low, high in pairwise(bounds)]
        self._sigma = int(bounds[-1])
        self._recency = recency_weights(len(self.x))
        self._places = np.concatenate([self.x, [2.0, self.end]])

    def start(self) -> FloatArray:
        """Where the walkers start: (dimensions,)."""
        weights = np.full(len(self.families), START_WEIGHT)
        start = np.concatenate([*self._start, [1.0], weights])
        spread = float(np.std(self.target - self.values(start[None], self.x)[0]))
        start[self._sigma] = max(spread, LEAST_STD)
        return start

    def noise(self, rows: FloatArray) -> FloatArray:
        """Sigma of rows (n, dimensions): (n,)."""
        return rows[:, self._sigma]

    def _each(self, rows: FloatArray, x: FloatArray) -> FloatArray:
        """Every family of rows (n, dimensions) at x: (families, n, epochs)."""
        return np.stack([family(rows[:, part], x) for family, part in zip(self.families, self._slices, strict=True)])

    def _weights(self, rows: FloatArray) -> FloatArray:
        weights = rows[:, self._sigma + 1 :]
        with np.errstate(invalid="ignore", divide="ignore"):
            share: FloatArray = weights / weights.sum(axis=1, keepdims=True)
        return share

    def values(self, rows: FloatArray, x: FloatArray) -> FloatArray:
        """The mixture of rows (n, dimensions) at x (epochs,): (n, epochs)."""
        mixed: FloatArray = np.einsum("nk,kne->ne", self._weights(rows), self._each(rows, x))
        return mixed

    def log_density(self, rows: FloatArray) -> FloatArray:
        """Log posterior of rows (n, dimensions), but for a constant: (n,)."""
        sigma, weights = rows[:, self._sigma], rows[:, self._sigma + 1 :]
        each = self._each(rows, self._places)
        with np.errstate(all="ignore"):
            ends = each[:, :, -1]
            fine = ((ends >= each[:, :, -2]) & (ends >= 0) & (ends <= HIGHEST_END)).all(axis=0)
            fine &= (weights >= 0).all(axis=1) & (sigma > 0)
            mixed = np.einsum("nk,kne->ne", self._weights(rows), each[:, :, :-2])
            z = (self.target - mixed) / sigma[:, None]
            log_likelihood = -(self._recency * (0.5 * z**2 + np.log(sigma)[:, None])).sum(axis=1)
        return np.where(fine & np.isfinite(log_likelihood), log_likelihood, -np.inf)
