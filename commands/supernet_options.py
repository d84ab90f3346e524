"""Options that ``warmnas oneshot`` and ``warmnas fewshot`` share."""

from __future__ import annotations

from typing import Annotated

import typer

Seed = Annotated[int, typer.Option(min=0, metavar="S", help="Of everything.")]
Width = Annotated[int | None, typer.Option(min=1, metavar="CHANNELS", help="Of the first cell [default: the space's].")]
Cells = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Cells, as the space counts them [default: the space's].")
]
Resolution = Annotated[int, typer.Option(min=4, metavar="PIXELS", help="Side of the images in pixels.")]

FAILED = 1  # exit code of a search that came to nothing, and said why
