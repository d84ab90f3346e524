"""``warmnas proxies``: zero-cost proxies on a sample of architectures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import console
from . import names
from .common import AsJson, Printer, as_json, cores, example

EXAMPLE = example(
    "warmnas proxies --space nasbench201 --data digits --proxy naswot synflow \\",
    "    --sample 100 --out scores.h5",
    "warmnas proxies --space nasbench201 --data digits --proxy az-nas --sample 50 \\",
    "    --within live-flops=60e6 --out found.h5",
)


def proxies(
    space: Annotated[
        str, typer.Option(metavar="NAME", help="Search space, such as nasbench201.", autocompletion=names.spaces)
    ],
    data: Annotated[
        str,
        typer.Option(
            metavar="D",
            help="A task, a folder of images per class, an .npz, or gaussian for noise.",
            autocompletion=names.proxy_data,
        ),
    ],
    proxy: Annotated[
        list[str],
        typer.Option(metavar="NAME", help="Names, or all; several may follow.", autocompletion=names.proxies),
    ],
    sample: Annotated[int, typer.Option(min=1, metavar="N", help="Connected architectures: drawn, or found by --within.")],
    out: Annotated[Path, typer.Option(metavar="T.h5", help="The table file to write.")],
    seed: Annotated[int, typer.Option(min=0, metavar="S", help="Of the sample, the batches and the weights.")] = 0,
    json: AsJson = False,
    batch: Annotated[int, typer.Option(min=2, metavar="IMAGES", help="Images of a batch.")] = 32,
    width: Annotated[
        int | None, typer.Option(min=1, metavar="CHANNELS", help="Of the first stage [default: the space's own].")
    ] = None,
    cells: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Cells per stage [default: the space's own].")
    ] = None,
    inits: Annotated[
        int, typer.Option(min=1, metavar="N", help="Draws of weights and batch, whose results are averaged.")
    ] = 1,
    within: Annotated[
        str | None,
        typer.Option(
            metavar="COST=BOUND",
            help="Search by the first proxy among networks that cost no more: live-flops=60e6, live-params=3e5, or "
            "TABLE:DEVICE=BOUND for a measured latency.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="W", help="Processes of one thread [default: one per core].")
    ] = None,
) -> Printer:
    """Zero-cost proxies on untrained networks, set against a benchmark's accuracies; or a search by them."""
    from ..search import zero_shot
    from ..surrogates.proxies import ProbeRecipe
    from ..surrogates.proxies import proxies as known

    names = [name for given in proxy for name in (known if given == "all" else [given])]
    recipe = ProbeRecipe(batch, width, cells, seed, inits)
    limit = None if within is None else zero_shot.Limit.parse(within)
    with console.progress_bar(sample) as progress:
        content = zero_shot.score_sample(
            space,
            data,
            names,
            sample,
            recipe,
            out,
            workers or cores(),
            progress and (lambda n: progress("proxies", data, n)),
            limit,
        )
    return as_json(content) if json else lambda: console.print_proxies(content)
