"""``warmnas export``: the network that a search found, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import console
from . import names
from .common import Printer, example

EXAMPLE = example("warmnas export --run runs/mine --format onnx --out model.onnx")


def export(
    run: Annotated[Path, typer.Option(metavar="DIR", help="The --out folder of a warmnas search --data.")],
    format: Annotated[
        str, typer.Option(metavar="F", help="state-dict, torch-export or onnx.", autocompletion=names.exports)
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.")],
) -> Printer:
    """The network that a search found; it takes uint8 images (n, height, width, channels) and gives logits."""
    from ..search.live.exporting import export_run

    with console.busy(f"writing and checking {format}"):
        worst = export_run(run, format, out)
    checked = "" if format == "state-dict" else f" (checked: logits differ by at most {worst:.1e})"
    return lambda: print(f"{out}: {format}{checked}")
