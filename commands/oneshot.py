"""``warmnas oneshot``: a supernet, one of the methods that search in it, and what its ranking is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import console
from . import names
from .common import AsJson, Printer, as_json, example
from .supernet_options import FAILED, Cells, Resolution, Seed, Width

EXAMPLE = example(
    "warmnas oneshot --method darts --data digits --epochs 10 --out runs/darts",
    "warmnas oneshot --method spos --data digits --validate --out runs/spos",
)

Method = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Name, perhaps with options: darts, rsps[candidates=100].",
        autocompletion=names.supernets,
    ),
]
Data = Annotated[
    str,
    typer.Option(metavar="D", help="A task, a folder of images per class or an .npz.", autocompletion=names.image_tasks),
]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the results; a killed search there goes on.")]
Epochs = Annotated[
    int, typer.Option(min=1, metavar="E", help="Passes over the half of the images that trains the weights.")
]
Space = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="A space that has a supernet [default: nasbench201, or the method's].",
        autocompletion=names.spaces,
    ),
]
Validate = Annotated[bool, typer.Option("--validate", help="Set the supernet's ranking against a table's.")]
Table = Annotated[
    str,
    typer.Option(metavar="B", help="With --validate: name or file of the table.", autocompletion=names.benchmarks),
]
Task = Annotated[
    str | None,
    typer.Option(metavar="T", help="With --validate: the table's task [default: --data].", autocompletion=names.tasks),
]
Batch = Annotated[int, typer.Option(min=2, metavar="IMAGES", help="Images of a step.")]
Device = Annotated[str, typer.Option(metavar="cpu|cuda", help="Where it is trained.", autocompletion=names.devices)]
Threads = Annotated[int, typer.Option(min=1, metavar="N", help="Of a CPU; networks of this size gain nothing from more.")]


def oneshot(
    context: typer.Context,
    method: Method,
    data: Data,
    out: Out,
    epochs: Epochs = 50,
    seed: Seed = 0,
    space: Space = None,
    json: AsJson = False,
    validate: Validate = False,
    table: Table = "images-v1",
    task: Task = None,
    batch: Batch = 64,
    width: Width = None,
    cells: Cells = None,
    resolution: Resolution = 16,
    device: Device = "cpu",
    threads: Threads = 1,
) -> Printer | int:
    """Search a cell in a supernet."""
    from ..bench import space as space_named
    from ..search.oneshot import make_method
    from ..search.records import output_folder

    recipe = make_method(method)  # a wrong name is said before anything is read
    of = space_named(space or recipe.space)
    with output_folder(out):
        from ..search.oneshot.command import Request, run_request

        request = Request(
            method, data, of, epochs, seed, out, context.obj or "warmnas oneshot", table if validate else None, task,
            batch, width, cells, resolution, device, threads,
        )  # fmt: skip
        with console.counting_bar(method) as progress:
            content = run_request(request, progress)
    if isinstance(content, str):
        console.complain(content)
        return FAILED
    return as_json(content) if json else lambda: console.facts(
        f"{method} on {content['data']}",
        [
            ("cell", str(content["cell"])),
            ("skips", str(content["skips"])),
            ("accuracy", f"{content['accuracy']:.2f} % in the supernet, on validation images"),
            ("seconds", f"{content['seconds']:.1f}"),
            ("report", str(out / "report.html")),
        ],
    )  # fmt: skip
