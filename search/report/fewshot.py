"""The page of a few-shot study: every method beside its three controls, on the same episodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .citations import citations_html
from .grid import Cell, Column, grid, mark_best
from .markup import Html, counted, element, listed
from .method import how_section, pairs
from .numbers import ABSENT, number
from .page import document, write_page

Row = dict[str, Any]
READING = {
    "Episodes": "small tasks of a few classes with a few images each. Classes of test episodes were not meta-learnt on, "
    "and all of a method's columns are about the same episodes.",
    "±": "half of a 95 % interval over episodes; of a difference, over paired differences. The meta-learning itself was "
    "run once, and its own luck is in no interval.",
    "Random architecture": "the same meta-learner on a random cell: what searching is worth.",
    "No adaptation": "the meta-learnt architecture for all episodes, weights adapted: what an episode's own architecture "
    "is worth. Keep it where the difference is above 0 with its whole interval.",
    "Centroids": "features of the meta-learnt network, frozen, and the nearest class mean: what adapting is worth.",
    "Reading": "what the mixture that adapted gets more right than the cell read from it. MetaNAS prunes softly, so that "
    "this is nothing.",
}


def write_few_shot_report(content: Row, path: Path) -> None:
    """Write the report of a study with that ``summary.json`` as one self-contained HTML file."""
    write_page(page(content), path)


def page(content: Row) -> Html:
    """The report as HTML."""
    settings, rows = content["settings"], content["rows"]
    title = f"Few labelled images of {content['data']}"
    lead = (
        f"{settings['ways']} classes, {counted(settings['shots'], 'image')} of each to adapt on, "
        f"{counted(settings['episodes'], 'test episode')}; a supernet of {content['space']} (width {settings['width']}, "
        f"{counted(settings['cells'], 'cell')}), {counted(settings['steps'], 'meta-step')}, seed {settings['seed']}."
    )
    links = [element("a", name, href=place) for place, name in (("#results", "Results"), ("#how", "How"))]
    found = [element("li", element("b", f"{row['method']}: "), finding(row)) for row in rows]
    header = element(
        "header",
        element("p", "warmnas fewshot", class_="kicker"),
        element("h1", title),
        element("p", lead, class_="lead"),
        element("ul", *found, class_="findings"),
        element("nav", *links, aria_label="Sections"),
    )
    results = element("section", element("h2", "Results"), table(rows), _cells(rows), id="results")
    return document(title, element("main", header, results, _how(content)))


def finding(row: Row) -> str:
    """Which controls a method beats, in a sentence."""
    controls = row["rows"][1:]
    if row["keep_task_architecture"] is None:  # the same architecture for all: nothing to set against
        controls = [control for control in controls if control["name"] != "no adaptation"]
    by = [c["name"] for c in controls if c["difference"]["accuracy"] - c["difference"]["half"] > 0]
    than = [c["name"] for c in controls if c["difference"]["accuracy"] + c["difference"]["half"] < 0]
    parts = [f"better than {listed(by)}" if by else "", f"worse than {listed(than)}" if than else ""]
    said = "; ".join(part for part in parts if part) or "no different from any control"
    kept = {
        None: "",
        True: "; an episode's own architecture is worth having",
        False: "; one architecture serves all episodes",
    }
    return f"{number(row['rows'][0]['accuracy'], 1)} %, {said}{kept[row['keep_task_architecture']]}."


def table(rows: list[Row]) -> Html:
    """Accuracies of every method and its controls, and the differences."""
    names = [row["name"] for row in rows[0]["rows"]]
    columns = []
    for place, name in enumerate(names):
        values = [row["rows"][place]["accuracy"] for row in rows]
        marks = mark_best(values, 1)
        cells = [_spread(row["rows"][place], m) for row, m in zip(rows, marks, strict=True)]
        columns.append(Column(name, cells, group="accuracy (%)"))
    for place, name in enumerate(names[1:], 1):
        columns.append(
            Column(name, [_spread(row["rows"][place]["difference"]) for row in rows], group="method minus control (points)")
        )
    gaps = [Cell(ABSENT) if row["reading_gap"] is None else _spread(row["reading_gap"]) for row in rows]
    columns += [
        Column("reading (points)", gaps),
        Column("seconds", [Cell(number(r["seconds"], 0), r["seconds"]) for r in rows]),
    ]
    return grid("Few-shot results", [row["method"] for row in rows], columns, first="method")


def _spread(value: Row, mark: str = "") -> Cell:
    return Cell(number(value["accuracy"], 1), value["accuracy"], mark, f"± {number(value['half'], 1)}")


def _cells(rows: list[Row]) -> Html:
    return pairs("Meta-learnt cells", {row["method"]: row["cell"] for row in rows if row["reading_gap"] is not None})


def _how(content: Row) -> Html:
    settings = {key: str(value) for key, value in content["settings"].items()}
    return how_section(
        READING,
        content["command"],
        pairs("Settings", {"images": content["images"], **settings}),
        pairs("Versions", content["versions"]),
        citations_html([*(row["method"] for row in content["rows"]), content["space"]]),
    )
