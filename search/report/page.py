"""The whole page: one file that needs nothing else, written all or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...bench import Metric, Table, WarmnasError
from ..outcome import Outcome
from ..study import StudyResult
from .across import across_html
from .curves import figure_html
from .findings import findings, rivals_sentence
from .found import found_html
from .fronts import fronts_html
from .markup import Html, element, join, listed
from .method import how_html, what_was_run
from .numbers import number
from .ranks import Judged, ranks_html
from .tables import task_table

# The browser itself refuses whatever would leave the file.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"

Row = dict[str, Any]
FEW = 3  # tasks that a title can name


def write_report(result: StudyResult, path: Path, *, command: str, versions: dict[str, str]) -> None:
    """Write the report of a study as one self-contained HTML file.

    Args:
        result: of :func:`warmnas.search.study`.
        path: the file; it holds the whole report afterwards, or is as it was before.
        command: the command line that made the study, as it is shown to repeat it.
        versions: of the packages that had a part in it, {name: version}.

    Raises:
        WarmnasError: where the file cannot be written.
    """
    write_page(page(result, command, versions), Path(path))


def write_page(text: Html, path: Path) -> None:
    """Write a page, whole or not at all; WarmnasError where the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(suffix=".part", prefix=path.name, dir=path.parent)
    except OSError as error:
        raise WarmnasError(f"cannot write {path}: {error.strerror}; name a folder that can be written") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)  # a temporary file is the owner's alone; a report is to be shown
        os.replace(temporary, path)
    except OSError as error:
        raise WarmnasError(f"cannot write {path}: {error.strerror}") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def page(result: StudyResult, command: str, versions: dict[str, str]) -> Html:
    """The report as HTML."""
    many = f"{len(result.tasks)} tasks of {listed(table.name for table in result.tables)}"
    title = f"Study of {many if len(result.tasks) > FEW else listed(result.tasks)}"
    statistics = result.statistics
    main = element(
        "main",
        _header(result, title, statistics),
        *(_task(result, n, task, statistics) for n, task in enumerate(result.tasks)),
        _across(result, statistics),
        _found(result),
        how_html(result, command, versions),
    )
    return document(title, main)


def document(title: str, main: Html) -> Html:
    """A page around its main part: the head with styles and policy, and the scripts."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"warmnas: {title}"),
        element("style", _asset("style.css")),
    )
    scripts = [element("script", _plotly()), element("script", join([_asset("points.js"), _asset("report.js")]))]
    return join([Html("<!doctype html>\n"), element("html", head, element("body", main, *scripts), lang="en")])


def _asset(name: str) -> Html:
    return Html(files(__package__).joinpath(name).read_text(encoding="utf-8"))


def _plotly() -> Html:
    from plotly.offline import get_plotlyjs

    return Html(get_plotlyjs().replace("</script", "<\\/script"))


def _header(result: StudyResult, title: str, statistics: Row) -> Html:
    found = [element("li", element("b", f"{name}: "), sentence) for name, sentence in findings(result, statistics)]
    targets = [(f"#task-{n}", task) for n, task in enumerate(result.tasks)]
    targets += [("#across", "Across tasks"), ("#found", "Architectures"), ("#how", "How")]
    links = [element("a", name, href=place) for place, name in targets]
    return element(
        "header",
        element("p", "warmnas study", class_="kicker"),
        element("h1", title),
        what_was_run(result),
        element("ul", *found, class_="findings"),
        element("nav", *links, aria_label="Sections"),
        element("noscript", element("p", "Curves and sorting need JavaScript; every number is in the tables.")),
    )


def _task(result: StudyResult, place: int, task: str, statistics: Row) -> Html:
    outcomes = result.of(task)
    places = _places(result)
    rivals = rivals_sentence(outcomes)
    return element(
        "section",
        element("h2", task),
        element("p", _about(outcomes[0]), class_="about"),
        figure_html(outcomes, places, f"figure-{place}"),
        task_table(outcomes, [test for test in statistics["within_task"] if test["task"] == task]),
        element("p", rivals, class_="notes") if rivals else None,
        _fronts(result, place, task, statistics),
        id=f"task-{place}",
    )


def _fronts(result: StudyResult, place: int, task: str, statistics: Row) -> Html | None:
    own = [front for front in result.fronts if front.outcome.task == task]
    if not own:
        return None
    tests = [test for test in statistics["hypervolume"]["within_task"] if test["task"] == task]
    return fronts_html(own, tests, _places(result), f"fronts-{place}")


def _about(outcome: Outcome) -> str:
    table, metric = outcome.table, outcome.table.metrics[outcome.task]
    unit = "%" if metric.unit == "percent" else f" {metric.unit}"
    best = f"{number(table.optimum(outcome.task), 2)}{unit}"
    candidates = len(table.candidates(outcome.task))
    return f"{table.name}, {candidates:,} candidates; best mean validation {metric.name} {best}."


def _places(result: StudyResult) -> dict[str, int]:
    """Position of each optimizer in the study, which fixes its colour on the whole page."""
    return {name: n for n, name in enumerate(dict.fromkeys(o.optimizer for o in result.outcomes))}


def _across(result: StudyResult, statistics: Row) -> Html:
    """A part per benchmark: means and ranks over its tasks; and ranks over the tasks of all of them."""
    ranked = {entry["benchmark"]: (n, entry) for n, entry in enumerate(statistics["ranks"])}

    def ranks(benchmark: str | None, outcomes: Sequence[Outcome]) -> Html | None:
        if benchmark not in ranked:
            return None
        n, entry = ranked[benchmark]
        return ranks_html(entry, [Judged.by_regret(o) for o in outcomes], _places(result), f"ranks-{n}")

    def volumes(benchmark: str | None) -> Html | None:
        entries = statistics["hypervolume"]["ranks"] if result.fronts else []
        found = next(((n, entry) for n, entry in enumerate(entries) if entry["benchmark"] == benchmark), None)
        own = [f for f in result.fronts if benchmark in (None, f.outcome.table.name)]
        if found is None:
            return None
        judged = [Judged(front.outcome, front.lost_at) for front in own]
        return ranks_html(found[1], judged, _places(result), f"volumes-{found[0]}", "missing hypervolume (%)")

    sections: list[Html | None] = []
    for table in result.tables:
        own = [o for o in result.outcomes if o.table is table]
        sections += [across_html(table.name, statistics["across_tasks"][table.name], _metrics(result, table), own[0].unit)]
        sections += [ranks(table.name, own), volumes(table.name)]
    sections += [ranks(None, result.outcomes), volumes(None)]
    return element("section", element("h2", "Across tasks"), *sections, id="across")


def _metrics(result: StudyResult, table: Table) -> list[Metric]:
    return [table.metrics[o.task] for o in result.outcomes if o.table is table]


def _found(result: StudyResult) -> Html:
    note = (
        "For each optimizer the most frequent final incumbent of its runs (the best of several as frequent), the same one "
        "drawn once. An edge carries its operation; faint edges are on no path from input to output."
    )
    sections = [found_html(result.of(task)) for task in result.tasks]
    return element("section", element("h2", "Found architectures"), element("p", note), *sections, id="found")
