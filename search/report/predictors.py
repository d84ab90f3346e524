"""The page of a predictor study: what each predictor reaches by training architectures, under the noise ceiling."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .citations import citations_html
from .curves import COLOURS, DASHES, linear_ticks, round_ticks
from .grid import Cell, Column, grid, mark_best
from .markup import Html, counted, element, join, listed, plot_figure
from .method import how_section, pairs
from .numbers import ABSENT, error, number, regret_unit
from .page import document, write_page

if TYPE_CHECKING:
    from ..predictor_study import PredictorStudy

Row = dict[str, Any]
# Metric: what its axis says, whether more is better, what it is.
ABOUT = {
    "spearman": ("Spearman correlation", 1, "rank correlation of predicted and true values over the test part"),
    "kendall": ("Kendall tau", 1, "pairs in the right order minus pairs in the wrong one, as a share (tau-b)"),
    "top_precision": ("precision in the top tenth", 1, "share of the predicted top tenth that is in the true one"),
    "regret": (
        "regret of the first choice",
        -1,
        "distance of the architecture predicted best from the best of the test part",
    ),
}
READING = {
    "Split": "a random order of function classes: the first n are trained on, those behind the largest n are the test "
    "part. No class is on both sides, and every predictor has the same splits.",
    "Bands and ±": "one standard error of the mean over splits.",
    "Ceiling": "what a perfect predictor of expected values would reach against the recorded means over seeds, from the "
    "rank correlation of two seeds (Spearman-Brown; a Gaussian copula for tau and precision). Above it is luck.",
    "live-params": "order by parameters on live paths, without any learning.",
}


def write_predictor_report(result: PredictorStudy, content: Row, path: Path) -> None:
    """Write the report of a study with that ``summary.json`` as one self-contained HTML file."""
    write_page(page(result, content), Path(path))


def page(result: PredictorStudy, content: Row) -> Html:
    """The report as HTML."""
    names = list(dict.fromkeys(row["predictor"] for row in content["rows"]))
    p = result.protocol
    title = f"Predictors on {listed(result.tasks) if len(result.tasks) <= 3 else counted(len(result.tasks), 'task')}"
    lead = (
        f"{counted(len(names), 'predictor')} ({listed(names)}) on {listed(table.name for table in result.tables)}; up to "
        f"{counted(p.budget, 'training architecture')}, {counted(p.splits, 'random split')} by function class from seed "
        f"{p.seed}. Protocol "
    )
    links = [element("a", task, href=f"#task-{n}") for n, task in enumerate(result.tasks)]
    found = [element("li", element("b", f"{task}: "), _finding(result, content, task)) for task in result.tasks]
    header = element(
        "header",
        element("p", "warmnas study", class_="kicker"),
        element("h1", title),
        element("p", lead, element("code", result.protocol_hash()), ".", class_="lead"),
        element("ul", *found, class_="findings"),
        element("nav", *links, element("a", "How", href="#how"), aria_label="Sections"),
        element("noscript", element("p", "Curves and sorting need JavaScript; the numbers are in the tables.")),
    )
    sections = [_task(result, content, n, task, names) for n, task in enumerate(result.tasks)]
    return document(title, element("main", header, *sections, _how(result, content)))


def _rows(content: Row, task: str) -> list[Row]:
    return [row for row in content["rows"] if row["task"] == task]


def _finding(result: PredictorStudy, content: Row, task: str) -> str:
    """Best predictor by Spearman with most architectures, beside the ordering by parameters and the ceiling."""
    rows, last = _rows(content, task), str(result.protocol.budget)
    best = max(rows, key=lambda row: row["spearman"][last])
    text = (
        f"{best['predictor']} orders unseen architectures best, Spearman {number(best['spearman'][last], 2)} after {last}"
    )
    rival = next((row for row in rows if row["predictor"] == "live-params" and row is not best), None)
    text += f"; live-params, without learning, {number(rival['spearman'][last], 2)}" if rival else ""
    ceiling = result.ceilings[task].spearman
    return text + (f"; the ceiling is {number(ceiling, 2)}." if ceiling is not None else "; the source has no seeds.")


def _task(result: PredictorStudy, content: Row, place: int, task: str, names: list[str]) -> Html:
    rows = _rows(content, task)
    table = next(one.table for one in result.of(task))
    unit = regret_unit(table.metrics[task])
    figures = [
        join(
            [
                element("h3", ABOUT[metric][0][0].upper() + ABOUT[metric][0][1:]),
                _figure(result, rows, metric, unit, f"figure-{place}-{metric}", names),
            ]
        )
        for metric in ABOUT
    ]
    return element("section", element("h2", task), *figures, *_tables(rows, task, unit), id=f"task-{place}")


def _figure(result: PredictorStudy, rows: list[Row], metric: str, unit: str, identity: str, names: list[str]) -> Html:
    title, sign, what = ABOUT[metric]
    data = figure(rows, metric, _ceiling(result, rows[0]["task"], metric), names)
    data |= {"title": f"{title} ({unit})" if metric == "regret" else title, "unit": unit if metric == "regret" else ""}
    caption = f"{what[0].upper()}{what[1:]}; {'higher' if sign > 0 else 'lower'} is better. "
    caption += f"Mean over {result.protocol.splits} splits, bands ±1 standard error. Press a name to hide its curve."
    label = f"{title} of {len(rows)} predictors on {rows[0]['task']} by training architectures; the table has the numbers."
    return plot_figure(identity, label, caption, data, "predictors")


def _ceiling(result: PredictorStudy, task: str, metric: str) -> float | None:
    value: float | None = getattr(result.ceilings[task], metric, None)
    return value


def figure(rows: list[Row], metric: str, ceiling: float | None, names: list[str]) -> Row:
    """All curves of one metric on one task with their axes, as JSON-able data for report.js."""
    sizes = [int(size) for size in rows[0][metric]]
    curves = []
    for row in rows:
        place = names.index(row["predictor"])
        errors = list(row[f"{metric}_sem"].values())
        curves.append(
            {
                "name": row["predictor"],
                "colour": place % COLOURS,
                "dash": DASHES[place // COLOURS % len(DASHES)],
                "deterministic": False,
                "mean": [float(f"{v:.4g}") for v in row[metric].values()],
                "error": None if None in errors else [float(f"{v:.3g}") for v in errors],
            }
        )
    every = [v for curve in curves for v in curve["mean"]] + ([ceiling] if ceiling is not None else [])
    ticks = linear_ticks(min(0.0, *every), max(every))
    return {
        "at": sizes,
        "counts": "training architectures",
        "curves": curves,
        "linear": True,
        "ceiling": ceiling,
        "floor": -1e9,
        "zero": False,
        "range": [ticks[0], max(ticks[-1], max(every)) + 0.04 * (ticks[-1] - ticks[0])],
        "xticks": [tick for tick in round_ticks(sizes[-1]) if tick >= sizes[0]],
        "yticks": ticks,
    }


def _tables(rows: list[Row], task: str, unit: str) -> list[Html]:
    """A table of every metric at every size, and what the predictors cost at the largest."""
    last = list(rows[0]["spearman"])[-1]
    names = [row["predictor"] for row in rows]
    columns = []
    for metric, (title, sign, what) in ABOUT.items():
        group = f"{title}{f' ({unit})' if metric == 'regret' else ''} after so many"
        columns += [_column(rows, metric, size, sign, what, group) for size in rows[0][metric]]
    for header, key in (("learning (s)", "fit_seconds"), ("predicting (s)", "predict_seconds")):
        cells = [Cell(number(row[key][last]), row[key][last]) for row in rows]
        columns.append(Column(header, cells, f"seconds after {last}", group="cost"))
    return [grid(f"Results on {task}", names, columns, first="predictor")]


def _column(rows: list[Row], metric: str, size: str, sign: int, what: str, group: str) -> Column:
    means, sems = [row[metric][size] for row in rows], [row[f"{metric}_sem"][size] for row in rows]
    digits = None if metric == "regret" else 3
    cells = [
        Cell(number(mean, digits), mean, mark, "" if sem is None else error(mean, sem))
        for mean, mark, sem in zip(means, mark_best(means, sign), sems, strict=True)
    ]
    return Column(size, cells, f"{what}, after {size} training architectures", group=group)


def _sources(result: PredictorStudy) -> list[str]:
    """Benchmarks and their search spaces, which are cited too."""
    return [name for table in result.tables for name in (table.name, table.space.name)]


def _how(result: PredictorStudy, content: Row) -> Html:
    ceilings = {
        task: ", ".join(f"{name} {number(v, 3) if v is not None else ABSENT}" for name, v in of.items())
        for task, of in content["ceilings"].items()
    }
    settings = {key: str(value) for key, value in content["settings"].items()}
    return how_section(
        READING,
        content["command"],
        pairs("Protocol", {"hash": result.protocol_hash(), **settings}),
        pairs("Noise ceilings", ceilings),
        pairs("Tables", content["tables"]),
        pairs("Versions", content["versions"]),
        citations_html([*dict.fromkeys(row["predictor"] for row in content["rows"]), *_sources(result)]),
    )
