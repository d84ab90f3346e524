"""The page of an early-termination study: regret against speed-up on each task, and beside the published table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .citations import citations_html
from .grid import Cell, Column, grid, mark_best
from .markup import Html, counted, element, listed
from .method import how_section, pairs
from .numbers import ABSENT, error, number
from .page import document, write_page
from .stop_figure import figure, figure_html

Row = dict[str, Any]
READING = {
    "Regret": "final validation value of the best candidate minus that of the returned one, both as recorded; "
    "no stopping has none.",
    "±": "one standard error of the mean over orders; 'worst tenth' is the regret that one order in ten exceeds.",
    "Percentile": "percent of the other candidates that are not better than the returned one.",
    "Speed-up": "epochs without stopping over epochs with it, all trainings of the target included, also those that a "
    "method learns from. Fitting on other tasks is not counted; the method's own computing stands beside as overhead.",
    "Ceiling": "who gives every one of n candidates one of E epochs and trains one to the end comes to n E / (n - 1 + E).",
    "Trivial rivals": "i-epoch (a constant number of epochs, the best three finished) and zero-epoch (architecture and "
    "other tasks alone, the best three trained). A method that is above and left of them on the plot is beaten by them.",
    "Oracle": "knows every final value, and stops after one epoch what will not beat the incumbent.",
    "Sources": "curves of other tasks without the target's family, and without any function class of the candidates.",
    "Published": "Wistuba & Pedapati (ICML 2020): five image sets, 200 NASNet cells of 100 epochs, one order; the speed-up "
    "is of summed GPU hours.",
}


def write_stop_report(content: Row, path: Path) -> None:
    """Write the report of a study with that ``summary.json`` as one self-contained HTML file."""
    write_page(page(content), path)


def page(content: Row) -> Html:
    """The report as HTML."""
    tasks, methods = list(content["tasks"]), list(dict.fromkeys(row["method"] for row in content["rows"]))
    title = f"Early termination on {listed(tasks) if len(tasks) <= 3 else counted(len(tasks), 'task')}"
    settings = content["settings"]
    lead = (
        f"{counted(len(methods), 'method')} ({listed(methods)}) on {counted(settings['orders'], 'random order')} of each "
        f"task's candidates, from seed {settings['seed']}. Protocol "
    )
    places = [*((f"#task-{n}", task) for n, task in enumerate(tasks)), ("#all", "Over tasks"), ("#how", "How")]
    links = [element("a", name, href=place) for place, name in places]
    found = [element("li", element("b", f"{task}: "), _finding(content, task)) for task in tasks]
    header = element(
        "header",
        element("p", "warmnas stop", class_="kicker"),
        element("h1", title),
        element("p", lead, element("code", content["protocol"]), ".", class_="lead"),
        element("ul", *found, class_="findings"),
        element("nav", *links, aria_label="Sections"),
        element("noscript", element("p", "Figures and sorting need JavaScript; every number is in the tables.")),
    )
    sections = [_task(content, n, task, methods) for n, task in enumerate(tasks)]
    return document(title, element("main", header, *sections, _over_tasks(content, methods), _how(content)))


def _rows(content: Row, task: str, part: str = "rows") -> list[Row]:
    return [row for row in content[part] if row["task"] == task]


def _finding(content: Row, task: str) -> str:
    """Who is fastest within .1 points of the best, and what is to be known of the task."""
    rows = [row for row in _rows(content, task) if row["method"] not in ("none", "oracle")]
    about = content["tasks"][task]
    text = "nothing but the oracle was replayed"
    if rows:
        bound = max(0.1, about["seed_deviation"] or 0.0)
        good = [row for row in rows if row["regret"] <= bound]
        best = max(good, key=lambda row: row["speedup"]) if good else min(rows, key=lambda row: row["regret"])
        name = f"{best['method']} ({best['parameter']})" if best["parameter"] else best["method"]
        what = f"fastest with at most {number(bound)} points of regret" if good else "of least regret"
        speed = f"{number(best['speedup'], 1)} of at most {number(about['speedup_ceiling'], 1)} times as fast"
        text = f"{what}: {name}, regret {number(best['regret'])}, {speed}"
    return text + "".join(f"; {warning}" for warning in warnings(about)) + "."


def warnings(about: Row) -> list[str]:
    """What makes a task a poor judge of early termination."""
    found = [f"the task is judged {about['verdict']}"] if about["verdict"] else []
    if about["short_of_images"]:
        found.append(f"only {about['validation_images']:,} validation images")
    if not about["sources"]:
        found.append("no sources")
    return found


def _task(content: Row, place: int, task: str, methods: list[str]) -> Html:
    about, rows, fronts = content["tasks"][task], _rows(content, task), _rows(content, task, "fronts")
    noted = warnings(about)
    return element(
        "section",
        element("h2", task),
        element("p", _about(about), class_="about"),
        element("p", f"Beware: {'; '.join(noted)}.", class_="notes") if noted else None,
        figure_html(task, figure(rows, fronts, methods, about["speedup_ceiling"], "percentage points"), f"figure-{place}"),
        _table(task, rows),
        id=f"task-{place}",
    )


def _about(about: Row) -> str:
    epochs = about["epochs"] if isinstance(about["epochs"], int) else listed(map(str, about["epochs"]))
    deviation = f"; one training deviates by {number(about['seed_deviation'])}" if about["seed_deviation"] else ""
    sources = sum(about["sources"].values())
    return (
        f"{about['table']}, {counted(about['candidates'], 'candidate')} ({about['function_classes']:,} functions), "
        f"{epochs} epochs, {counted(sources, 'source curve')} of {counted(len(about['sources']), 'task')}; the ceiling of "
        f"the speed-up is {number(about['speedup_ceiling'], 1)}{deviation}."
    )


def _table(task: str, rows: list[Row]) -> Html:
    names = [f"{row['method']} {row['parameter'] or ''}".strip() for row in rows]
    compared = [row if row["method"] not in ("none", "oracle") else {} for row in rows]
    marks = [mark_best([row.get(key) for row in compared], sign) for key, sign in BEST]
    columns = [
        Column(
            "regret (points)",
            [_cell(row, "regret", mark, row["regret_sem"]) for row, mark in zip(rows, marks[0], strict=True)],
        ),
        Column("worst tenth (points)", [_cell(row, "regret_90") for row in rows]),
        Column("percentile (%)", [_cell(row, "percentile", digits=1) for row in rows]),
        Column(
            "speed-up (times)", [_cell(row, "speedup", mark, digits=1) for row, mark in zip(rows, marks[1], strict=True)]
        ),
        Column("of the ceiling", [_share(row) for row in rows]),
        Column("speed-up in seconds", [_cell(row, "speedup_seconds", digits=1) for row in rows]),
        Column("overhead (s)", [_cell(row, "overhead_seconds") for row in rows]),
        Column("fitting (s)", [_cell(row, "fit_seconds") for row in rows]),
    ]
    return grid(f"Results on {task}", names, columns, first="method")


BEST = (("regret", -1), ("speedup", 1))


def _cell(row: Row, key: str, mark: str = "", sem: float | None = None, digits: int | None = None) -> Cell:
    value = row[key]
    return Cell(number(value, digits), value, mark, "" if sem is None else error(value, sem))


def _share(row: Row) -> Cell:
    share = row["speedup"] / row["speedup_ceiling"]
    return Cell(f"{100 * share:.0f} %", share)


def over_tasks(content: Row, methods: list[str]) -> list[Row]:
    """Means over the tasks of every method and parameter, beside what was published."""
    found = []
    keys = dict.fromkeys((row["method"], row["parameter"]) for row in content["rows"])
    for method, parameter in keys:
        rows = [row for row in content["rows"] if (row["method"], row["parameter"]) == (method, parameter)]
        published = content["published"].get(method, {})
        found.append(
            {
                "name": f"{method} {parameter or ''}".strip(),
                "tasks": len(rows),
                "regret": sum(row["regret"] for row in rows) / len(rows),
                "speedup": len(rows) / sum(1 / row["speedup"] for row in rows),
                "ceiling": len(rows) / sum(1 / row["speedup_ceiling"] for row in rows),
                "published_regret": published.get("regret"),
                "published_speedup": published.get("speedup"),
            }
        )
    return found


def _over_tasks(content: Row, methods: list[str]) -> Html:
    rows = over_tasks(content, methods)
    columns = [
        Column("regret (points)", [_cell(row, "regret") for row in rows], group="here"),
        Column("speed-up (times)", [_cell(row, "speedup", digits=1) for row in rows], "harmonic mean", group="here"),
        Column("ceiling (times)", [_cell(row, "ceiling", digits=1) for row in rows], group="here"),
        Column("regret (points)", [_cell(row, "published_regret") for row in rows], group="published"),
        Column("speed-up (times)", [_cell(row, "published_speedup", digits=1) for row in rows], group="published"),
    ]
    return element(
        "section",
        element("h2", "Over tasks"),
        element("p", "Means over the tasks, each counted once, beside the table of Wistuba & Pedapati.", class_="about"),
        grid("Means over tasks", [row["name"] for row in rows], columns, first="method"),
        id="all",
    )


def _how(content: Row) -> Html:
    sources = {task: ", ".join(about["sources"]) or ABSENT for task, about in content["tasks"].items()}
    return how_section(
        READING,
        content["command"],
        pairs("Protocol", {"hash": content["protocol"], **{key: str(value) for key, value in content["settings"].items()}}),
        pairs("Sources", sources),
        pairs("Tables", content["tables"]),
        pairs("Versions", content["versions"]),
        citations_html([*dict.fromkeys(row["method"] for row in content["rows"]), *content["tables"]]),
    )
