"""The table of docs/supernets.md: every one-shot method, several seeds, each search in a process of its own.

``python docs/supernets_figures.py OUT.jsonl [--minutes 12]`` runs what is not in the file yet, seed by seed, and ends after
so many minutes; run it again until it says that nothing is left. ``--print OUT.jsonl`` prints the tables. When the searches
of a seed are done, their cells that ``images-v1`` has not are trained with its recipe, three seeds; ranks are among the
cells that ``images-v1`` has when the tables are printed. The constants below were chosen by time, after
a few discarded runs on CIFAR-10, and before any result on the digits was looked at.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from warmnas.bench import FloatArray, open_benchmark, space
from warmnas.jsontext import plain
from warmnas.search.oneshot import make_method, methods, search_supernet
from warmnas.search.oneshot.run import settings_for
from warmnas.search.oneshot.truth import truth_of
from warmnas.search.oneshot.validation import validate

Work = tuple[Callable[..., dict[str, Any]], tuple[Any, ...]]  # a function and its arguments
SPACE, TABLE, TASK = "nasbench201", "images-v1", "digits[val=70]"
EPOCHS, BATCH = 20, 32
SEEDS = range(1000, 1003)  # of every method
LONGER = range(1000, 1010)  # of those below
TEN = ("darts", "gdas", "enas", "rsps", "darts-pt", "drnas", "nao-ws")


def one(method: str, seed: int) -> dict[str, Any]:
    """One search and what its ranking is worth."""
    of = space(make_method(method).space)
    settings = settings_for(of, EPOCHS, seed, batch=BATCH)
    truth, small = truth_of(TABLE, TASK, space(SPACE), settings, 16)
    started = time.process_time()
    result = search_supernet(method, of, truth.task, small if of.name == SPACE else settings)
    found: dict[str, Any] = {"processor_seconds": time.process_time() - started}
    if of.name == SPACE:
        checked = validate(result.search, result.genotype, replace(truth, recipe=None))
        found |= {key: checked[key] for key in ("classes", "spearman", "tau")}
    return {**result.row(), "seed": seed, "space": of.name, **found}


def true_accuracy(cell: str) -> dict[str, Any]:
    """What a cell reaches alone."""
    of = space(SPACE)
    truth, _ = truth_of(TABLE, TASK, of, settings_for(of, 1, 0), 16)
    return {"trained": cell, "value": truth.value(of.from_string(cell))}


def child(pipe: Any, work: Callable[..., dict[str, Any]], arguments: tuple[Any, ...]) -> None:
    """Send the result to the parent."""
    import torch

    torch.set_num_threads(1)
    pipe.send(plain(work(*arguments)))


def left(done: list[dict[str, Any]]) -> list[Work]:
    """What is still to do: all methods of a seed, their cells alone, the next seed; then the longer rows."""
    searched = {(row["method"], row["seed"]): row for row in done if "method" in row}
    trained = {row["trained"] for row in done if "trained" in row}
    found: list[Work] = []
    for seed in LONGER:
        names = list(methods) if seed in SEEDS else list(TEN)
        found += [(one, (name, seed)) for name in names if (name, seed) not in searched]
        rows = [searched[name, seed] for name in names if (name, seed) in searched]
        cells = dict.fromkeys(row["cell"] for row in rows if row["space"] == SPACE)
        found += [(true_accuracy, (cell,)) for cell in cells if cell not in trained]
    return found


def run(out: Path, minutes: float, left: Callable[[list[dict[str, Any]]], list[Work]]) -> None:
    """Whatever is not in the file yet: ``left`` says what that is, given the file's lines."""
    import torch  # noqa: F401 -- once, for all children

    started, context = time.monotonic(), multiprocessing.get_context("fork")
    while (todo := left(rows(out) if out.exists() else [])) and time.monotonic() - started < 60 * minutes:
        receive, send = context.Pipe(duplex=False)
        process = context.Process(target=child, args=(send, *todo[0]))
        process.start()
        send.close()
        row = receive.recv()
        process.join()
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    print(f"{len(todo)} left")


def rows(path: Path) -> list[dict[str, Any]]:
    """Lines of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def placed(row: dict[str, Any], known: FloatArray, alone: dict[str, float]) -> dict[str, Any]:
    """A row with its cell's accuracy alone, the rank of that among known ones, and the share that is worse (ties half).

    None where the cell was not trained yet.
    """
    real = open_benchmark("nasbench201")
    values = real.values("cifar10-valid")
    there = values[int(real.rows(space(SPACE).from_string(row["cell"])[None])[0])]
    row = {**row, "alone": None, "rank": None, "worse": None, "real_rank": 1 + int((values > there).sum())}
    if (own := alone.get(row["cell"])) is None:
        return row
    worse = float((known < own).mean() + (known == own).mean() / 2)
    return {**row, "alone": own, "rank": 1 + int((known > own).sum()), "worse": worse}


def show(path: Path) -> None:
    """Both tables: means over seeds, and every seed's cell; p(better than random) of the methods with most seeds."""
    table = open_benchmark(TABLE)
    known = table.values(TASK, table.candidates(TASK).table_rows)
    print(f"{len(known)} cells of {TABLE}, {known.min():.1f} to {known.max():.1f} %, mean {known.mean():.1f}\n")
    alone = {row["trained"]: row["value"] for row in rows(path) if "trained" in row}
    every = [placed(row, known, alone) for row in rows(path) if row.get("space") == SPACE]
    print("| method | cells, by seed | skips | true % | rank | p | CIFAR-10 rank | tau | in supernet % | s | MB |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for method in methods:
        mine = [row for row in every if row["method"] == method and row["seed"] in SEEDS]
        if not mine:
            continue
        codes = " ".join(f"`{''.join(str(int(g)) for g in space(SPACE).from_string(row['cell']))}`" for row in mine)
        keys = [("skips", 1), ("alone", 1), ("rank", 0), ("worse", 2), ("real_rank", 0), ("tau", 2), ("accuracy", 0)]
        keys += [("processor_seconds", 0), ("peak_memory_mb", 0)]
        print(f"| `{method}` | {codes} | {' | '.join(mean(mine, *key) for key in keys)} |")
    print("\n| method | searches | p(better than random) | standard error | true % |\n|---|---|---|---|---|")
    for method in TEN:
        mine = [row for row in every if row["method"] == method]
        worse = np.array([row["worse"] for row in mine if row["worse"] is not None])
        if len(worse) > len(SEEDS):
            error = worse.std(ddof=1) / np.sqrt(len(worse))
            print(f"| `{method}` | {len(mine)} | {worse.mean():.2f} | {error:.2f} | {mean(mine, 'alone', 1)} |")
    print(f"\nprocessor minutes of searching: {sum(row.get('processor_seconds', 0) for row in rows(path)) / 60:.0f}")


def mean(found: list[dict[str, Any]], key: str, digits: int) -> str:
    """Of what is there."""
    values = [row[key] for row in found if row.get(key) is not None]
    return f"{np.mean(values):.{digits}f}" if values else ""


def main(left: Callable[[list[dict[str, Any]]], list[Work]], show: Callable[[Path], None]) -> None:
    """Run what is ``left``, or ``show`` what there is."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--print", type=Path, dest="printed")
    arguments = parser.parse_args()
    if arguments.printed:
        show(arguments.printed)
    else:
        run(arguments.out, arguments.minutes, left)


if __name__ == "__main__":
    main(left, show)
