"""Choose, then report: what becomes of the architecture that a proxy likes best, under a bound on its size.

A correlation says how the whole list is ordered; a search takes the top of it. For each bound on the live parameters the
candidates are those within it, a proxy ranks them among themselves, and the accuracy of its first choice (one training) and
the mean accuracy of its first ten are set against what random choice gets with one training and as the best of ten.

Where several candidates are tied, every order of them counts equally. Choices among trained ones are made on validation;
what is reported is test accuracy where the table has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...bench import FloatArray, IntArray, Split, Table
from ...surrogates.proxies import Scores

TEN = 10
SHARES = (1 / 3, 2 / 3, 1.0)  # of the candidates that the three bounds leave


@dataclass(frozen=True)
class Choice:
    """One way to choose, on one task, under one bound.

    Attributes:
        task: its name.
        bound: live parameters at most; ``candidates``: how many are within it.
        method: name of the proxy, or ``random``.
        first: accuracy of the first choice (random: of one, the mean).
        ten: mean accuracy of the first ten, or of all where there are fewer.
        best_of_ten: expected accuracy of the best of the ten after training them; for ``random`` of ten drawn ones.
        optimum: the best of the candidates.
    """

    task: str
    bound: float
    candidates: int
    method: str
    first: float
    ten: float
    best_of_ten: float
    optimum: float


def choose(table: Table, task: str, scores: Scores, classes: int) -> list[Choice]:
    """Every proxy and random choice under three bounds; empty where the space has no number of live parameters.

    Args:
        table: where the accuracies are.
        task: which.
        scores: of architectures; those that the table did not measure are left out.
        classes: of the task, for the number of parameters.
    """
    rows = table.rows(scores.genotypes)
    report = Split.TEST if table.has(task, Split.TEST) else Split.VAL
    seen, told = (_looked_up(table, task, rows, split) for split in (Split.VAL, report))
    size = scores.space.live_params(scores.genotypes, classes)
    known = np.flatnonzero(~np.isnan(seen) & ~np.isnan(told))
    if size is None or not len(known):
        return []
    found = []
    for share in SHARES:
        bound = float(np.quantile(size[known], share, method="lower"))
        within = known[size[known] <= bound]
        values = seen[within] * table.metrics[task].sign, told[within]
        lists: Mapping[str, FloatArray | None] = {p.name: scores.of(p.name, within) for p in scores.proxies} | {
            "random": None
        }
        for method, order in lists.items():
            flat = np.zeros(len(within)) if order is None else order
            optimum = float(values[1][int(np.argmax(values[0]))])
            found.append(Choice(task, bound, len(within), method, *outcome(flat, *values), optimum))
    return found


def _looked_up(table: Table, task: str, rows: IntArray, split: Split) -> FloatArray:
    """Means over seeds of table rows, NaN where a row is -1 or was not measured."""
    values: FloatArray = np.where(rows < 0, np.nan, table.values(task, np.maximum(rows, 0), split))
    return values


def outcome(scores: FloatArray, seen: FloatArray, told: FloatArray, n: int = TEN) -> tuple[float, float, float]:
    """(of the first, mean of the first n, told of the one of these n with the best seen), expected over orders of ties.

    Args:
        scores: (candidates,), larger is chosen first.
        seen: what decides among the trained, larger is better.
        told: what is reported.
        n: how many are trained; all where there are fewer.
    """
    n = min(n, len(scores))
    levels = np.sort(scores)[::-1]
    sure = np.flatnonzero(scores > levels[n - 1])  # chosen in every order
    tied = np.flatnonzero(scores == levels[n - 1])  # n - len(sure) of them are
    left = n - len(sure)
    first = float(told[scores == levels[0]].mean())
    ten = float((told[sure].sum() + left * told[tied].mean()) / n)
    return first, ten, _best(sure, tied, left, seen, told)


def _best(sure: IntArray, tied: IntArray, left: int, seen: FloatArray, told: FloatArray) -> float:
    """Expected ``told`` of the best seen among ``sure`` and ``left`` of ``tied``, drawn without replacement.

    The i-th worst of m tied ones is the best of the drawn with probability C(i - 1, left - 1) / C(m, left).
    """
    from scipy.special import gammaln

    order = tied[np.argsort(seen[tied], kind="stable")]
    m, i = len(order), np.arange(1, len(order) + 1)
    with np.errstate(invalid="ignore"):
        logs = (
            gammaln(i)
            - gammaln(left)
            - gammaln(i - left + 1)
            - (gammaln(m + 1) - gammaln(left + 1) - gammaln(m - left + 1))
        )
    chance = np.where(i >= left, np.exp(np.where(i >= left, logs, 0.0)), 0.0)
    if not len(sure):
        return float(chance @ told[order])
    champion = sure[int(np.argmax(seen[sure]))]
    better = seen[order] > seen[champion]
    return float(chance[better] @ told[order[better]] + (1 - chance[better].sum()) * told[champion])
