"""A study of curve models: their scores by observed fraction, on whole curves that were recorded.

    python -m warmnas.surrogates.curves.study --table images-v1 --task cifar10 --out scores.csv

Earlier builds are trainings on the table's tasks of other families. Networks that compute the same function as one of
those that are predicted are left out of them, unless ``--shared`` says otherwise; the curves of one call are the same for
all methods.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from ...bench import Table, UnknownName, WarmnasError, benchmarks, open_benchmark
from .model import CurveModel, curve_models
from .partial import Curves
from .scores import score
from .tables import table_curves

FRACTIONS = (0.1, 0.2, 0.4, 0.6, 0.8)


def curve_study(
    curves: Curves, models: dict[str, CurveModel], earlier: Curves | None, fractions: Sequence[float] = FRACTIONS
) -> pd.DataFrame:
    """Scores of models by observed fraction.

    Args:
        curves: whole ones, of which a part is shown.
        models: by the name that the result calls them.
        earlier: earlier builds that each is fitted on first.
        fractions: of a training's epochs that are shown; a fraction that shows all of them is left out.

    Returns:
        A row per model and fraction: ``method, fraction, epochs, curves``, the fields of
        :class:`~warmnas.surrogates.curves.scores.Scores`, and ``seconds`` per curve of processor time.
    """
    if not curves.complete.all():
        raise WarmnasError(f"curve {int(np.argmin(curves.complete))} does not go to the end; leave it out")
    rows = []
    for name, model in models.items():
        model.fit(earlier)
        for fraction in fractions:
            shown = curves.at_fraction(fraction)
            if shown.complete.any():
                continue
            start = time.process_time()
            final = model.final_values(shown)
            seconds = (time.process_time() - start) / len(curves)
            scores = score(final, model.rank_scores(shown), curves.values[:, -1])
            row = {"method": name, "fraction": fraction, "epochs": int(shown.seen[0]), "curves": len(curves)}
            rows.append(row | asdict(scores) | {"seconds": seconds})
    return pd.DataFrame(rows)


def split_by_class(
    table: Table, task: str, sources: Sequence[str], count: int, earlier: int, seed: int, shared: bool = False
) -> tuple[Curves, Curves]:
    """Curves of a task to predict, ``count`` at most, and ``earlier`` at most of the tasks ``sources``, for one schedule.

    Only whole curves are drawn; no function class of the first is in the second unless ``shared``.
    """
    rng = np.random.default_rng(seed)
    target, rows = table_curves(table, task)
    whole = np.flatnonzero(target.complete)
    drawn = rng.permutation(whole)[:count]
    if not len(drawn):
        raise WarmnasError(f"{table.name} has no training on {task} that goes to the end")
    keys = table.space.class_keys(table.genotypes)
    taken = np.unique(keys[rows[drawn]])
    parts = []
    for source in sources:
        other, other_rows = table_curves(table, source)
        fits = other.complete & (other.total == target.total) & (table.metrics[source] == table.metrics[task])
        if not shared:
            fits &= ~np.isin(keys[other_rows], taken)
        parts.append(other.rows(np.flatnonzero(fits)))
    together = joined([part for part in parts if len(part)])
    return target.rows(drawn), together.rows(rng.permutation(len(together))[:earlier])


def joined(parts: Sequence[Curves]) -> Curves:
    """Curves of several tasks of one metric and number of epochs as one."""
    if not parts:
        raise WarmnasError("no other task has whole curves of other functions; name more sources, or use --shared")
    first = parts[0]
    values = np.concatenate([part.values for part in parts])
    losses = [part.train_losses for part in parts if part.train_losses is not None]
    encodings = [part.encodings for part in parts if part.encodings is not None]
    return Curves(
        values,
        first.metric,
        encodings=np.concatenate(encodings) if len(encodings) == len(parts) else None,
        train_losses=np.concatenate(losses) if len(losses) == len(parts) else None,
        trusted=True,
    )


def study_table(
    table: Table,
    task: str,
    methods: Sequence[str],
    sources: Sequence[str] | None = None,
    count: int = 100,
    earlier: int = 200,
    seed: int = 0,
    shared: bool = False,
) -> pd.DataFrame:
    """:func:`curve_study` on a table's task; ``sources`` None are all tasks of other families."""
    table.resolve(task, "val")
    others = [t for t in table.tasks if table.family(t) != table.family(task)] if sources is None else list(sources)
    curves, before = split_by_class(table, task, others, count, earlier, seed, shared)
    return curve_study(curves, {name: curve_models[name]() for name in methods}, before).assign(task=task)


def open_table(name: str) -> Table:
    """A benchmark by name, or a table file."""
    if name in benchmarks:
        return open_benchmark(name)
    if not Path(name).is_file():
        raise UnknownName("benchmark", name, benchmarks, hint=" A table file would do, but there is none of that name.")
    return Table.open(name)


def main(arguments: list[str] | None = None) -> int:
    """The command at the head of this file; its exit code."""
    parser = argparse.ArgumentParser(description="Scores of learning-curve predictors by observed fraction.")
    parser.add_argument("--table", required=True, help="a benchmark's name or a table file, with epochs")
    parser.add_argument("--task", action="append", required=True, help="to predict; may be repeated")
    parser.add_argument(
        "--method", action="append", help="of the curve models; if none is named, all but domhan, which is slow"
    )
    parser.add_argument(
        "--source", action="append", help="task of earlier builds; if none is named, those of other families"
    )
    parser.add_argument("--curves", type=int, default=100, help="to predict, at most")
    parser.add_argument("--earlier", type=int, default=200, help="earlier builds, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shared", action="store_true", help="earlier builds may compute the same functions")
    parser.add_argument("--out", type=Path, required=True, help="CSV file of the scores")
    options = parser.parse_args(arguments)
    methods = options.method or [name for name in curve_models if name != "domhan"]
    try:
        table = open_table(options.table)
        given = (methods, options.source, options.curves, options.earlier, options.seed, options.shared)
        scores = pd.concat([study_table(table, task, *given) for task in options.task])
        scores.to_csv(options.out, index=False)
    except WarmnasError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(scores.round(3).to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
