"""The page of a one-shot search: the cell, what the search cost, how operation weights and loss went over the epochs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cells import cell_svg
from .citations import citations_html
from .curves import COLOURS, DASHES, linear_ticks, round_ticks
from .grid import Cell, Column, grid, mark_best
from .markup import Html, counted, element, plot_figure
from .method import how_section, pairs
from .numbers import ABSENT, number
from .page import document, write_page

if TYPE_CHECKING:
    from ..oneshot import OneShot

Row = dict[str, Any]
READING = {
    "Halves": "the training images are searched on in two halves: the network's weights learn on one, the architecture's "
    "parameters on the other, on which candidates are compared too.",
    "Accuracy": "of the found cell on validation images that no decision has read, with the weights of the supernet. A "
    "cell that is trained alone reaches more; what a supernet's ranking is worth says --validate.",
    "Operation weights": "mean over the edges of what the method would read: a skip whose weight grows with the epochs is "
    "the known failure of gradient methods.",
}
WEIGHT = "operation weight (0 to 1)"
TOPS = (("all", "all classes"), ("top_half", "top 50 %"), ("top_fifth", "top 20 %"), ("top_tenth", "top 10 %"))


def write_oneshot_report(result: OneShot, content: Row, path: Path) -> None:
    """Write the report of a search with that ``summary.json`` as one self-contained HTML file."""
    write_page(page(result, content), Path(path))


def page(result: OneShot, content: Row) -> Html:
    """The report as HTML."""
    title = f"{result.method} on {content['data']}"
    settings = content["settings"]
    lead = (
        f"A supernet of {content['space']} (width {settings['width']}, {counted(settings['cells'], 'cell')}), "
        f"{counted(len(result.history), 'epoch')} of {settings['epochs']}, seed {settings['seed']}."
    )
    ended = f" The search ended early: {result.stopped}." if result.stopped else ""
    links = [element("a", name, href=place) for place, name in (("#cell", "Cell"), ("#course", "Course"), ("#how", "How"))]
    header = element(
        "header",
        element("p", "warmnas oneshot", class_="kicker"),
        element("h1", title),
        element("p", lead + ended, class_="lead"),
        element("nav", *links, aria_label="Sections"),
        element("noscript", element("p", "Curves need JavaScript; the numbers are in the tables.")),
    )
    sections = [_cell(result), _course(result), _validation(content.get("validation")), _how(content)]
    return document(title, element("main", header, *(s for s in sections if s is not None)))


def _cell(result: OneShot) -> Html:
    drawing = element("div", cell_svg(result.search.space.graph(result.genotype)), class_="drawing")
    memory = "not known" if result.peak_memory_mb is None else f"{result.peak_memory_mb:.0f} MB"
    change = ABSENT if result.alpha_change is None else f"{result.alpha_change:.3g}"
    facts = {
        "cell": result.cell,
        "skip connections": str(result.skips),
        "accuracy in the supernet": f"{result.accuracy:.2f} %",
        "change of the architecture's parameters": change,
        "seconds": f"{result.seconds:.1f}",
        "peak memory": memory,
    }
    return element("section", element("h2", "The cell"), drawing, pairs("Found", facts), id="cell")


def _course(result: OneShot) -> Html:
    loss = [row["loss"] for row in result.history]
    names = list(result.history[-1]["operations"]) if result.history else []
    parts: list[Html] = []
    if len(loss) > 1:  # one epoch is no course: the table says all
        parts.append(_figure("loss", {"loss": loss}, "training loss (nats)", "Mean loss of the weights in each epoch."))
    weights = {name: [row["operations"][name] for row in result.history] for name in names}
    if names and len(loss) > 1:
        caption = "Mean weight of each operation over the edges, after each epoch. Press a name to hide its curve."
        parts.append(_figure("operations", weights, WEIGHT, caption))
    columns = [Column("loss (nats)", [Cell(number(v), v) for v in loss])]
    for name, shares in weights.items():
        columns.append(Column(name, [Cell(number(share, 3), share) for share in shares], group=WEIGHT))
    epochs = [str(row["epoch"]) for row in result.history]
    return element("section", element("h2", "Course"), *parts, grid("Course", epochs, columns, first="epoch"), id="course")


def _figure(identity: str, curves: dict[str, list[float]], title: str, caption: str) -> Html:
    every = [value for values in curves.values() for value in values]
    ticks = linear_ticks(min(0.0, *every), max(every)) if len(every) > 1 else linear_ticks(0.0, max(every))
    epochs = len(next(iter(curves.values())))
    data = {
        "at": list(range(1, epochs + 1)),
        "counts": "epochs",
        "curves": [
            {
                "name": name,
                "colour": place % COLOURS,
                "dash": DASHES[place // COLOURS % len(DASHES)],
                "deterministic": False,
                "mean": [float(f"{v:.4g}") for v in values],
                "error": None,
            }
            for place, (name, values) in enumerate(curves.items())
        ],
        "linear": True,
        "ceiling": None,
        "floor": -1e9,
        "zero": False,
        "range": [ticks[0], ticks[-1]],
        "xticks": round_ticks(epochs),
        "yticks": ticks,
        "title": title,
        "unit": "",
    }
    return plot_figure(identity, f"{title} over epochs", caption, data, f"curves of the {title}")


def _validation(found: Row | None) -> Html | None:
    """What the supernet's ranking is worth, beside rivals that train no supernet."""
    if found is None:
        return None
    rows = found["rows"]
    columns = []
    for header, key, sign in (("Spearman", "spearman", 1), ("Kendall tau", "tau", 1), ("regret (points)", "regret", -1)):
        values = [row[key] for row in rows]
        cells = [Cell(number(v, 3 if sign > 0 else 2), v, m) for v, m in zip(values, mark_best(values, sign), strict=True)]
        columns.append(Column(header, cells))
    for key, name in TOPS[1:]:
        values = [row["tops"][key] for row in rows]
        cells = [Cell(number(v, 3), v, m) for v, m in zip(values, mark_best(values, 1), strict=True)]
        columns.append(Column(name, cells, "Spearman within the best by truth", group="Spearman within"))
    text = (
        f"{found['classes']} function classes of {found['table']}, task {found['task']}; truth: {found['truth']}. "
        f"The supernet's Spearman lies in [{number(found['interval'][0], 2)}, {number(found['interval'][1], 2)}] (95 %)."
    )
    return element(
        "section",
        element("h2", "What the ranking is worth"),
        element("p", text),
        grid("Validation", [row["name"] for row in rows], columns, first="ranking"),
        id="validation",
    )


def _how(content: Row) -> Html:
    settings = {key: str(value) for key, value in content["settings"].items()}
    return how_section(
        READING,
        content["command"],
        pairs("Settings", {"images": content["images"], **settings}),
        pairs("Versions", content["versions"]),
        citations_html([content["method"], content["space"]]),
    )
