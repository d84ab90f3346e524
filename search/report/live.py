"""The report of a search on somebody's images: what was found, how it was found, and how far to trust it.

One file without any script: curves and cells are drawn as SVG, and every number stands in a table as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...bench import CellGraph
from .cells import cell_svg
from .live_figures import confusion_table, curves_svg
from .markup import Html, element, join
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
        _use(content),
        _how(content),
    )
    return join([Html("<!doctype html>\n"), element("html", head, element("body", main), lang="en")])


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
        return (
            "the search found nothing better, so it hands out the ResNet cell. Before a longer search, spend the time "
            "on that cell: epochs, learning rate, width."
        )
    if reference["validation"] is None or reference["state"] != "done":
        return "it was not trained to its end here."
    gain = found["validation"] - reference["validation"]
    return (
        f"{gain:+.2f} points on validation ({_percent(found['validation'])} against {_percent(reference['validation'])}). "
        "The best of several is a little too good on the images it was chosen by."
    )


def _curves(content: Mapping[str, Any]) -> Html:
    caption = (
        "Validation accuracy after each epoch, one line per training. The bold line is the network that was chosen, the "
        "dashed one the ResNet cell; lines that end early were stopped."
    )
    figure = element("figure", curves_svg(content["rows"], content["found"]["evaluation"]), element("figcaption", caption))
    columns = ("#", "architecture", "validation", "epochs", "parameters", "multiply-adds", "seconds", "")
    kinds = {"architecture": "text"}
    head = element("thead", element("tr", *(element("th", name, class_=kinds.get(name)) for name in columns)))
    body = element("tbody", *(_training(row, content) for row in _best_first(content["rows"])))
    table = element("div", element("table", head, body), class_="frame")
    return element("section", element("h2", "Trainings"), figure, table)


def _best_first(rows: list[Any]) -> list[Any]:
    def key(row: Any) -> tuple[bool, float]:
        return row["state"] != "done", -(row["validation"] or 0.0)

    return sorted(rows, key=key)


def _training(row: Mapping[str, Any], content: Mapping[str, Any]) -> Html:
    chosen = row["evaluation"] == content["found"]["evaluation"]
    reference = content["reference"]
    words = [STATES[row["state"]] + (f": {row['reason']}" if row["reason"] else "")]
    words += ["ResNet cell"] if reference and row["evaluation"] == 1 else []
    cells = [
        element("td", str(row["evaluation"])),
        element("td", element("code", row["architecture"]), class_="text"),
        element("td", _percent(row["validation"]), class_="best" if chosen else None),
        *(element("td", text) for text in (str(row["epochs"]), f"{row['params']:,}", f"{row['flops'] / 1e6:.2f} M")),
        element("td", f"{row['seconds']:.1f}"),
        element("td", ", ".join(word for word in words if word), class_="text"),
    ]
    return element("tr", *cells)


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
    return element("section", element("h2", "How"), element("dl", *rows, class_="reading"))
