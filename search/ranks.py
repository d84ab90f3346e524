"""Optimizers by their average rank over tasks, and which differences of ranks are more than chance.

Tasks are the sample, N of them, and an optimizer's score on a task is its mean regret there (Demsar, *Statistical
comparisons of classifiers over multiple data sets*, JMLR 7, 2006, section 3.2):

* Friedman's test of "all k optimizers are alike", chi2 = 12 N / (k (k + 1)) (sum_j R_j^2 - k (k + 1)^2 / 4) over the
  average ranks R_j, divided by 1 - sum (t^3 - t) / (N k (k^2 - 1)) for groups of t tied ones; and the less conservative
  F = (N - 1) chi2 / (N (k - 1) - chi2) of Iman and Davenport with k - 1 and (k - 1)(N - 1) degrees of freedom.
* Nemenyi's critical difference CD = q_alpha sqrt(k (k + 1) / (6 N)); q is the studentized range over the root of 2.
  Optimizers that are nearer than CD form a clique, and a picture ties them by a bar.
* For each pair the Wilcoxon signed-rank test over tasks, Holm-corrected over all pairs: unlike Nemenyi's, its answer on two
  optimizers does not depend on who else took part (Benavoli, Corani & Mangili, JMLR 17, 2016).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ..bench import FloatArray
from .outcome import Outcome
from .statistics import ALPHA, DIGITS, holm, paired_p, ranks_of


def friedman(ranks: FloatArray) -> dict[str, float] | None:
    """Friedman's test and Iman and Davenport's on ranks (optimizers, tasks): ``chi2``, ``p``, ``f``, ``f_p``.

    None where there is nothing to test: one optimizer, one task, or ties alone. F is infinite where all tasks agree.
    """
    from scipy.stats import chi2 as chi2_law
    from scipy.stats import f as f_law

    k, n = ranks.shape
    ties = sum(float((counts**3 - counts).sum()) for counts in (np.unique(r, return_counts=True)[1] for r in ranks.T))
    correction = 1 - ties / (n * k * (k * k - 1)) if k > 1 else 0.0
    if n < 2 or correction < 1e-12:
        return None
    average = ranks.mean(axis=1)
    chi2 = 12 * n / (k * (k + 1)) * float((average**2).sum() - k * (k + 1) ** 2 / 4) / correction
    left = n * (k - 1) - chi2
    f = float("inf") if left < 1e-9 else (n - 1) * chi2 / left
    law = f_law(k - 1, (k - 1) * (n - 1))
    return {"chi2": chi2, "p": float(chi2_law(k - 1).sf(chi2)), "f": f, "f_p": float(law.sf(f))}


def alike_p(average: Iterable[float], n: int) -> float:
    """Probability that chance alone makes n tasks rank optimizers alike, whose average ranks are then those of each task.

    Every order of the ranks, ties included, is equally likely: Iman and Davenport's F is without bound there, however few
    the tasks, and its p of 0 says nothing.
    """
    ranks = list(average)
    orders = math.factorial(len(ranks)) // math.prod(math.factorial(tied) for tied in Counter(ranks).values())
    return float(orders) ** (1 - n)


def critical_difference(k: int, n: int, alpha: float = ALPHA) -> float:
    """Nemenyi's: average ranks of k >= 2 optimizers over n tasks that are further apart differ at level alpha."""
    from scipy.stats import studentized_range

    q = studentized_range.ppf(1 - alpha, k, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(k * (k + 1) / (6 * n)))


def cliques(average: FloatArray, difference: float) -> list[list[int]]:
    """Largest groups of optimizers whose average ranks lie within ``difference``; groups of one are left out.

    (optimizers,) -> indices, the best rank first. No group is part of another.
    """
    order = np.argsort(average, kind="stable")
    found: list[list[int]] = []
    reached = -1
    for first, one in enumerate(order):
        last = int(np.searchsorted(average[order], average[one] + difference + 1e-12, side="right")) - 1
        if last > max(first, reached):
            found.append(order[first : last + 1].tolist())
        reached = max(reached, last)
    return found


def pairs(names: Sequence[str], regret: FloatArray) -> list[dict[str, Any]]:
    """Every pair of optimizers over tasks, from mean regrets (optimizers, tasks): the better average rank first.

    Rows of ``one``, ``other``, ``difference`` (of mean regret, below 0 where ``one`` is better), ``wins`` and ``losses``
    (tasks), ``p`` of the two-sided Wilcoxon signed-rank test and ``p_holm``, corrected over all pairs.
    """
    rounded = np.round(regret, DIGITS)
    order = np.argsort(ranks_of(regret).mean(axis=1), kind="stable").tolist()
    both = list(combinations(order, 2))
    p = [paired_p(rounded[a], rounded[b]) for a, b in both]
    return [
        {
            "one": names[a],
            "other": names[b],
            "difference": float((regret[a] - regret[b]).mean()),
            "wins": int((rounded[a] < rounded[b]).sum()),
            "losses": int((rounded[a] > rounded[b]).sum()),
            "p": chance,
            "p_holm": float(adjusted),
        }
        for (a, b), chance, adjusted in zip(both, p, holm(p), strict=True)
    ]


def smallest_p(tasks: int) -> float:
    """The least that the exact two-sided signed-rank test can give over so many tasks: all signs alike."""
    return float(min(1.0, 2.0 ** (1 - tasks)))


def compared(outcomes: Sequence[Outcome], benchmark: str | None) -> dict[str, Any] | None:
    """Ranks by mean regret at the end over the tasks of some outcomes; see :func:`of_scores`."""
    end = outcomes[0].points[-1]
    return of_scores({(o.optimizer, o.task): float(o.regret_at([end])[:, 0].mean()) for o in outcomes}, benchmark, end)


def of_scores(scores: Mapping[tuple[str, str], float], benchmark: str | None, budget: float) -> dict[str, Any] | None:
    """What ``summary.json`` says of ranks over tasks; None where tasks or optimizers are fewer than two.

    Args:
        scores: of (optimizer, task), smaller being better. Optimizers that did not run on every task are left out.
        benchmark: whose tasks these are, None for all together.
        budget: after which.

    Returns:
        ``benchmark``, ``tasks``, ``budget``, ``alpha``, ``rank`` {optimizer: average}, ``friedman``,
        ``critical_difference`` and ``cliques`` by Nemenyi, ``pairs`` by Wilcoxon and Holm.
    """
    tasks = list(dict.fromkeys(task for _, task in scores))
    names = [n for n in dict.fromkeys(name for name, _ in scores) if all((n, t) in scores for t in tasks)]
    if len(names) < 2 or len(tasks) < 2:
        return None
    regret = np.array([[scores[n, t] for t in tasks] for n in names])
    ranks = ranks_of(regret)
    average = ranks.mean(axis=1)
    difference = critical_difference(len(names), len(tasks))
    return {
        "benchmark": benchmark,
        "tasks": len(tasks),
        "budget": budget,
        "alpha": ALPHA,
        "rank": dict(zip(names, average.tolist(), strict=True)),
        "friedman": friedman(ranks),
        "critical_difference": difference,
        "cliques": [[names[i] for i in group] for group in cliques(average, difference)],
        "pairs": pairs(names, regret),
    }
