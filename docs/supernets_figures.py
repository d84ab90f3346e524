"""The table of docs/supernets.md: every one-shot method, several seeds, each search in a process of its own.

``python docs/supernets_figures.py OUT.jsonl [--minutes 12]`` runs what is not in the file yet, seed by seed, and ends after
so many minutes; run it again until it says that nothing is left. ``--print OUT.jsonl`` prints the tables. Truths are looked
up then, so that a longer ``images-v1`` tells more of cells that were found before. The constants below were fixed before
any result was looked at.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from warmnas.bench import Table, open_benchmark, space
from warmnas.jsontext import plain
from warmnas.search.oneshot import make_method, methods, search_supernet
from warmnas.search.oneshot.run import settings_for
from warmnas.search.oneshot.truth import truth_of
from warmnas.search.oneshot.validation import validate

SPACE, TABLE, TASK = "nasbench201", "images-v1", "cifar10[eval=1000]"
EPOCHS, BATCH = 3, 32
SEEDS = range(1000, 1003)  # of every method
LONGER = range(1000, 1010)  # of those below
TEN = ("darts", "gdas", "enas", "rsps", "darts-pt", "drnas", "nao-ws")


def one(method: str, seed: int) -> dict[str, Any]:
    """One search; of the first seeds the supernet's ranking too."""
    import torch

    torch.set_num_threads(1)
    of = space(make_method(method).space)
    settings = settings_for(of, EPOCHS, seed, batch=BATCH)
    truth, small = truth_of(TABLE, TASK, space(SPACE), settings, 16)
    truth = replace(truth, recipe=None)  # to train what the table lacks costs more than a search
    ranked, found = of.name == SPACE and seed in SEEDS, {}
    result = search_supernet(
        method,
        of,
        truth.task,
        small if of.name == SPACE else settings,
        after=(lambda s, g: found.update(validate(s, g, truth))) if ranked else None,
    )
    kept = {key: found.get(key) for key in ("classes", "spearman", "tau")}
    return {**result.row(), "seed": seed, "space": of.name, "processor_seconds": time.process_time(), **kept}


def child(pipe: Any, method: str, seed: int) -> None:
    """Send the result to the parent."""
    pipe.send(plain(one(method, seed)))


def wanted() -> list[tuple[str, int]]:
    """Searches in their order: all methods of a seed, then the longer rows."""
    return list(dict.fromkeys([*((m, s) for s in SEEDS for m in methods), *((m, s) for s in LONGER for m in TEN)]))


def run(out: Path, minutes: float) -> None:
    """Whatever is not in the file yet."""
    import torch  # noqa: F401 -- once, for all children

    started, context = time.monotonic(), multiprocessing.get_context("fork")
    done = {(row["method"], row["seed"]) for row in rows(out)} if out.exists() else set()
    left = [each for each in wanted() if each not in done]
    for method, seed in list(left):
        if time.monotonic() - started > 60 * minutes:
            break
        receive, send = context.Pipe(duplex=False)
        process = context.Process(target=child, args=(send, method, seed))
        process.start()
        send.close()
        row = receive.recv()
        process.join()
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        left.remove((method, seed))
    print(f"{len(left)} searches left")


def rows(path: Path) -> list[dict[str, Any]]:
    """Lines of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Place:
    """Where a cell stands among a table's candidates on a task."""

    def __init__(self, table: Table, task: str) -> None:
        self.table, self.values = table, table.values(task, table.candidates(task).table_rows)
        self._row_values = table.values(task)

    def of(self, cell: str) -> dict[str, float] | None:
        """Value in percent, rank from 1, share of candidates that are worse (ties half); None for a cell without value."""
        row = int(self.table.rows(self.table.space.from_string(cell)[None])[0])
        if row < 0 or not np.isfinite(own := float(self._row_values[row])):
            return None
        better, equal = int((self.values > own).sum()), int((self.values == own).sum())
        return {"value": own, "rank": 1 + better, "worse": 1 - (better + equal / 2) / len(self.values)}


def show(path: Path) -> None:
    """Both tables: means over seeds, and the first seed's cell; p(better than random) of the methods with most seeds."""
    real, small = Place(open_benchmark("nasbench201"), "cifar10-valid"), Place(open_benchmark(TABLE), TASK)
    every = [row for row in rows(path) if row["space"] == SPACE]
    print("| method | cells, by seed | skips | true % | true rank | p | tau | in supernet % | s | MB |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for method in sorted({row["method"] for row in every}):
        mine = [row for row in every if row["method"] == method and row["seed"] in SEEDS]
        places = [place for row in mine if (place := real.of(row["cell"])) is not None]
        codes = " ".join(code(row["cell"], small) for row in mine)
        figures = [mean(mine, "skips", 1), mean(places, "value", 1), mean(places, "rank", 0), mean(places, "worse", 2)]
        figures += [mean(mine, "tau", 2), mean(mine, "accuracy", 0)]
        figures += [mean(mine, "processor_seconds", 0), mean(mine, "peak_memory_mb", 0)]
        print(f"| `{method}` | {codes} | {' | '.join(figures)} |")
    print(
        "\n| method | searches | p(better than random) | standard error | true % | most skips |\n|---|---|---|---|---|---|"
    )
    for method in TEN:
        mine = [row for row in every if row["method"] == method]
        places = [place for row in mine if (place := real.of(row["cell"])) is not None]
        worse = np.array([place["worse"] for place in places])
        error = worse.std(ddof=1) / np.sqrt(len(worse)) if len(worse) > 1 else float("nan")
        skips = max((row["skips"] for row in mine), default=0)
        print(f"| `{method}` | {len(mine)} | {worse.mean():.2f} | {error:.2f} | {mean(places, 'value', 1)} | {skips} |")
    print(f"\nprocessor minutes in all: {sum(row['processor_seconds'] for row in rows(path)) / 60:.0f}")


def code(cell: str, small: Place) -> str:
    """A cell's six digits, with its value and rank in the small table where it stands there."""
    digits = "".join(str(int(g)) for g in space(SPACE).from_string(cell))
    place = small.of(cell)
    return f"`{digits}`" if place is None else f"`{digits}` ({place['value']:.1f}, rank {place['rank']})"


def mean(found: list[dict[str, Any]], key: str, digits: int) -> str:
    """Of what is there."""
    values = [row[key] for row in found if row[key] is not None]
    return f"{np.mean(values):.{digits}f}" if values else ""


def main() -> None:
    """See the module's head."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--print", type=Path, dest="printed")
    arguments = parser.parse_args()
    if arguments.printed:
        show(arguments.printed)
    else:
        run(arguments.out, arguments.minutes)


if __name__ == "__main__":
    main()
