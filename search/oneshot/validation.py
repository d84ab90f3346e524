"""What a supernet's ranking is worth: it is set against stand-alone trainings, beside rivals that train no supernet.

Over function classes, never over strings, many of which are the same network: Spearman and Kendall with 95 % bootstrap
intervals over classes, Spearman within the best half, fifth and tenth by truth, what is left of it given the live
parameters, and the regret of the first choice and of the best of the first ten. A high correlation over all cells says
little: it may come from the bad ones alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...bench import FloatArray, Genotypes
from ..zero_shot.correlations import best, interval, partial, spearman
from .parts.candidates import accuracies

if TYPE_CHECKING:
    from .state import Search
    from .truth import Truth

SHARES = {"top_half": 1 / 2, "top_fifth": 1 / 5, "top_tenth": 1 / 10}
RESAMPLES = 200
FIRST = 10


def kendall(a: FloatArray, b: FloatArray) -> float:
    """Kendall's tau-b; NaN where one side is constant."""
    from scipy.stats import kendalltau

    return float(kendalltau(a, b).statistic)


def kendall_interval(a: FloatArray, b: FloatArray, seed: int = 0) -> list[float]:
    """95 % percentile interval of tau over resampled classes."""
    draws = np.random.default_rng(seed).integers(len(a), size=(RESAMPLES, len(a)))
    found = [tau for rows in draws if np.isfinite(tau := kendall(a[rows], b[rows]))]
    return [float(x) for x in np.percentile(found, [2.5, 97.5])] if found else [np.nan, np.nan]


def agreement(name: str, scores: FloatArray, truth: FloatArray, size: FloatArray | None = None) -> dict[str, Any]:
    """How a ranking agrees with the truth.

    Args:
        name: of the ranking.
        scores: (classes,), larger better; NaN ranks last.
        truth: (classes,), larger better, in percentage points.
        size: live parameters, for the partial correlation.
    """
    scores = np.where(np.isnan(scores), -np.inf, scores)
    order = best(scores, 1.0)
    low, high = interval(scores, truth)
    return {
        "name": name,
        "spearman": spearman(scores, truth),
        "interval": [low, high],
        "tau": kendall(scores, truth),
        "tau_interval": kendall_interval(scores, truth),
        "tops": {key: spearman(scores[top], truth[top]) for key, s in SHARES.items() for top in [best(truth, s)]},
        "partial": None if size is None else partial(scores, truth, size),
        "regret": float(truth.max() - truth[order[0]]),
        "regret_of_ten": float(truth.max() - truth[order[:FIRST]].max()),
    }


def chance(truth: FloatArray, n: int = 1) -> dict[str, Any]:
    """What drawing without any knowledge gives: the expected regret of the best of ``n`` drawn without replacement.

    The k-th best of N is the best of n draws with probability C(N - k, n - 1) / C(N, n).
    """
    total = len(truth)

    def expected(draws: int) -> float:
        draws = min(draws, total)
        regrets, left, value = np.sort(truth.max() - truth), 1.0, 0.0
        for k in range(total - draws + 1):
            p = draws / (total - k)
            value += left * p * float(regrets[k])
            left *= 1 - p
        return value

    nothing = {"spearman": 0.0, "interval": [np.nan] * 2, "tau": 0.0, "tau_interval": [np.nan] * 2, "partial": None}
    tops = dict.fromkeys(SHARES, 0.0)
    return {**nothing, "tops": tops, "regret": expected(n), "regret_of_ten": expected(n * FIRST)}


def validate(search: Search, genotype: Genotypes, truth: Truth) -> dict[str, Any]:
    """The supernet at the end of a search against a table.

    Every class is scored by its path's accuracy on the architecture's half of the training images; the truth was measured
    on validation images, which no decision has read.
    """
    genotypes, values = truth.sample(np.random.default_rng(search.settings.seed))
    size = search.space.live_params(genotypes, search.data.classes)
    rows = [agreement("supernet", accuracies(search, genotypes), values, size)]
    if size is not None:
        rows.append(agreement("live-params", size, values))
    sources = truth.source_scores(genotypes)
    if sources is not None:
        rows.append(agreement("source-ranking", sources, values))
    rows.append({"name": "random", **chance(values)})
    each, spent = truth.seconds(), search.seconds
    if each is not None and spent is not None:
        n = max(int(spent / each), 1)
        rows.append({"name": f"random, best of {n} trained alone", **chance(values, n)})
    found = truth.value(genotype)
    rank = None if found is None else 1 + int((values > found + 1e-9).sum())
    first = rows[0]
    return {
        "table": truth.table.name,
        "hash": truth.table.hash,
        "task": truth.name,
        "truth": str(truth.table.data.attrs.get("protocol", "as the table says")),
        "same_images": truth.same_images,
        "classes": len(values),
        "best": float(values.max()),
        "cell_truth": found,
        "rank": rank,
        "better_than_random": None if found is None else float((values < found).mean()),
        "spearman": first["spearman"],
        "tau": first["tau"],
        "interval": first["interval"],
        "rivals": {row["name"]: {k: v for k, v in row.items() if k != "name"} for row in rows[1:]},
        "rows": rows,
    }
