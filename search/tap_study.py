"""How TAP orders chains on tasks of families that it has not seen, beside what needs no learning, and with shuffled DCNs.

The rivals are the mean over the tasks of other families of each chain's accuracy (for chains that were trained there: the
common ones), and the number of parameters. Values of the target are used to judge, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..bench import FloatArray, Split, Table
from ..surrogates.predictors.tap import TAP
from .objectives import live_params

CONTROL = "shuffled DCN"


@dataclass(frozen=True)
class HeldOut:
    """One target task.

    Attributes:
        task: the target.
        common, own: chains that other tasks have too, and those that only the target has.
        tau: Kendall's tau-b over the common chains by method.
        own_tau: over the own chains, where the mean over other tasks knows nothing.
        error: mean absolute error of TAP in percent, by ``tap`` and the control, over all chains.
    """

    task: str
    common: int
    own: int
    tau: dict[str, float]
    own_tau: dict[str, float]
    error: dict[str, float]


def held_out_families(
    table: Table, seed: int = 0, progress: Callable[[int, int], None] | None = None, **options: float | str
) -> list[HeldOut]:
    """Every task of a table of chains in turn as the target, its whole family left out.

    Args:
        table: with the variable ``dcn``.
        seed: of TAP, and of the shuffling.
        progress: told of (done, total) trainings.
        **options: of :class:`TAP`.
    """
    order = np.random.default_rng(seed).permutation(len(table.tasks))
    shuffled = table.data.copy()
    shuffled["dcn"] = table.data["dcn"].copy(data=table.data["dcn"].values[order])
    control = Table(shuffled)
    found = []
    for place, task in enumerate(table.tasks):
        candidates = table.candidates(task)
        truth = table.values(task, candidates.table_rows)
        scores: dict[str, FloatArray] = {}
        for turn, (name, known) in enumerate((("tap", table), (CONTROL, control))):
            model = TAP(table.space, seed=seed, **options)  # type: ignore[arg-type]
            scores[name] = model.fit_table(known, task).predict(candidates.genotypes)
            if progress is not None:
                progress(2 * place + turn + 1, 2 * len(table.tasks))
        params = live_params(table, task)
        if params is not None:
            scores["log-params"] = np.log(params)
        elsewhere = mean_elsewhere(table, task)[candidates.table_rows]
        common = ~np.isnan(elsewhere)
        errors = {name: float(np.abs(scores[name] - truth).mean()) for name in ("tap", CONTROL)}
        of_common = {name: _tau(values[common], truth[common]) for name, values in scores.items()}
        of_common["mean of other tasks"] = _tau(elsewhere[common], truth[common])
        of_own = {name: _tau(values[~common], truth[~common]) for name, values in scores.items()}
        found.append(HeldOut(task, int(common.sum()), int((~common).sum()), of_common, of_own, errors))
    return found


def mean_elsewhere(table: Table, task: str) -> FloatArray:
    """Mean validation value on the tasks of other families, (architectures,), NaN where one of them has none."""
    others = [other for other in table.tasks if table.family(other) != table.family(task)]
    mean: FloatArray = np.mean([table.values(other, None, Split.VAL) for other in others], axis=0)
    return mean


def _tau(scores: FloatArray, truth: FloatArray) -> float:
    from scipy.stats import kendalltau

    return float(kendalltau(scores, truth).statistic) if len(truth) > 2 else float("nan")
