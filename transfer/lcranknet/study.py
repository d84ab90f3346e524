"""Rank correlation by observed part of a training: LCRankNet, what is left of it without a part, and trivial rivals.

    python -m warmnas.transfer.lcranknet.study --table images-v1 --task all --out ranks.csv

Sources are the table's tasks of other families. The target's function classes are split into folds; the trainings of a
fold are ranked by networks that have seen none of its classes on any task. All of a fold are shown up to the same epoch.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ...bench import FloatArray, IntArray, SearchSpace, Table, WarmnasError
from ...metadata.quality import spearman
from ...surrogates.curves.study import open_table
from ...surrogates.curves.tables import table_curves
from .model import LCRankNet, TaskCurves

EPOCHS = (1, 2, 3, 5, 8, 10)
VARIANTS: dict[str, dict[str, bool]] = {
    "lcrank": {},
    "architecture alone": {"curve": False},
    "without architecture": {"architecture": False},
    "without reconstruction": {"reconstruction": False},
}


def rank_study(
    target: TaskCurves,
    sources: Mapping[str, TaskCurves],
    space: SearchSpace,
    epochs: Sequence[int] = EPOCHS,
    finished: int = 0,
    variants: Sequence[str] = tuple(VARIANTS),
    seed: int = 0,
    families: Mapping[str, str] | None = None,
    steps: int = 1000,
) -> pd.DataFrame:
    """Spearman's correlation of scores with final values.

    Args:
        target: genotypes (n, genes) and whole curves (n, epochs) in percent. The first ``finished`` are known to the end
            and not ranked; with two or more of them there is a row ``without sources``, which learns from them alone.
        sources: as :meth:`LCRankNet.fit` takes them; no class of the target should be in them.
        space: of the genotypes.
        epochs: shown of each training.
        finished: of the target's trainings.
        variants: of ``VARIANTS``.
        seed: of the networks.
        families: of the sources, as :meth:`LCRankNet.fit` takes them.
        steps: of the training on the sources.

    Returns:
        A row per method and number of epochs: ``method, epochs, finished, ranked, spearman``.
    """
    models = fit_variants(sources, space, variants, seed, families, steps)
    if finished > 1:
        models["without sources"] = LCRankNet(steps=steps).fit({}, space, seed)
    return ranked(models, target, epochs, finished)


def fit_variants(
    sources: Mapping[str, TaskCurves],
    space: SearchSpace,
    variants: Sequence[str] = tuple(VARIANTS),
    seed: int = 0,
    families: Mapping[str, str] | None = None,
    steps: int = 1000,
) -> dict[str, LCRankNet]:
    """LCRankNets that have learned from the sources, by variant; arguments as in :func:`rank_study`."""
    return {name: LCRankNet(steps=steps, **VARIANTS[name]).fit(sources, space, seed, families) for name in variants}


def ranked(models: Mapping[str, LCRankNet], target: TaskCurves, epochs: Sequence[int], finished: int) -> pd.DataFrame:
    """The rows of :func:`rank_study` for models that have learned from the sources."""
    genotypes, curves = target
    rest = slice(finished, None)
    rows = []
    for shown in epochs:
        partial = shown_until(curves, shown, finished)
        scores = {"last value": curves[rest, shown - 1]}
        for name, model in models.items():
            of_target = model.copy().adapt(genotypes, partial, np.arange(len(curves)) < finished)
            scores[name] = of_target.score(genotypes[rest], partial[rest])
        truth = curves[rest, -1]
        head = {"epochs": shown, "finished": finished, "ranked": len(truth)}
        rows += [{"method": name, **head, "spearman": spearman(each, truth)} for name, each in scores.items()]
    return pd.DataFrame(rows)


def shown_until(curves: FloatArray, epochs: int, finished: int) -> FloatArray:
    """The curves, all but the first ``finished`` of them seen up to some epoch."""
    partial = curves.copy()
    partial[finished:, epochs:] = np.nan
    return partial


def whole_curves(table: Table, task: str) -> TaskCurves:
    """A task's trainings that went to their end: genotypes and curves in percent."""
    curves, rows = table_curves(table, task)
    if table.metrics[task].unit != "percent" or table.metrics[task].sign < 0:
        raise WarmnasError(f"{table.name}: {task} is not measured as an accuracy in percent, which LCRankNet learns from")
    whole = curves.complete
    return table.genotypes[rows[whole]], curves.values[whole]


def without_classes(given: TaskCurves, space: SearchSpace, classes: IntArray) -> TaskCurves:
    """The trainings of architectures that compute none of these functions (class keys)."""
    kept = ~np.isin(space.class_keys(given[0]), classes)
    return given[0][kept], given[1][kept]


def table_study(
    table: Table,
    task: str,
    epochs: Sequence[int] = EPOCHS,
    folds: int = 3,
    finished: int = 0,
    variants: Sequence[str] = tuple(VARIANTS),
    seed: int = 0,
    steps: int = 1000,
) -> pd.DataFrame:
    """:func:`rank_study` on a table's task: means over folds of its function classes, sources of other families."""
    table.resolve(task, "val")
    others = [t for t in table.tasks if table.family(t) != table.family(task)]
    families = {t: table.family(t) for t in others}
    known = {t: whole_curves(table, t) for t in others}
    genotypes, curves = whole_curves(table, task)
    keys = table.space.class_keys(genotypes)
    classes = np.random.default_rng(seed).permutation(np.unique(keys))
    results = []
    for fold in range(folds):
        own = classes[fold::folds]
        rows = np.flatnonzero(np.isin(keys, own))
        if len(rows) < finished + 3:
            raise WarmnasError(f"{task}: a fold has {len(rows)} trainings, too few to rank; use fewer folds than {folds}")
        sources = {t: without_classes(given, table.space, own) for t, given in known.items()}
        target = (genotypes[rows], curves[rows])
        given = (epochs, finished, variants, seed, families, steps)
        results.append(rank_study(target, sources, table.space, *given).assign(fold=fold))
    together = pd.concat(results)
    mean = together.groupby(["method", "epochs", "finished"], sort=False)
    return mean.agg(ranked=("ranked", "sum"), spearman=("spearman", "mean")).reset_index().assign(task=task)


def main(arguments: list[str] | None = None) -> int:
    """The command at the head of this file; its exit code."""
    parser = argparse.ArgumentParser(description="Rank correlation of LCRankNet's scores by observed epochs.")
    parser.add_argument("--table", required=True, help="a benchmark's name or a table file, with epochs")
    parser.add_argument("--task", action="append", required=True, help="target; may be repeated; 'all' are all")
    parser.add_argument("--epochs", type=int, action="append", help="shown of each training; may be repeated")
    parser.add_argument("--folds", type=int, default=3, help="of the function classes")
    parser.add_argument("--finished", type=int, default=0, help="trainings of the target known to the end")
    parser.add_argument("--steps", type=int, default=1000, help="of the training on the sources")
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True, help="CSV file of the correlations")
    options = parser.parse_args(arguments)
    try:
        table = open_table(options.table)
        tasks = table.tasks if options.task == ["all"] else options.task
        given = (options.epochs or EPOCHS, options.folds, options.finished, tuple(VARIANTS), options.seed, options.steps)
        scores = pd.concat([table_study(table, task, *given) for task in tasks])
        scores.to_csv(options.out, index=False)
    except WarmnasError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(scores.pivot_table("spearman", "method", "epochs", sort=False).round(3).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main())
