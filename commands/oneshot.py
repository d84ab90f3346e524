"""``warmnas oneshot``: a supernet, one of the methods that search in it, and what its ranking is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import console
from .common import AsJson, Printer, as_json

FAILED = 1


def oneshot(
    context: typer.Context,
    method: Annotated[str, typer.Option(help="Name, perhaps with options: darts, rsps[candidates=100].")],
    data: Annotated[str, typer.Option(help="A task, a folder of images per class or an .npz.")],
    out: Annotated[Path, typer.Option(help="Folder of the results; a killed search there goes on.")],
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the half of the images that trains the weights.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Of everything.")] = 0,
    space: Annotated[
        str | None, typer.Option(help="A space that has a supernet [default: nasbench201, or the method's].")
    ] = None,
    json: AsJson = False,
    validate: Annotated[bool, typer.Option("--validate", help="Set the supernet's ranking against a table's.")] = False,
    table: Annotated[str, typer.Option(help="With --validate: name or file of the table.")] = "images-v1",
    task: Annotated[str | None, typer.Option(help="With --validate: the table's task [default: --data].")] = None,
    batch: Annotated[int, typer.Option(min=2, help="Images of a step.")] = 64,
    width: Annotated[int | None, typer.Option(min=1, help="Channels [default: the space's].")] = None,
    cells: Annotated[
        int | None, typer.Option(min=1, help="Cells, as the space counts them [default: the space's].")
    ] = None,
    resolution: Annotated[int, typer.Option(min=4, help="Side of the images in pixels.")] = 16,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1, help="Of a CPU; networks of this size gain nothing from more.")] = 1,
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
