"""The prior of LC-PFN: random learning curves, from which its network learns to continue real ones.

Adriaensen, Rakotoarison, Mueller & Hutter, "Efficient Bayesian learning curve extrapolation using prior-data fitted
networks", NeurIPS 2023, section 3.2 and appendix A. Over x = 1..100 a curve is the sum

    f(x) = w1 (c1 - a1 x^-alpha) + w2 (c2 - a2 / ln(x + 1)) + w3 (a3 - (a3 - beta) exp(-k x^delta))

of pow3, ilog2 and Janoschek, with w ~ U(0, 1) each for itself (they are not normalised) and

    pow3       c ~ U(0, 1.25)   a ~ U(-.6, .6)     alpha ~ LogN(0, 2)
    ilog2      c ~ U(0, 1)      a ~ U(-.5, .5)
    Janoschek  a ~ U(0, 1)      beta ~ U(0, 2)     k ~ LogN(-2, 1)      delta ~ LogN(0, .5)

drawn again where f(100) <= f(1) or f leaves [0, 1]. What is seen is f + N(0, s^2) with ln s ~ N(-4, 1); the released code
says so, and that the paper's text has the noise wrong. Here what is seen stays in [0, 1] as an accuracy does: noise that
would leave it is drawn again. A training of E epochs has its epoch e at x = 100 e / E.
"""

from __future__ import annotations

import numpy as np

from ...bench import FloatArray

HORIZON = 100
SHORTEST = 4  # epochs of the shortest training drawn
_GRID = np.arange(1, HORIZON + 1, dtype=np.float64)
_REDRAWS = 16


def draw_functions(n: int, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Parameters of ``n`` sums of three functions before anything is rejected, each (n, 1)."""
    uniform = {"w1": (0, 1), "w2": (0, 1), "w3": (0, 1), "c1": (0, 1.25), "a1": (-0.6, 0.6), "c2": (0, 1)}
    uniform |= {"a2": (-0.5, 0.5), "a3": (0, 1), "beta": (0, 2)}
    lognormal = {"alpha": (0, 2), "k": (-2, 1), "delta": (0, 0.5)}
    drawn = {name: rng.uniform(low, high, (n, 1)) for name, (low, high) in uniform.items()}
    return drawn | {name: rng.lognormal(mean, sd, (n, 1)) for name, (mean, sd) in lognormal.items()}


def evaluate(p: dict[str, FloatArray], x: FloatArray) -> FloatArray:
    """Values at the places ``x`` (places,): (n, places)."""
    with np.errstate(over="ignore"):
        pow3 = p["c1"] - p["a1"] * x ** -p["alpha"]
        ilog2 = p["c2"] - p["a2"] / np.log(x + 1)
        janoschek = p["a3"] - (p["a3"] - p["beta"]) * np.exp(-p["k"] * x ** p["delta"])
    total: FloatArray = p["w1"] * pow3 + p["w2"] * ilog2 + p["w3"] * janoschek
    return total


def draw_curves(n: int, epochs: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """``n`` trainings of so many epochs: what is seen and the functions behind it, each (n, epochs), in [0, 1]."""
    places = HORIZON * np.arange(1, epochs + 1) / epochs
    accepted: list[FloatArray] = []
    missing = n
    while missing > 0:
        p = draw_functions(4 * missing + 16, rng)
        f = evaluate(p, _GRID)
        good = (f[:, -1] > f[:, 0]) & (f.min(axis=1) >= 0) & (f.max(axis=1) <= 1)
        accepted.append(evaluate({name: values[good][:missing] for name, values in p.items()}, places))
        missing -= len(accepted[-1])
    functions = np.clip(np.concatenate(accepted), 0, 1)  # a first place after x = 1 may overshoot by rounding
    return observe(functions, np.exp(rng.normal(-4, 1, (n, 1))), rng), functions


def observe(functions: FloatArray, noise: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Normal noise of standard deviation ``noise`` (n, 1) on functions (n, epochs), drawn again where it leaves [0, 1]."""
    seen = functions + noise * rng.standard_normal(functions.shape)
    for _ in range(_REDRAWS):
        outside = (seen < 0) | (seen > 1)
        if not outside.any():
            break
        again = functions + noise * rng.standard_normal(functions.shape)
        seen = np.where(outside, again, seen)
    return np.clip(seen, 0, 1)


def draw_epochs(rng: np.random.Generator) -> int:
    """Epochs of a training: 100 in two of five draws, else log-uniform down to the shortest."""
    if rng.random() < 0.4:
        return HORIZON
    return int(np.exp(rng.uniform(np.log(SHORTEST), np.log(HORIZON + 1))))
