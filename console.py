"""What the command line says: tables, the progress bar, one line per error. Results go to stdout, the rest to stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from .wording import duration, one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

SHOWN = (1, 5, 10, 50, 100, 500, 1000)  # budgets of the printed table; summary.json has more
REFRESH = 0.2  # seconds between drawings of the progress bar
WIDTH = 130  # where the output is not a terminal


def complain(text: object) -> None:
    """One line on stderr."""
    print(f"warmnas: {one_line(text)}", file=sys.stderr)


def stdout() -> Console:
    """Where results are printed."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=WIDTH)


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    label = TextColumn("{task.description}", markup=False)
    columns = (label, BarColumn(), TextColumn("{task.percentage:3.0f} %"), TimeElapsedColumn(), TimeRemainingColumn())
    # No thread that draws: a study forks its processes, and a fork beside a thread may never end.
    return Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)


@contextmanager
def generation_bar() -> Iterator[Callable[[int, int, Mapping[str, int]], None] | None]:
    """Epochs of a generation on stderr, and how long the rest will take; None where stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with _progress() as bar:
        line = bar.add_task("", total=None)

        def show(done: int, total: int, trials: Mapping[str, int]) -> None:
            failed = f", {trials['failed']} failed" if trials["failed"] else ""
            label = f"{trials['done']} of {sum(trials.values()) - trials['epochs']} trials{failed}"
            bar.update(line, completed=done, total=total, description=label, refresh=True)

        yield show


@contextmanager
def progress_bar(total: int | None) -> Iterator[Callable[[str, str, int], None] | None]:
    """Counts evaluations on stderr and says how long it will take, where their number is known beforehand.

    None where stderr is not a terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    drawn = 0.0
    with _progress() as bar:
        line = bar.add_task("", total=total)

        def advance(task: str, optimizer: str, done: int) -> None:
            nonlocal drawn
            now = time.monotonic()
            bar.update(line, advance=done, description=f"{task} {optimizer}", refresh=now - drawn > REFRESH)
            drawn = now if now - drawn > REFRESH else drawn

        yield advance


class Counted(Protocol):
    """Told how many of how many are done, and perhaps what about."""

    def __call__(self, done: int, total: int, text: str = "", /) -> None:
        """A part is done."""


@contextmanager
def counting_bar(what: str = "") -> Iterator[Counted | None]:
    """So many of so many on stderr, and how long the rest will take; None where stderr is not a terminal.

    Args:
        what: is done, until more is said. A text that comes before the first one is done stays above the bar.
    """
    if not sys.stderr.isatty():
        yield None
        return
    shown, drawn = what, 0.0
    with _progress() as bar:
        line = bar.add_task(what, total=None)

        def show(done: int, total: int, text: str = "") -> None:
            nonlocal shown, drawn
            if text and not done:
                bar.console.print(text, highlight=False, markup=False)
            shown, now = text if text and done else shown, time.monotonic()
            draw = now - drawn > REFRESH or not done or done == total
            bar.update(line, completed=done, total=total, description=shown, refresh=draw)
            drawn = now if draw else drawn

        yield show


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Says on a terminal that work goes on, and for how long it has, where its parts cannot be counted beforehand.

    It draws from a thread, so nothing inside may fork.
    """
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task(what, total=None)
        yield


def grid(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> None:
    """Print a table on stdout; the first ``left`` columns are text, the others are numbers."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i < left else "right", overflow="fold", no_wrap=i == 0)
    for row in rows:
        table.add_row(*row)
    console = stdout()
    console.print(title, style="bold", soft_wrap=True)
    console.print(table)


def facts(title: str, pairs: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one pair a line, however long it is."""
    width = max(len(name) for name, _ in pairs)
    console = stdout()
    console.print(title, style="bold", soft_wrap=True)
    for name, value in pairs:
        console.print(f"{name:<{width}}  {value}", soft_wrap=True)


def print_study(content: Mapping[str, Any]) -> None:
    """One table per task, best final regret first; a deterministic optimizer has no standard error."""
    verdict = {(row["task"], row["optimizer"]): row for row in content["statistics"]["within_task"]}
    for task in dict.fromkeys(row["task"] for row in content["rows"]):
        rows = sorted((r for r in content["rows"] if r["task"] == task), key=lambda r: r["regret"][str(r["budget"])])
        budget = rows[0]["budget"]
        by_time = "seconds" in rows[0]
        key = "regret_by_seconds" if by_time else "regret"
        shown = list(rows[0][key]) if by_time else [str(b) for b in SHOWN if 1.5 * b <= budget] + [str(budget)]
        with_test = any(row["test_accuracy"] is not None for row in rows)
        unit = "simulated seconds" if by_time else "evaluations"
        title = f"{task}: regret in {rows[0]['metric']} after n {unit}, mean ± standard error of {rows[0]['runs']} runs"
        columns = ["optimizer", *shown, *(["test"] if with_test else []), f"at {shown[-1]}"]
        grid(title, columns, [_line(row, key, shown, with_test, verdict[task, row["optimizer"]]) for row in rows])
    if "hypervolume" in content["statistics"]:
        _print_volumes(content)
    for entry in content["statistics"]["ranks"]:
        whose = entry["benchmark"] or "all benchmarks"
        title = (
            f"Average rank over {entry['tasks']} tasks of {whose}; critical difference {entry['critical_difference']:.2f}"
        )
        ranks = sorted(entry["rank"].items(), key=lambda pair: pair[1])
        grid(title, ["optimizer", "rank"], [[name, f"{rank:.2f}"] for name, rank in ranks])


def _print_volumes(content: Mapping[str, Any]) -> None:
    """A table per task: hypervolume in percent of that of the task's own front, the highest first."""
    verdict = {(row["task"], row["optimizer"]): row for row in content["statistics"]["hypervolume"]["within_task"]}
    for task in dict.fromkeys(row["task"] for row in content["rows"]):
        rows = [row for row in content["rows"] if row["task"] == task]
        last = list(rows[0]["hypervolume"])[-1]
        rows.sort(key=lambda row: -row["hypervolume"][last])
        shown = [b for b in rows[0]["hypervolume"] if float(b) in SHOWN and 1.5 * float(b) <= float(last)] + [last]
        title = (
            f"{task}: hypervolume of {' and '.join(rows[0]['objectives'])} in percent of the best, mean ± standard error"
        )
        lines = []
        for row in rows:
            errors = dict.fromkeys(shown) if row["deterministic"] else row["hypervolume_sem"]
            cells = [_mean(100 * row["hypervolume"][b], None if (e := errors[b]) is None else 100 * e) for b in shown]
            found = verdict[task, row["optimizer"]]
            lines.append([row["optimizer"], *cells, "best" if found["best"] else "tied" if found["tied"] else ""])
        grid(title, ["optimizer", *shown, f"at {last}"], lines)


def _line(row: Mapping[str, Any], key: str, shown: Sequence[str], with_test: bool, verdict: Mapping[str, Any]) -> list[str]:
    cells = [_mean(row[key][b], None if row["deterministic"] else row[f"{key}_sem"][b]) for b in shown]
    test = [number(row["test_accuracy"])] if with_test else []
    mark = "best" if verdict["best"] else "tied" if verdict["tied"] else ""
    return [row["optimizer"], *cells, *test, mark]


def _mean(mean: float | None, error: float | None) -> str:
    """A mean and its standard error; a dash where a run had nothing by then."""
    if mean is None:
        return "\N{EN DASH}"
    return f"{mean:.2f}" + ("" if error is None else f" ± {error:.2f}")


def print_predictors(content: Mapping[str, Any]) -> None:
    """One table per task of a predictor study, best Spearman correlation after most architectures first."""
    for task in dict.fromkeys(row["task"] for row in content["rows"]):
        rows = [row for row in content["rows"] if row["task"] == task]
        last = str(rows[0]["budget"])
        rows.sort(key=lambda row: -row["spearman"][last])
        ceiling = content["ceilings"][task]["spearman"]
        title = f"{task}: Spearman after n training architectures, mean ± standard error of {rows[0]['splits']} splits; "
        title += "no seeds, so no noise ceiling" if ceiling is None else f"noise ceiling {ceiling:.3f}"
        columns = ["predictor", *rows[0]["spearman"], *(f"{name} at {last}" for name in ("tau", "top 10 %", "regret"))]
        lines = []
        for row in rows:
            others = [_mean(row[name][last], row[f"{name}_sem"][last]) for name in ("kendall", "top_precision", "regret")]
            cells = [_mean(row["spearman"][size], row["spearman_sem"][size]) for size in row["spearman"]]
            lines.append([row["predictor"], *cells, *others])
        grid(title, columns, lines)


def print_stop(content: Mapping[str, Any]) -> None:
    """One table per task of an early-termination study, in the order asked for."""
    for task, about in content["tasks"].items():
        rows = [row for row in content["rows"] if row["task"] == task]
        title = f"{task}: {about['candidates']} candidates, {rows[0]['orders']} orders; speed-up at most "
        title += f"{about['speedup_ceiling']:.1f}" + (
            f"; the task is judged {about['verdict']}" if about["verdict"] else ""
        )
        lines = []
        for row in rows:
            name = f"{row['method']} {row['parameter'] or ''}".strip()
            speed = f"{row['speedup']:.1f}"
            parts = (number(row["percentile"]), speed, number(row["overhead_seconds"]))
            lines.append([name, _mean(row["regret"], row["regret_sem"]), number(row["regret_90"]), *parts])
        grid(title, ["method", "regret", "worst tenth", "percentile", "speed-up", "overhead (s)"], lines)


def print_predictions(rows: Sequence[Mapping[str, Any]]) -> None:
    """A line per architecture, in their order."""
    lines = [(row["arch"], number(row["mean"]), number(row["std"])) for row in rows]
    grid("Predictions", ("architecture", "mean", "std"), lines)


def print_found(content: Mapping[str, Any], metric: str) -> None:
    """The architecture that a search ended with."""
    rows = [
        ("task", content["task"]),
        ("evaluations", str(content["evaluations"])),
        ("architecture", content["architecture"]),
        (f"validation {metric}", number(content["validation"])),
        (f"test {metric}", number(content["test"])),
    ]
    facts("Found", rows)


def print_info(info: Mapping[str, Any]) -> None:
    """What ``bench info`` shows: the table, then its tasks."""
    plain = ("space", "architectures", "function_classes", "epochs", "source", "licence", "hash", "notes")
    lines = [(key.replace("_", " "), str(info[key])) for key in plain if info.get(key) not in (None, "", [])]
    lines.append(("seeds", ", ".join(info["seeds"]) or "only their mean"))
    facts(info["name"], lines)
    print()
    rows = []
    for task in info["tasks"]:
        metric, splits = info["metrics"][task], info["splits"][task]
        best = "\n".join(f"{split} {value:.3f}" for split, value in metric["optimum"].items())
        keys = "\n".join(f"{split} = {key}" for split, key in splits.items())
        rows.append(
            (task, info["families"][task], f"{metric['name']} ({metric['unit']})", keys, best, str(metric["candidates"]))
        )
    grid("Tasks", ("task", "family", "metric", "splits = source key", "best mean", "candidates"), rows, left=5)


def print_import(content: Mapping[str, Any]) -> None:
    """What ``bench import`` shows: what was guessed or left out, then what the table holds."""
    for note in content["notes"]:
        print(f"  {note}")
    print(
        f"{content['out']}: {content['architectures']} architectures of {content['space']}, {len(content['tasks'])} tasks:"
    )
    for task, splits in content["splits"].items():
        print(f"  {task}: {', '.join(splits)}")


def print_query(content: Mapping[str, Any]) -> None:
    """What ``bench query`` shows: a line per split and seed, and the means."""
    rows = []
    for split, seeds in content["values"].items():
        for seed, epochs in seeds.items():
            epoch, value = list(epochs.items())[-1]
            rows.append((split, seed, epoch, number(value)))
        if list(seeds) not in ([], ["mean"]):
            rows.append((split, "mean", "", number(content["mean"][split])))
    if not rows:
        print(f"{content['arch']} was not measured on {content['task']}")
        return
    grid(f"{content['arch']} on {content['task']}", ("split", "seed", "epochs", "value"), rows, left=2)


def print_status(status: Mapping[str, Any], failures: Mapping[str, int]) -> None:
    """What ``metadata status`` shows: numbers of trials, the time that the rest will take, and why some failed."""
    eta = status["eta_seconds"]
    rows = [(name, str(status[name])) for name in ("total", "done", "running", "failed", "left")]
    rows.append(("time left", "unknown: nothing has been measured yet" if eta is None else duration(eta)))
    facts("Trials", rows)
    if failures:
        print()
        grid("Failures", ("trials", "reason"), [(str(count), reason) for reason, count in failures.items()], left=2)


def number(value: float | None) -> str:
    """Three decimals, or that there is nothing."""
    return "not in this table" if value is None else f"{value:.3f}"
