"""The leaderboard: an entry per protocol and optimizer, the page made from them, and the check that runs an entry again.

    python docs/leaderboard.py enter runs/mine/summary.json ...       # leaderboard/PROTOCOL--OPTIMIZER.json
    python docs/leaderboard.py page                                   # docs/leaderboard.md
    python docs/leaderboard.py check [leaderboard/NAME.json ...] [--task T ...]    # all entries where none is named

An entry names all that its figures depend on: benchmark and hash of its table, tasks, what is observed, sources,
budget, runs, seed and versions. ``check`` refuses a table with another hash, runs the optimizer under that protocol,
and compares the mean regret at every budget: equal to a millionth of a point, or, where libraries have other versions
than then, within three standard errors.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER, PAGE = ROOT / "leaderboard", ROOT / "docs" / "leaderboard.md"
SHOWN = ("1", "5", "10", "20", "50", "60", "100")
DIGITS = 9
EXACT = 1e-6  # percentage points: rounding of sums
DEVIATIONS = 3.0
Row = dict[str, Any]
KEPT = (
    "regret",
    "regret_sem",
    "test_accuracy",
    "evaluations_to_near",
    "simulated_seconds",
    "overhead_seconds",
    "deterministic",
)
SETTINGS = ("tasks", "observe", "schedule", "sources", "source_rows", "leave_out", "budget", "runs", "seed")


def entries(summary: Row) -> list[Row]:
    """An entry per benchmark and optimizer of a study's ``summary.json``.

    Raises:
        ValueError: where the study is of several benchmarks, or under a limit that an entry does not name.
    """
    settings, tables = summary["settings"], summary["tables"]
    unnamed = [key for key in ("seconds", "stopper", "objectives") if settings.get(key) is not None]
    if len(tables) != 1 or unnamed:
        raise ValueError(f"an entry is of one benchmark and a plain budget, not {list(tables)} {unnamed}")
    (benchmark, table), (leave_out,) = next(iter(tables.items())), settings["leave_out"].values()
    tasks = list(dict.fromkeys(row["task"] for row in summary["rows"]))
    protocol = {"name": f"{benchmark}-{settings['budget']}x{settings['runs']}", "benchmark": benchmark, "table": table}
    protocol |= {key: settings[key] for key in SETTINGS} | {"tasks": tasks, "leave_out": leave_out}
    protocol["version"] = summary["versions"]["warmnas"]
    return [
        {
            "optimizer": optimizer,
            "protocol": protocol,
            "protocol_hash": summary["protocol"],
            "command": summary["command"],
            "versions": summary["versions"],
            "tasks": {r["task"]: _kept(r) for r in summary["rows"] if r["optimizer"] == optimizer},
        }
        for optimizer in settings["optimizers"]
    ]


def _kept(row: Row) -> Row:
    def short(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: short(one) for key, one in value.items()}
        return round(value, DIGITS) if isinstance(value, float) else value

    return {key: short(row[key]) for key in KEPT}


def read(paths: Iterable[Path] | None = None) -> list[Row]:
    """Entries of these files, or of all in the order of their names."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in (paths or sorted(FOLDER.glob("*.json")))]


def file_of(entry: Row) -> Path:
    """Where an entry belongs."""
    return FOLDER / f"{entry['protocol']['name']}--{entry['optimizer'].replace(':', '-')}.json"


def mean_regret(entry: Row, budget: str) -> float:
    """Mean over tasks, each counted once."""
    values = [float(task["regret"][budget]) for task in entry["tasks"].values()]
    return sum(values) / len(values)


def page(found: Sequence[Row]) -> str:
    """The page: a table per protocol, best last regret first."""
    parts = [HEAD]
    ordered = sorted(found, key=lambda entry: entry["protocol"]["name"])
    for name, members in groupby(ordered, key=lambda entry: entry["protocol"]["name"]):
        group = list(members)
        parts.append(_table(name, group))
    return "\n".join(parts)


def _table(name: str, group: Sequence[Row]) -> str:
    protocol, last = group[0]["protocol"], str(group[0]["protocol"]["budget"])
    budgets = [b for b in SHOWN if int(b) < int(last) and b in next(iter(group[0]["tasks"].values()))["regret"]] + [last]
    group = sorted(group, key=lambda entry: mean_regret(entry, last))
    rows = [f"| `{e['optimizer']}` | " + " | ".join(_figure(e, b) for b in budgets) + f" | {_overhead(e)} |" for e in group]
    head = ["| optimizer | " + " | ".join(budgets) + " | overhead (s) |", "|---" * (len(budgets) + 2) + "|"]
    table = ["", f"## {name}", "", _about(protocol), "", *head, *rows, "", *_by_task(group, last), ""]
    return "\n".join(table)


def _about(protocol: Row) -> str:
    sources = f"{protocol['source_rows'] or 'all'} rows of every source" if protocol["sources"] != "none" else "no sources"
    fidelity = "the longest schedule" if protocol["schedule"] is None else f"schedule {protocol['schedule']}"
    return (
        f"`{protocol['benchmark']}` (table `{protocol['table'][:12]}`), {', '.join(protocol['tasks'])}; "
        f"{protocol['budget']} evaluations of {fidelity}, observed by {protocol['observe']}; {protocol['runs']} runs "
        f"from seed {protocol['seed']}; {sources}, the target's {protocol['leave_out']} left out; warmnas "
        f"{protocol['version']}. Mean regret over tasks in percentage points after so many evaluations, "
        "± standard error over runs."
    )


def _figure(entry: Row, budget: str) -> str:
    sems = [task["regret_sem"][budget] or 0.0 for task in entry["tasks"].values()]
    error = sum(sem**2 for sem in sems) ** 0.5 / len(sems)
    fixed = all(task["deterministic"] for task in entry["tasks"].values())
    return f"{mean_regret(entry, budget):.3f}" + ("" if fixed else f" ± {error:.3f}")


def _overhead(entry: Row) -> str:
    values = [task["overhead_seconds"] for task in entry["tasks"].values()]
    return f"{sum(values) / len(values):.3f}"


def _by_task(group: Sequence[Row], last: str) -> list[str]:
    tasks = list(group[0]["protocol"]["tasks"])
    lines = [
        f"Task by task after {last}:",
        "",
        "| optimizer | " + " | ".join(tasks) + " |",
        "|---" * (len(tasks) + 1) + "|",
    ]
    for entry in group:
        lines.append(
            f"| `{entry['optimizer']}` | " + " | ".join(f"{entry['tasks'][t]['regret'][last]:.3f}" for t in tasks) + " |"
        )
    return lines


def check(entry: Row, tasks: Sequence[str] = ()) -> list[str]:
    """Run an entry again, on these tasks or on all of its own; what differs, in a line each.

    Runs do not depend on the other tasks, so a part of an entry can be checked alone.
    """
    from warmnas.bench import open_benchmark
    from warmnas.search import Protocol, study
    from warmnas.search.records import versions

    protocol, here = entry["protocol"], versions()
    table = open_benchmark(protocol["benchmark"])
    if table.hash != protocol["table"]:
        return [f"{protocol['benchmark']} has other content here: {table.hash}, not {protocol['table']}"]
    chosen = tuple(task for task in protocol["tasks"] if not tasks or task in tasks)
    named = {key: protocol[key] for key in SETTINGS if key != "tasks"}
    result = study([table], [entry["optimizer"]], Protocol(chosen, **named))
    deviations = 0.0 if all(here.get(name) == then for name, then in entry["versions"].items()) else DEVIATIONS
    differ = []
    for outcome in result.outcomes:
        differ += _differences(outcome.task, entry["tasks"][outcome.task], outcome.row(), deviations)
    return differ


def _differences(task: str, known: Row, row: Row, deviations: float) -> list[str]:
    found = []
    for budget, regret in known["regret"].items():
        apart, error = abs(row["regret"][budget] - regret), known["regret_sem"][budget] or 0.0
        if apart > max(EXACT, deviations * error * 2**0.5):
            found.append(f"{task} after {budget}: {row['regret'][budget]:.6f}, entered {regret:.6f}")
    return found


HEAD = """# Leaderboard

What stands in the folder `leaderboard/`: one JSON per protocol and optimizer, made from the `summary.json` of a real study.
Protocols are never mixed: an optimizer that was run another way, or on a table with another hash, is in a table of its own.
Seeds begin at 1000, on which nothing was developed.

```
warmnas study --benchmark B --task T ... --optimizer NAME --budget N --runs R --seed 1000 --out runs/mine
python docs/leaderboard.py enter runs/mine/summary.json    # your entry
python docs/leaderboard.py page                            # this page
python docs/leaderboard.py check leaderboard/NAME.json     # runs an entry again by its protocol
```

The check refuses a table with another hash, and compares mean regrets: equal to a millionth of a point, or within three
standard errors of the difference where libraries have other versions and round otherwise. An entry that does not repeat
is to be taken out.
"""


def main(words: Sequence[str] | None = None) -> int:
    """The three commands; 1 where an entry does not repeat."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["enter", "page", "check"])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--task", nargs="*", default=[])
    given = parser.parse_args(words)
    if given.what == "page":
        PAGE.write_text(page(read()), encoding="utf-8")
        return 0
    if given.what == "enter":
        FOLDER.mkdir(exist_ok=True)
        for entry in (e for summary in read(given.files) for e in entries(summary)):
            file_of(entry).write_text(json.dumps(entry, indent=1) + "\n", encoding="utf-8")
        return 0
    failed = 0
    for entry in read(given.files or None):
        differ = check(entry, given.task)
        failed += bool(differ)
        print(file_of(entry).name, "repeats" if not differ else "; ".join(differ), flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
