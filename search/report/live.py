"""The report of a search on somebody's images: what was found, how it was found, and how far to trust it.

One file: curves and cells are drawn as SVG, every number stands in a table as well, and the only script sorts a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...bench import CellGraph
from .cells import cell_svg
from .citations import citations_html
from .grid import BEST, Cell, Column, grid
from .live_figures import confusion_table, curves_svg
from .markup import Html, element, join
from .numbers import number
from .page import POLICY, _asset, write_page

FEW = 30  # training images of the smallest class, see docs/search.md
STATES = {"done": "", "stopped": "stopped early", "failed": "failed", "out of time": "out of time"}


def write_live_report(content: Mapping[str, Any], graphs: Mapping[str, CellGraph], path: Path) -> None:
    """Write the report.

    Args:
        content: of ``summary.json``.
        graphs: the cell of each architecture.
        path: the file.
    """
    write_page(_document(content, graphs), path)


def _document(content: Mapping[str, Any], graphs: Mapping[str, CellGraph]) -> Html:
    title = f"Search on {content['task']['name']}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"warmnas: {title}"),
        element("style", join([_asset("style.css"), _asset("live.css")])),
    )
    main = element(
        "main",
        _header(title, content),
        _curves(content),
        _architectures(content, graphs),
        _test(content),
        *([_supernet(content["validation"])] if content.get("validation") else []),
        _use(content),
        _how(content),
    )
    body = element("body", main, element("script", _asset("report.js")))
    return join([Html("<!doctype html>\n"), element("html", head, body, lang="en")])


def _percent(value: float | None, digits: int = 2) -> str:
    return "\N{EN DASH}" if value is None else f"{value:.{digits}f} %"


def _header(title: str, content: Mapping[str, Any]) -> Html:
    found, test, task = content["found"], content["test"], content["task"]
    low, high = test["interval"]
    said = (
        f"{_percent(test['accuracy'])} of {test['images']:,} images, looked at once, after everything was decided "
        f"(95 % interval {low:.1f} to {high:.1f} %)."
    )
    lines = [element("li", element("b", "Test accuracy: "), said)]
    if test["unequal"]:
        lines.append(
            element(
                "li",
                element("b", "Balanced accuracy: "),
                f"{_percent(test['balanced_accuracy'])}, the mean over classes, whose numbers of images are unequal.",
            )
        )
    lines.append(element("li", element("b", "Against the ResNet cell: "), _against(content)))
    if task["smallest_class"] < FEW:
        text = f"the smallest class has {task['smallest_class']} training images; see below when that is the better way."
        lines.append(element("li", element("b", "Few images: "), f"consider fine-tuning a pre-trained network: {text}"))
    lines += [element("li", note) for note in content["notes"]]
    images = task["images"]
    height, width, _ = task["shape"]
    about = (
        f"{len(task['classes'])} classes; {images['train']:,} images to train on, {images['val']:,} to validate, "
        f"{images['test']:,} to test, at {height} x {width} pixels. {found['evaluations']} trainings with "
        f"{content['settings']['optimizer']}, {content['seconds']:.0f} s in all."
    )
    return element(
        "header",
        element("p", "warmnas search", class_="kicker"),
        element("h1", title),
        element("p", about, class_="lead"),
        element("ul", *lines, class_="findings"),
    )


def _against(content: Mapping[str, Any]) -> str:
    found, reference = content["found"], content["reference"]
    if reference is None:
        return "this space has no such cell."
    if found["architecture"] == reference["architecture"]:
        return "that cell is itself the best of these trainings, and what the search hands out."
    if reference["validation"] is None or reference["state"] != "done":
        return "it was not trained to its end here."
    gain = found["validation"] - reference["validation"]
    return (
        f"{gain:+.2f} points on validation ({_percent(found['validation'])} against {_percent(reference['validation'])}). "
        "The best of several is a little too good on the images it was chosen by."
    )


def _curves(content: Mapping[str, Any]) -> Html:
    chosen, reference = content["found"]["evaluation"], content["reference"]
    caption = "Validation accuracy after each epoch, one line per training. The bold line is the network that was chosen"
    caption += ", the dashed one the ResNet cell" if reference is not None and chosen != 1 else ""
    caption += "; lines that end early were stopped." if any(row["state"] == "stopped" for row in content["rows"]) else "."
    drawn = curves_svg(content["rows"], chosen, reference is not None)
    figure = element("figure", drawn, element("figcaption", caption))
    return element("section", element("h2", "Trainings"), figure, _trainings(_best_first(content["rows"]), content))


def _best_first(rows: list[Any]) -> list[Any]:
    def key(row: Any) -> tuple[bool, float]:
        return row["state"] != "done", -(row["validation"] or 0.0)

    return sorted(rows, key=key)


def _trainings(rows: list[Any], content: Mapping[str, Any]) -> Html:
    chosen = content["found"]["evaluation"]
    marks = [BEST if row["evaluation"] == chosen else "" for row in rows]
    columns = [
        Column("evaluation", [Cell(str(row["evaluation"]), row["evaluation"]) for row in rows]),
        Column(
            "validation (%)",
            [Cell(number(r["validation"], 2), r["validation"], mark) for r, mark in zip(rows, marks, strict=True)],
            f"{BEST}: the network that was chosen",
        ),
        Column("epochs", [Cell(str(row["epochs"]), row["epochs"]) for row in rows]),
        Column("parameters", [Cell(f"{row['params']:,}", row["params"]) for row in rows]),
        Column("multiply-adds (millions)", [Cell(f"{row['flops'] / 1e6:.2f}", row["flops"]) for row in rows]),
        Column("training (s)", [Cell(f"{row['seconds']:.1f}", row["seconds"]) for row in rows]),
    ]
    names = [join([element("code", row["architecture"]), element("small", _state(row, content))]) for row in rows]
    return grid("Trainings", names, columns, first="architecture")


def _state(row: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    """Whether a training ended early, and whether it is that of the ResNet cell."""
    words = [STATES[row["state"]] + (f": {row['reason']}" if row["reason"] else "")]
    words += ["ResNet cell"] if content["reference"] and row["evaluation"] == 1 else []
    return ", ".join(word for word in words if word)


def _architectures(content: Mapping[str, Any], graphs: Mapping[str, CellGraph]) -> Html:
    found, reference = content["found"], content["reference"]
    cards = [("The cell that was found", found["architecture"], found["validation"], found)]
    if reference is not None and reference["architecture"] != found["architecture"]:
        cards.append(("The ResNet cell", reference["architecture"], reference["validation"], reference))
    drawn = [
        element(
            "div",
            element("h3", title),
            element("div", cell_svg(graphs[name]), class_="drawing"),
            element("p", element("code", name)),
            element(
                "p", f"Validation {_percent(value)}, {about['params']:,} parameters, {about['flops']:,} multiply-adds."
            ),
            class_="card",
        )
        for title, name, value, about in cards
    ]
    return element("section", element("h2", "Architectures"), element("div", *drawn, class_="cards"))


def _test(content: Mapping[str, Any]) -> Html:
    test, names = content["test"], content["task"]["classes"]
    how = "retrained on train and validation together" if content["found"]["retrained"] else "not retrained"
    about = (
        f"The network was {how}. Rows are the true classes, columns what was said; the last column is the part of "
        "each class that was found."
    )
    return element(
        "section", element("h2", "On the test images"), element("p", about), confusion_table(test["confusion"], names)
    )


def _supernet(found: Mapping[str, Any]) -> Html:
    """What a supernet's ranking of the finished trainings is worth, beside rivals that train none."""
    low, high = found["interval"]
    about = (
        f"A supernet of the same size, {found['epochs']} epochs on half of the training images ({found['seconds']:.0f} s), "
        f"ranked the {found['architectures']} finished trainings by its accuracy on the other half. "
        f"Truth: {found['truth']}. Spearman of the supernet {_plain(found['spearman'])}, 95 % interval {_plain(low)} "
        f"to {_plain(high)}; regret is "
        "what the first choice loses against the best of these trainings, in points. Nothing of this had a part in the "
        "search."
    )
    columns = ("ranking", "Spearman", "Kendall tau", "given live parameters", "regret")
    head = element("thead", element("tr", *(element("th", name) for name in columns)))
    keys = ("spearman", "tau", "partial", "regret")
    body = [element("tr", element("th", r["name"]), *(element("td", _plain(r[k])) for k in keys)) for r in found["rows"]]
    table = element("div", element("table", head, element("tbody", *body)), class_="frame")
    return element("section", element("h2", "What a supernet would have said"), element("p", about), table)


def _plain(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:.2f}"


def _use(content: Mapping[str, Any]) -> Html:
    rows = []
    for form, entry in content["exports"].items():
        worst = entry.get("difference")
        checked = "the network itself" if worst is None else f"checked; logits differ by at most {worst:.1e}"
        rows.append(
            element("tr", element("th", form), element("td", element("code", entry["file"])), element("td", checked))
        )
    side, channels = content["task"]["shape"][1:]
    text = (
        f"The programs take images as they are: uint8, n x height x width x {channels}, of any size (inside they become "
        f"{side} x {side}), and give a logit per class, in the order of the classes above. Preprocessing and class names "
        "are inside."
    )
    advice = (
        "Fine-tune a pre-trained network instead where images are photographs, a class has fewer than about a hundred "
        "images, or accuracy matters more than size and speed: features learned on millions of images are worth more than "
        "any cell. Search is the better way for small networks, for images unlike photographs, and where no pre-trained "
        "weights may be used."
    )
    table = element("div", element("table", element("tbody", *rows)), class_="frame")
    when = (element("h3", "When not to"), element("p", advice))
    return element("section", element("h2", "Use"), table, element("p", text), *when)


def _how(content: Mapping[str, Any]) -> Html:
    price = content["price"]
    finer = price["finer"]
    names = ", ".join(source["name"] for source in content["sources"]) or "none"
    facts = [
        ("Command", element("code", content["command"])),
        ("Sources", names),
        ("Resolution", f"{price['resolution']}; at {finer['resolution']} about {finer['times']:.1f} times as long"),
        ("Workers", f"{content['workers']} on {content['device']}"),
        ("Experiment store", content["store"]),
        ("Images from", f"{content['task']['source']}; licence: {content['task']['licence']}"),
        ("Protocol", content["protocol"]),
        ("Versions", ", ".join(f"{name} {number}" for name, number in content["versions"].items())),
    ]
    rows = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    cited = citations_html(_used(content))
    return element("section", element("h2", "How"), element("dl", *rows, class_="reading"), cited)


def _used(content: Mapping[str, Any]) -> list[str]:
    """Names whose papers the report cites: optimizer, stopper, space, and the benchmarks among the sources."""
    settings = content["settings"]
    named = [str(settings[key]) for key in ("optimizer", "stopper", "space") if settings.get(key)]
    return [*named, *(source["name"].partition(":")[0] for source in content["sources"])]
