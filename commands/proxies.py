"""``warmnas proxies``: zero-cost proxies on a sample of architectures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import console
from ..bench.errors import WarmnasError
from ..machine import cores
from . import names
from .common import AsJson, Printer, as_json, example

EXAMPLE = example(
    "warmnas proxies --space nasbench201 --data digits --proxy naswot synflow \\",
    "    --sample 100 --out scores.h5",
    "warmnas proxies --space nasbench201 --data digits --proxy az-nas --sample 50 \\",
    "    --within live-flops=60e6 --out found.h5",
)

Space = Annotated[str, typer.Option(metavar="NAME", help="Search space, such as nasbench201.", autocompletion=names.spaces)]
Data = Annotated[
    str,
    typer.Option(
        metavar="D",
        help="A task, a folder of images per class, an .npz, or gaussian for noise.",
        autocompletion=names.proxy_data,
    ),
]
Proxy = Annotated[
    list[str],
    typer.Option(metavar="NAME", help="Names, or all; several may follow.", autocompletion=names.proxies),
]
Out = Annotated[Path, typer.Option(metavar="T.h5", help="The table file to write.")]
Sample = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Connected architectures: drawn, or found by --within.")
]
EveryClass = Annotated[
    bool, typer.Option("--every-class", help="One architecture of every connected class of functions, not a sample.")
]
Seed = Annotated[int, typer.Option(min=0, metavar="S", help="Of the sample, the batches and the weights.")]
Batch = Annotated[int, typer.Option(min=2, metavar="IMAGES", help="Images of a batch.")]
Width = Annotated[
    int | None, typer.Option(min=1, metavar="CHANNELS", help="Of the first stage [default: the space's own].")
]
Cells = Annotated[int | None, typer.Option(min=1, metavar="N", help="Cells per stage [default: the space's own].")]
Inits = Annotated[int, typer.Option(min=1, metavar="N", help="Draws of weights and batch, whose results are averaged.")]
Within = Annotated[
    str | None,
    typer.Option(
        metavar="COST=BOUND",
        help="Search by the first proxy among networks that cost no more: live-flops=60e6, live-params=3e5, or "
        "TABLE:DEVICE=BOUND for a measured latency.",
    ),
]
Workers = Annotated[int | None, typer.Option(min=1, metavar="W", help="Processes of one thread [default: one per core].")]


def proxies(
    space: Space,
    data: Data,
    proxy: Proxy,
    out: Out,
    sample: Sample = None,
    every_class: EveryClass = False,
    seed: Seed = 0,
    json: AsJson = False,
    batch: Batch = 32,
    width: Width = None,
    cells: Cells = None,
    inits: Inits = 1,
    within: Within = None,
    workers: Workers = None,
) -> Printer:
    """Zero-cost proxies on untrained networks, set against a benchmark's accuracies; or a search by them."""
    from ..search import zero_shot
    from ..surrogates.proxies import ProbeRecipe
    from ..surrogates.proxies import proxies as known

    names = [name for given in proxy for name in (known if given == "all" else [given])]
    recipe = ProbeRecipe(batch, width, cells, seed, inits)
    limit = None if within is None else zero_shot.Limit.parse(within)
    if (sample is None) != every_class:
        raise WarmnasError("give --sample N or --every-class, one of them")
    with console.counting_bar(f"proxies {data}") as progress:
        content = zero_shot.score_sample(
            space,
            data,
            names,
            sample,
            recipe,
            out,
            workers or cores(),
            progress,
            limit,
        )
    return as_json(content) if json else lambda: show(content)


def show(content: Mapping[str, Any]) -> None:
    """Rank correlations by task, what becomes of the first choices, and how long it took."""
    for task in content["ceilings"]:
        _print_correlations(content, task)
        for bound in dict.fromkeys(c["bound"] for c in content["choice"] if c["task"] == task):
            chosen = [c for c in content["choice"] if c["task"] == task and c["bound"] == bound]
            lines = [(c["method"], *(f"{c[key]:.2f}" for key in ("first", "ten", "best_of_ten"))) for c in chosen]
            best = f"best of {chosen[0]['candidates']} {chosen[0]['optimum']:.2f}"
            title = f"{task}, at most {bound / 1e6:.3f} M parameters: {best}"
            console.grid(title, ("chosen by", "first", "mean of ten", "best of ten"), lines)
    rows = content["rows"]
    columns = ("proxy", "architectures", "networks", "not measured", "seconds", "networks per second")
    keys = ("proxy", "architectures", "networks", "not_measured")
    lines = [(*(str(r[key]) for key in keys), f"{r['seconds']:.1f}", _rate(r)) for r in rows]
    console.grid("Computing time of one thread, for different networks", columns, lines)
    if "limit" in content:
        _print_found(content)
    print(f"{content['out']} written")


def _print_found(content: Mapping[str, Any]) -> None:
    """What a search within a limit found: its first choices, and the front of score against cost."""
    what, first = content["limit"]["what"], content["rows"][0]["proxy"]
    for title, key in (("first choices", "best"), ("front, cheapest first", "front")):
        lines = [(r["arch"], f"{r['score']:.4g}", f"{r['cost']:.4g}") for r in content[key]]
        console.grid(f"{what} at most {content['limit']['bound']:g}: {title}", ("architecture", first, what), lines)


def _print_correlations(content: Mapping[str, Any], task: str) -> None:
    """Rank correlations on one task, the highest first, and what the noise of the labels allows."""
    keys = ("classes", "partial", "top_half", "top_tenth")
    lines = [
        (
            r["proxy"],
            _rho(r["spearman"][task]),
            " to ".join(map(_rho, r["interval"][task])),
            *(_rho(r[k][task]) for k in keys),
        )
        for r in content["rows"]
    ]
    lines.sort(key=lambda line: -2.0 if line[1] == "-" else float(line[1]), reverse=True)
    top = content["ceilings"][task]
    lines.append(("label noise allows", _rho(top["all"]), "", "", "", _rho(top["top_half"]), _rho(top["top_tenth"])))
    columns = ("proxy", "Spearman", "95 %", "classes", "partial", "top half", "top tenth")
    number = content["rows"][0]["architectures"]
    console.grid(f"{task}: rank correlation with {content['benchmark']} ({number} architectures)", columns, lines)


def _rho(value: float) -> str:
    return f"{value:.2f}" if value == value else "-"


def _rate(row: Mapping[str, Any]) -> str:
    return f"{row['per_second']:.1f}" if row["per_second"] else "-"
