"""How RapidNAS orders architectures on tasks of classes that it has not seen, beside what needs no images.

Every figure is a mean over held-out tasks of Kendall's tau-b within the task, so what a method knows of how hard a task is
counts for nothing. Rivals: source ranking, the mean rank on the training tasks, for cells that were trained there; the
number of parameters on live paths. Control: the predictor with the images of tasks of other families.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, Genotypes, SearchSpace, Table, WarmnasError
from ..source_ranking import mean_source_rank
from .experience import apart, experience
from .lockstep import working
from .model import Experience, RapidNAS

WRONG = 5  # tasks of other families whose images are tried
Progress = Callable[[str], None]
Mask = npt.NDArray[np.bool_]


@dataclass
class HeldOut:
    """One held-out task.

    Attributes:
        task: its name.
        cells, common: architectures measured on it, and how many of them the training tasks have too.
        tau: over all cells by method; NaN where a method does not know them all.
        common_tau: over the common ones.
        generated: of the generator: ``valid``, ``unique``, ``novel`` as shares, ``cells``; ``value`` where measured.
    """

    task: str
    cells: int
    common: int
    tau: dict[str, float] = field(default_factory=dict)
    common_tau: dict[str, float] = field(default_factory=dict)
    generated: dict[str, float] = field(default_factory=dict)


def folds(table: Table, held_out: Sequence[str], known: Sequence[Experience]) -> list[tuple[list[int], list[int]]]:
    """(training tasks, held-out tasks) as places in ``known``: a fold per family for ``family``, else one for all patterns.

    Training tasks have no class in common with any held-out one.

    Raises WarmnasError where nothing is held out, or too little is left to train on.
    """
    import re

    names = [one.name for one in known]
    if list(held_out) == ["family"]:
        groups = [[i for i, n in enumerate(names) if table.family(n) == f] for f in dict.fromkeys(map(table.family, names))]
    else:
        groups = [[i for i, name in enumerate(names) if any(re.search(pattern, name) for pattern in held_out)]]
    found = []
    for group in groups:
        others = [i for i, n in enumerate(names) if i not in group and all(apart(table, n, names[g]) for g in group)]
        if not group or len(others) < 2:
            raise WarmnasError(
                f"{table.name}: {len(group)} tasks held out, {len(others)} without their classes to train on"
            )
        found.append((others, group))
    return found


def judge(
    table: Table, held_out: Sequence[str], make: Sequence[RapidNAS], reads: str = "auto", progress: Progress | None = None
) -> list[HeldOut]:
    """Train every model of ``make`` on each fold and judge it on the tasks held out."""
    known = experience(table, table.tasks, reads)
    results = []
    for turn, (others, group) in enumerate(parts := folds(table, held_out, known)):
        taught = [known[i] for i in others]
        judged = [_rivals(table, known[i], taught) for i in group]
        for model in make:
            if progress is not None:
                progress(f"fold {turn + 1} of {len(parts)}, loss {model.loss}: {len(taught)} tasks, {len(group)} held out")
            model.fit(taught)
            for one, i in zip(judged, group, strict=True):
                _predicted(table, one, known, i, model, taught)
        results += judged
    return results


def _rivals(table: Table, target: Experience, taught: Sequence[Experience]) -> HeldOut:
    ranks = source_ranks(table.space, target.genotypes, taught)
    seen = ~np.isnan(ranks)
    one = HeldOut(target.name, len(target.values), int(seen.sum()))
    classes = len(target.task.counts)
    params = table.space.live_params(target.genotypes, classes)
    _note(one, "source-ranking", -ranks, target.values, seen)
    if params is not None:
        _note(one, "live-params", params, target.values, seen)
    return one


def source_ranks(space: SearchSpace, genotypes: Genotypes, taught: Sequence[Experience]) -> FloatArray:
    """Mean rank on the training tasks that have it, 0 best, of genotypes (n, genes): (n,), NaN where none has."""
    keys = space.class_keys(genotypes)
    order = np.argsort(keys, kind="stable")
    sources = []
    for one in taught:
        theirs = space.class_keys(one.genotypes)
        place = order[np.minimum(np.searchsorted(keys[order], theirs), len(keys) - 1)]
        rows = np.where(keys[place] == theirs, place, -1)
        sources.append((rows[None], np.array(one.values)[None]))
    by_key = mean_source_rank(sources, (1, len(keys)))[0]
    first = {int(key): i for i, key in reversed(list(enumerate(keys)))}
    ranks: FloatArray = by_key[[first[int(key)] for key in keys]]
    return ranks


def _predicted(
    table: Table, one: HeldOut, known: Sequence[Experience], place: int, model: RapidNAS, taught: Sequence[Experience]
) -> None:
    target = known[place]
    seen = ~np.isnan(source_ranks(table.space, target.genotypes, taught))
    name = "rapidnas" if model.loss == "squared" else f"rapidnas-{model.loss}"
    _note(one, name, model.predict(target.task, target.genotypes), target.values, seen)
    strangers = [e for e in known if table.family(e.name) != table.family(target.name)]
    rng = np.random.default_rng([model.seed, place])
    wrong = [strangers[i] for i in rng.permutation(len(strangers))[:WRONG]]
    if wrong:
        of_wrong = [_taus(model.predict(w.task, target.genotypes), target.values, seen) for w in wrong]
        one.tau[f"{name}, wrong images"], one.common_tau[f"{name}, wrong images"] = np.mean(of_wrong, axis=0).tolist()
    one.generated = generated(model, target, taught)


def generated(model: RapidNAS, target: Experience, taught: Sequence[Experience], n: int = 200) -> dict[str, float]:
    """Shares of what the generator draws for a task, and the mean value of what of it was measured there."""
    space = model.space
    drawn = model.model.draw(target.task, n, np.random.default_rng(model.seed)).reshape(-1, len(space.genes))
    good = drawn[working(space, drawn)]
    keys = np.unique(space.class_keys(good)) if len(good) else np.empty(0, dtype=np.int64)
    seen = np.concatenate([space.class_keys(one.genotypes) for one in taught])
    measured = np.isin(space.class_keys(target.genotypes), keys)
    return {
        "valid": len(good) / len(drawn),
        "unique": len(keys) / max(len(good), 1),
        "novel": float((~np.isin(keys, seen)).mean()) if len(keys) else float("nan"),
        "measured": int(measured.sum()),
        "value": float(target.values[measured].mean()) if measured.any() else float("nan"),
        "mean of all": float(target.values.mean()),
    }


def _note(one: HeldOut, name: str, scores: FloatArray, truth: FloatArray, seen: Mask) -> None:
    one.tau[name], one.common_tau[name] = _taus(scores, truth, seen)


def _taus(scores: FloatArray, truth: FloatArray, seen: Mask) -> tuple[float, float]:
    return kendall(scores, truth), kendall(scores[seen], truth[seen])


def kendall(scores: FloatArray, truth: FloatArray) -> float:
    """Kendall's tau-b; 0 where all scores are equal, NaN where one is missing, or the truth says nothing."""
    from scipy.stats import kendalltau

    if len(truth) < 2 or np.isnan(scores).any() or np.ptp(truth) == 0:
        return float("nan")
    return float(kendalltau(scores, truth).statistic) if np.ptp(scores) > 0 else 0.0
