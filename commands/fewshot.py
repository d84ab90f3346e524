"""``warmnas fewshot``: architectures for tasks of a few labelled images, and the controls that they must beat."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import console
from . import names
from .common import AsJson, Printer, as_json, example
from .supernet_options import FAILED, Cells, Resolution, Seed, Width

EXAMPLE = example("warmnas fewshot --method reptile metanas --data digits --ways 3 --out runs/fewshot")

Method = Annotated[
    list[str],
    typer.Option(
        metavar="NAME",
        help="maml, fomaml, reptile, t-nas or metanas; several may follow.",
        autocompletion=names.fewshot,
    ),
]
Data = Annotated[
    str,
    typer.Option(
        metavar="D",
        help="A task, a folder of images per class or an .npz; its classes make episodes.",
        autocompletion=names.image_tasks,
    ),
]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the results.")]
Space = Annotated[
    str, typer.Option(metavar="NAME", help="A space that has a supernet of mixtures.", autocompletion=names.spaces)
]
Ways = Annotated[int, typer.Option(min=2, metavar="N", help="Classes of an episode.")]
Shots = Annotated[int, typer.Option(min=1, metavar="IMAGES", help="Images of a class to adapt on.")]
Queries = Annotated[int, typer.Option(min=1, metavar="IMAGES", help="Images of a class to judge on.")]
Steps = Annotated[int, typer.Option(min=0, metavar="N", help="Steps of the meta-learning.")]
Episodes = Annotated[int, typer.Option(min=2, metavar="N", help="To judge on, of classes that were not learnt on.")]


def fewshot(
    context: typer.Context,
    method: Method,
    data: Data,
    out: Out,
    seed: Seed = 0,
    space: Space = "nasbench201",
    json: AsJson = False,
    ways: Ways = 5,
    shots: Shots = 5,
    queries: Queries = 15,
    steps: Steps = 100,
    episodes: Episodes = 200,
    width: Width = None,
    cells: Cells = None,
    resolution: Resolution = 16,
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
