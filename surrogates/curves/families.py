"""The eleven families of learning curves of Domhan et al. 2015, table 1, as functions of the epoch x = 1, 2, ...

    vap            exp(a + b / x + c ln x)                    pow3           c - a x^-alpha
    pow4           c - (a x + b)^-alpha                       ilog2          c - a / ln(x + 1)
    loglog-linear  ln(a ln x + b)                             hill3          u x^eta / (kappa^eta + x^eta)
    log-power      a / (1 + (x / e^b)^c)                      mmf            u - (u - b) / (1 + (k x)^d)
    exp4           c - exp(-a x^alpha + b)                    janoschek      u - (u - b) exp(-k x^d)
    weibull        u - (u - b) exp(-(k x)^d)

The starting points are those of the released code (automl/pylearningcurvepredictor), and a second one for weibull and mmf,
whose fits often end on a plateau otherwise. A later list of that code leaves out vap and ilog2, the paper has all eleven.
Values are accuracies in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...bench import FloatArray


@dataclass(frozen=True)
class Family:
    """One family.

    Attributes:
        function: parameters, each (..., 1), and x (epochs,) to values (..., epochs); NaN where it is not defined.
        starts: parameters that fits start from, in the order of the function's; the best fit is taken.
    """

    name: str
    function: Callable[..., FloatArray]
    starts: tuple[tuple[float, ...], ...]

    def __call__(self, parameters: FloatArray, x: FloatArray) -> FloatArray:
        """Values (..., epochs) at x (epochs,) of parameters (..., parameters)."""
        with np.errstate(all="ignore"):
            return self.function(x, *[parameters[..., i, None] for i in range(parameters.shape[-1])])


def _power(base: FloatArray, exponent: FloatArray) -> FloatArray:
    """base^exponent of positive bases, NaN of others; several times faster than numpy's own."""
    power: FloatArray = np.exp(exponent * np.log(base))
    return power


FAMILIES: tuple[Family, ...] = (
    Family("vap", lambda x, a, b, c: np.exp(a + b / x + c * np.log(x)), ((-0.622028, -0.470050, 0.042322),)),
    Family("ilog2", lambda x, c, a: c - a / np.log(x + 1), ((0.78, 0.43),)),
    Family(
        "weibull",
        lambda x, u, b, k, d: u - (u - b) * np.exp(-_power(k * x, d)),
        ((0.7, 0.1, 0.01, 1), (0.7, 0.1, 0.3, 0.7)),
    ),
    Family("pow3", lambda x, c, a, alpha: c - a * _power(x, -alpha), ((0.84, 0.52, 0.01),)),
    Family("pow4", lambda x, c, a, b, alpha: c - _power(a * x + b, -alpha), ((0.8, 200.0, 0.0, 0.1),)),
    Family("loglog-linear", lambda x, a, b: np.log(a * np.log(x) + b), ((1.0, 1.0),)),
    Family("mmf", lambda x, u, b, k, d: u - (u - b) / (1 + _power(k * x, d)), ((0.7, 0.1, 0.01, 5), (0.7, 0.1, 0.3, 1))),
    Family("janoschek", lambda x, u, b, k, d: u - (u - b) * np.exp(-k * _power(x, d)), ((0.73, 0.07, 0.355, 0.46),)),
    Family("hill3", lambda x, u, eta, kappa: u / (1 + _power(kappa / x, eta)), ((0.772320, 0.586449, 2.460843),)),
    Family("log-power", lambda x, a, b, c: a / (1 + np.exp(c * (np.log(x) - b))), ((0.77, 2.98, -0.51),)),
    Family("exp4", lambda x, c, a, b, alpha: c - np.exp(-a * _power(x, alpha) + b), ((0.7, 0.8, -0.8, 0.3),)),
)


def recency_weights(epochs: int) -> FloatArray:
    """Weights 10^(i / n) of epochs i = 0..n-1: the latest counts almost ten times the first (released code)."""
    weights: FloatArray = 10.0 ** (np.arange(epochs) / epochs)
    return weights


def leading_plateau(values: FloatArray, rise: float = 0.05, ahead: int = 5) -> int:
    """Epochs at the beginning of a curve (epochs,) in which nothing happens yet.

    The first epoch from which ``ahead`` values in a row are more than ``rise`` above the first value starts the curve.
    """
    up = values - values[0] > rise
    for start in range(len(values) - ahead):
        if up[start : start + ahead].all():
            return start
    return 0
