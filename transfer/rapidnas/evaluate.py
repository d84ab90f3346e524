r"""Judge RapidNAS on held-out classes and print the means over tasks.

    python -m warmnas.transfer.rapidnas.evaluate --table subsets-v1 --held-out 'part=5,' '^cifar10\[' --out figures.json
    python -m warmnas.transfer.rapidnas.evaluate --table images-v1 --held-out family

A pattern holds out the tasks whose names it is found in; whatever shares a class with one of them is not trained on.
``family`` holds out each family in turn. What is measured and against what: ``held_out.py``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ...bench import WarmnasError, open_benchmark
from .held_out import HeldOut, judge
from .model import RapidNAS
from .train import arguments

RESAMPLES = 2000


def summary(results: Sequence[HeldOut]) -> dict[str, Any]:
    """Means over tasks with 95 % intervals of a bootstrap over tasks, of tau over all and over common cells."""
    methods = list(dict.fromkeys(name for one in results for name in one.tau))
    rows = {}
    for name in methods:
        rows[name] = {
            "all": interval([one.tau.get(name, float("nan")) for one in results]),
            "common": interval([one.common_tau.get(name, float("nan")) for one in results]),
        }
    generated = {}
    for key in dict.fromkeys(key for one in results for key in one.generated):
        values = [one.generated[key] for one in results if not np.isnan(one.generated[key])]
        generated[key] = float(np.mean(values)) if values else None
    return {"tasks": len(results), "tau": rows, "generated": generated}


def interval(values: Sequence[float]) -> dict[str, float | int | None]:
    """Mean, ends of the interval and number of tasks that have a value."""
    there = np.array([value for value in values if not np.isnan(value)])
    if not len(there):
        return {"mean": None, "low": None, "high": None, "tasks": 0}
    rng = np.random.default_rng(0)
    means = there[rng.integers(len(there), size=(RESAMPLES, len(there)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"mean": float(there.mean()), "low": float(low), "high": float(high), "tasks": len(there)}


def printed(content: dict[str, Any]) -> str:
    """The summary as lines."""
    lines = [f"Kendall's tau within {content['tasks']} held-out tasks, mean [95 %]", f"{'':28}{'all cells':26}common cells"]
    for name, row in content["tau"].items():
        lines.append(f"{name:28}{_text(row['all']):26}{_text(row['common'])}")
    shares = ", ".join(f"{key} {value:.3g}" for key, value in content["generated"].items() if value is not None)
    return "\n".join([*lines, f"generator: {shares}"])


def _text(one: dict[str, Any]) -> str:
    return "-" if one["mean"] is None else f"{one['mean']:.3f} [{one['low']:.3f}, {one['high']:.3f}] {one['tasks']}"


def main(words: list[str] | None = None) -> int:
    """Exit code 2 and one line where the arguments or the input are wrong."""
    parser = arguments()
    parser.description = "Judge RapidNAS (MetaD2A) on tasks of held-out classes."
    parser.add_argument("--held-out", nargs="+", default=["family"], help="family, or patterns of names of tasks")
    parser.add_argument("--loss", nargs="+", default=["squared", "rank"])
    parser.add_argument("--out", type=Path, help="file for the figures as JSON")
    options = parser.parse_args(words)
    try:
        if len(options.table) > 1:
            raise WarmnasError("one --table is judged at a time")
        table = open_benchmark(options.table[0])
        make = [RapidNAS(table.space, options.seed, options.members, options.steps, loss) for loss in options.loss]
        results = judge(table, options.held_out, make, options.reads, lambda line: print(line, file=sys.stderr, flush=True))
    except WarmnasError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    content = summary(results)
    if options.out is not None:
        whole = {**content, "table": table.name, "hash": table.hash, "each": [asdict(one) for one in results]}
        options.out.write_text(json.dumps(whole, indent=1), encoding="utf-8")
    print(printed(content))
    return 0


if __name__ == "__main__":
    sys.exit(main())
