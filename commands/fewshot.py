"""``warmnas fewshot``: architectures for tasks of a few labelled images, and the controls that they must beat."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import console
from . import names
from .common import AsJson, Printer, as_json, example

EXAMPLE = example("warmnas fewshot --method reptile metanas --data digits --ways 3 --out runs/fewshot")

FAILED = 1


def fewshot(
    context: typer.Context,
    method: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            help="maml, fomaml, reptile, t-nas or metanas; several may follow.",
            autocompletion=names.fewshot,
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            metavar="D",
            help="A task, a folder of images per class or an .npz; its classes make episodes.",
            autocompletion=names.image_tasks,
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the results.")],
    seed: Annotated[int, typer.Option(min=0, metavar="S", help="Of everything.")] = 0,
    space: Annotated[
        str, typer.Option(metavar="NAME", help="A space that has a supernet of mixtures.", autocompletion=names.spaces)
    ] = "nasbench201",
    json: AsJson = False,
    ways: Annotated[int, typer.Option(min=2, metavar="N", help="Classes of an episode.")] = 5,
    shots: Annotated[int, typer.Option(min=1, metavar="IMAGES", help="Images of a class to adapt on.")] = 5,
    queries: Annotated[int, typer.Option(min=1, metavar="IMAGES", help="Images of a class to judge on.")] = 15,
    steps: Annotated[int, typer.Option(min=0, metavar="N", help="Steps of the meta-learning.")] = 100,
    episodes: Annotated[
        int, typer.Option(min=2, metavar="N", help="To judge on, of classes that were not learnt on.")
    ] = 200,
    width: Annotated[
        int | None, typer.Option(min=1, metavar="CHANNELS", help="Of the first cell [default: the space's].")
    ] = None,
    cells: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Cells, as the space counts them [default: the space's].")
    ] = None,
    resolution: Annotated[int, typer.Option(min=4, metavar="PIXELS", help="Side of the images in pixels.")] = 16,
) -> Printer | int:
    """Meta-learn a supernet over small tasks, and judge it beside three controls."""
    from ..bench import space as space_named
    from ..search.records import output_folder

    of = space_named(space)
    with output_folder(out):
        from ..search.oneshot.fewshot.command import FewShot, run_few_shot

        given = FewShot(ways, shots, queries, steps, episodes, seed, width, cells, resolution)
        with console.counting_bar("few-shot") as progress:
            content = run_few_shot(method, of, data, given, out, context.obj or "warmnas fewshot", progress)
    if isinstance(content, str):
        console.complain(content)
        return FAILED
    return as_json(content) if json else lambda: show(content, out)


def show(content: Mapping[str, Any], out: Path) -> None:
    """Accuracies of every method and its controls, with half widths of 95 % intervals."""
    columns = ("method", *(row["name"] for row in content["rows"][0]["rows"]))
    lines = [
        (row["method"], *(f"{each['accuracy']:.1f} ± {each['half']:.1f}" for each in row["rows"]))
        for row in content["rows"]
    ]
    console.grid(f"Episodes of {content['data']}, accuracy in percent", columns, lines)
    print(out / "report.html")
