"""The figures of docs/supernets.md: every one-shot method, several seeds, each search in a process of its own.

``python docs/supernets_figures.py TABLE.h5 TASK OUT.jsonl [--epochs 10] [--seeds 3] [--batch 50]``: a line per search, seed
by seed; lines that are there already are not run again. ``python docs/supernets_figures.py --print OUT.jsonl`` prints the
table. The size of the networks and the number of training images are those of the table's recipe.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from warmnas.bench import Genotypes, open_benchmark, space
from warmnas.jsontext import plain
from warmnas.search.oneshot import make_method, methods, search_supernet
from warmnas.search.oneshot.run import settings_for
from warmnas.search.oneshot.truth import truth_of
from warmnas.search.oneshot.validation import validate

SPACE = "nasbench201"


def one(arguments: argparse.Namespace, method: str, seed: int) -> dict[str, Any]:
    """One search, validated."""
    import torch

    torch.set_num_threads(1)
    settings = settings_for(space(SPACE), arguments.epochs, seed, batch=arguments.batch)
    truth, settings = truth_of(arguments.table, arguments.task, space(SPACE), settings, 16)
    truth = replace(truth, recipe=None)  # to train what the table lacks costs more than a search
    found: dict[str, Any] = {}
    result = search_supernet(
        method, space(SPACE), truth.task, settings, after=lambda s, g: found.update(validate(s, g, truth))
    )
    kept = {key: found[key] for key in ("classes", "spearman", "tau", "rivals")}
    return {**result.row(), "seed": seed, **kept, **real_rank(result.genotype)}


def real_rank(genotype: Genotypes) -> dict[str, Any]:
    """Rank of a cell among all 15,625 of NAS-Bench-201 on CIFAR-10 (validation), and the share that is worse."""
    values = open_benchmark("nasbench201").values("cifar10-valid")
    table = open_benchmark("nasbench201")
    own = values[int(table.rows(genotype[None])[0])]
    return {"real": float(own), "real_rank": 1 + int((values > own).sum()), "real_worse": float((values < own).mean())}


def child(pipe: Any, arguments: argparse.Namespace, method: str, seed: int) -> None:
    """Send the result to the parent."""
    pipe.send(plain(one(arguments, method, seed)))


def run(arguments: argparse.Namespace) -> None:
    """Whatever is not in the file yet."""
    import torch  # noqa: F401 -- once, for all children

    open_benchmark("nasbench201").values("cifar10-valid")
    out = Path(arguments.out)
    done = {(row["method"], row["seed"]) for row in rows(out)} if out.exists() else set()
    context = multiprocessing.get_context("fork")
    for seed in range(arguments.seeds):
        for method in arguments.methods or [name for name in methods if make_method(name).space == SPACE]:
            if (method, seed) in done:
                continue
            receive, send = context.Pipe(duplex=False)
            process = context.Process(target=child, args=(send, arguments, method, seed))
            process.start()
            send.close()
            row = receive.recv()
            process.join()
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


def rows(path: Path) -> list[dict[str, Any]]:
    """Lines of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def show(path: Path) -> None:
    """The table of docs/supernets.md: means over seeds, and the first seed's cell."""
    every = rows(path)
    print(
        "| method | seeds | cell (seed 0) | skips | real % | real rank | worse | tau | Spearman | in supernet % | s | MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for method in dict.fromkeys(row["method"] for row in every):
        mine = [row for row in every if row["method"] == method]
        code = "".join(str(int(g)) for g in space(SPACE).from_string(mine[0]["cell"]))

        def mean(key: str, digits: int, of: list[dict[str, Any]] = mine) -> str:
            values = [row[key] for row in of if row[key] is not None]
            return f"{np.mean(values):.{digits}f}" if values else ""

        figures = [mean("skips", 1), mean("real", 1), mean("real_rank", 0), mean("real_worse", 2), mean("tau", 2)]
        figures += [mean("spearman", 2), mean("accuracy", 0), mean("seconds", 0), mean("peak_memory_mb", 0)]
        print(f"| `{method}` | {len(mine)} | `{code}` | {' | '.join(figures)} |")


def main() -> None:
    """See the module's head."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table", nargs="?")
    parser.add_argument("task", nargs="?")
    parser.add_argument("out", nargs="?")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--methods", nargs="*")
    parser.add_argument("--print", type=Path, dest="printed")
    arguments = parser.parse_args()
    if arguments.printed:
        show(arguments.printed)
    else:
        run(arguments)


if __name__ == "__main__":
    main()
