"""Which differences are more than chance.

Within a task runs are paired (same seed, same source rows), so the Wilcoxon signed-rank test applies, with Holm's
correction over the optimizers that are compared with the best one. Across tasks the tasks are the sample: runs on one task
are no replications of transfer, so intervals come from a bootstrap over tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..bench import FloatArray
from .outcome import Outcome

ALPHA = 0.05
RESAMPLES = 10_000
DIGITS = 9  # mean regrets that differ by less are equal: rounding of means over seeds


def paired_p(one: FloatArray, other: FloatArray) -> float:
    """Two-sided p of the Wilcoxon signed-rank test over paired runs; 1 where all pairs are equal or there is one."""
    from scipy.stats import wilcoxon

    difference = one - other
    if len(one) < 2 or np.allclose(difference, 0):
        return 1.0
    # With ties scipy would try all signs of few runs, seconds for each test; the normal approximation corrects for ties.
    tied = len(np.unique(np.abs(difference))) < len(one) or not difference.all()
    return float(wilcoxon(difference, zero_method="zsplit", method="asymptotic" if tied else "auto").pvalue)


def holm(p: Sequence[float]) -> FloatArray:
    """Holm's step-down correction (Holm 1979): adjusted p, in the order given."""
    order = np.argsort(p)
    scaled = np.asarray(p)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


@dataclass(frozen=True)
class Verdict:
    """One optimizer beside the best one of a task.

    Attributes:
        mean: over runs of what is compared, smaller being better.
        best: whether it is the lowest mean.
        p: adjusted p against the best; None for the best itself, and where two deterministic methods leave nothing to test.
        tied: whether it is statistically tied with the best.
    """

    mean: float
    best: bool
    p: float | None
    tied: bool


def verdicts(final: Sequence[FloatArray], fixed: Sequence[bool]) -> list[Verdict]:
    """Each optimizer against the one with the lowest mean over paired runs.

    Args:
        final: what is compared, smaller being better, (runs,) for each optimizer.
        fixed: which of them are deterministic.
    """
    best = int(np.argmin([values.mean() for values in final]))
    others = [i for i in range(len(final)) if i != best]
    p = dict(zip(others, holm([paired_p(final[i], final[best]) for i in others]), strict=True))
    found = []
    for i, values in enumerate(final):
        both = fixed[i] and fixed[best]
        tied = bool(np.allclose(values, final[best])) if both else i == best or bool(p[i] > ALPHA)
        found.append(
            Verdict(float(values.mean()), i == best, None if i == best or both else float(p[i]), i == best or tied)
        )
    return found


def within_task(outcomes: Sequence[Outcome], budget: float) -> list[dict[str, Any]]:
    """For one task and budget: each optimizer against the one with the lowest mean regret.

    The budget counts evaluations, or simulated seconds where runs end by the clock. Returns a row per optimizer: ``regret``
    and ``best``, ``p`` and ``tied`` of its :class:`Verdict`.
    """
    found = verdicts([o.regret_at([budget])[:, 0] for o in outcomes], [o.deterministic for o in outcomes])
    rows = []
    for outcome, verdict in zip(outcomes, found, strict=True):
        about = {"task": outcome.task, "optimizer": outcome.optimizer, "budget": budget, "regret": verdict.mean}
        rows.append({**about, "best": verdict.best, "p": verdict.p, "tied": verdict.tied})
    return rows


@dataclass(frozen=True)
class Interval:
    """A mean with a 95 % interval; no interval where there is a single task."""

    mean: float
    low: float | None
    high: float | None


def bootstrap(values: FloatArray, seed: int = 0) -> Interval:
    """Mean over tasks of (tasks,) with the percentile interval of resampled tasks."""
    if len(values) < 2:
        return Interval(float(values.mean()), None, None)
    picks = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high))


def across_tasks(outcomes: Sequence[Outcome], reference: str) -> list[dict[str, Any]]:
    """Mean regret over tasks of every optimizer and budget, and its difference to a reference with interval.

    Tasks count equally. Optimizers that did not run on every task are left out.
    """
    tasks = list(dict.fromkeys(outcome.task for outcome in outcomes))
    table = {(o.optimizer, o.task): o for o in outcomes}
    names = [n for n in dict.fromkeys(o.optimizer for o in outcomes) if all((n, t) in table for t in tasks)]
    rows = []
    for budget in outcomes[0].points:
        mean = {n: np.array([table[n, t].regret_at([budget])[:, 0].mean() for t in tasks]) for n in names}
        if np.isnan([*mean.values()]).any():
            continue  # so early on the clock that some run has no result yet
        ranks = ranks_of(np.stack([mean[n] for n in names])).mean(axis=1)
        for name, rank in zip(names, ranks, strict=True):
            row: dict[str, Any] = {"optimizer": name, "budget": budget, "tasks": len(tasks), "rank": float(rank)}
            row["regret"] = vars(bootstrap(mean[name]))
            if reference in mean and name != reference:
                row["difference"] = {"to": reference, **vars(bootstrap(mean[name] - mean[reference]))}
            rows.append(row)
    return rows


def ranks_of(regret: FloatArray) -> FloatArray:
    """Ranks among optimizers, 1 best, ties shared: (optimizers, ...) -> the same shape."""
    from scipy.stats import rankdata

    ranks: FloatArray = rankdata(np.round(regret, DIGITS), axis=0)
    return ranks
