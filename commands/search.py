"""``warmnas search``: one search, on a benchmark's held-out task or on somebody's own images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .. import console
from ..bench.errors import WarmnasError
from . import names
from .common import AsJson, Out, Printer, Seed, as_json, example, open_tables
from .study import (
    Budget,
    LeaveOut,
    LeftOut,
    Observe,
    Observed,
    Schedule,
    SourceRows,
    Sources,
    _default_folder,
    _limited,
    _protocol,
    _run,
)

EXAMPLE = example(
    "warmnas search --data my_images/ --budget 10 --epochs 20 --out runs/mine",
    "warmnas search --benchmark nasbench-graph --task physics --budget 10 --out runs/physics",
)

BenchmarkName = Annotated[
    str | None,
    typer.Option(
        metavar="B", help="Search a task of this benchmark, or table file (.h5).", autocompletion=names.benchmarks
    ),
]
TargetTask = Annotated[
    str | None,
    typer.Option(
        metavar="TASK", help="The target task of the benchmark, held out of the sources.", autocompletion=names.tasks
    ),
]
Images = Annotated[
    str | None,
    typer.Option(
        metavar="D",
        help="Search on images: a built-in task, a folder of images per class, or an .npz.",
        autocompletion=names.image_tasks,
    ),
]
SpaceName = Annotated[str, typer.Option(metavar="NAME", help="Search space, with --data.", autocompletion=names.spaces)]
OptimizerName = Annotated[
    str,
    typer.Option(metavar="NAME", help="Name, with options as in rea[population=50].", autocompletion=names.optimizers),
]
StopperName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What ends trainings early, with --data, as in median or lc-pfn.",
        autocompletion=names.stoppers,
    ),
]
Epochs = Annotated[int | None, typer.Option(metavar="E", help="Epochs of a training, with --data [default: 20].")]
Seconds = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="Time for all of it, retraining included; simulated time on a benchmark."),
]
Workers = Annotated[int | None, typer.Option(metavar="W", help="Trainings at a time [default: one per core, or per GPU].")]
Ray = Annotated[str | None, typer.Option(metavar="ADDRESS", help="A Ray cluster to train on: auto, local or HOST:PORT.")]
Resolution = Annotated[int | None, typer.Option(metavar="PIXELS", help="Side of the images in pixels [default: 16].")]
Device = Annotated[
    str | None,
    typer.Option(
        metavar="cpu|cuda",
        help="Where it is trained [default: a GPU where there is one].",
        autocompletion=names.devices,
    ),
]
Groups = Annotated[str | None, typer.Option(metavar="FILE", help="File of groups of images that stay together in a split.")]
FittedModel = Annotated[
    str | None, typer.Option(metavar="MODEL", help="A fitted predictor (warmnas fit) as one more source.")
]
Width = Annotated[int | None, typer.Option(metavar="CHANNELS", help="Of the first stage, with --data [default: 8].")]
Cells = Annotated[int | None, typer.Option(metavar="N", help="Cells per stage, with --data [default: 1].")]
Batch = Annotated[int | None, typer.Option(metavar="IMAGES", help="Images of a batch, with --data [default: 128].")]
Validated = Annotated[
    str | None,
    typer.Option(metavar="supernet", help="Tell too what a supernet's ranking is worth here, with --data; half as long."),
]
Store = Annotated[
    Path | None,
    typer.Option(metavar="S", help="Experiment store that the trainings are added to [default: the user's own]."),
]


def search(
    context: typer.Context,
    benchmark: BenchmarkName = None,
    task: TargetTask = None,
    data: Images = None,
    space: SpaceName = "nasbench201",
    optimizer: OptimizerName = "warm",
    stopper: StopperName = "none",
    budget: Budget = None,
    epochs: Epochs = None,
    out: Out = None,
    json: AsJson = False,
    seed: Seed = 0,
    seconds: Seconds = None,
    workers: Workers = None,
    ray: Ray = None,
    resolution: Resolution = None,
    device: Device = None,
    groups: Groups = None,
    model: FittedModel = None,
    width: Width = None,
    cells: Cells = None,
    batch: Batch = None,
    validate: Validated = None,
    store: Store = None,
    observe: Observe = Observed.mean,
    sources: Sources = "all",
    source_rows: SourceRows = None,
    leave_out: LeaveOut = None,
    schedule: Schedule = None,
) -> Printer:
    """One search: on your images, ending in a trained network, or on one task of a benchmark."""
    if (benchmark is None) == (data is None):
        raise WarmnasError("give --data (your images) or --benchmark with --task (a table), one of the two")
    if data is None:
        options = {"--epochs": epochs, "--workers": workers, "--ray": ray, "--resolution": resolution, "--device": device}
        options |= {"--groups": groups, "--model": model, "--width": width, "--cells": cells, "--batch": batch}
        options |= {"--validate": validate}
        _refuse(options | {"--store": store, "--stopper": None if stopper == "none" else stopper}, "--data")
        if benchmark is None or task is None:
            raise WarmnasError("--benchmark needs --task, the name of one of its tasks; see warmnas bench info")
        protocol = (task, budget, seed, observe, sources, source_rows, leave_out, schedule, seconds)
        return _on_benchmark(context.obj, benchmark, optimizer, out, json, *protocol)
    given: dict[str, Any] = {"--task": task, "--source-rows": source_rows, "--leave-out": leave_out, "--schedule": schedule}
    given |= {
        "--observe": None if observe is Observed.mean else observe,
        "--sources": None if sources == "all" else sources,
    }
    _refuse(given, "--benchmark")
    chosen = {"budget": budget, "epochs": epochs, "width": width, "cells": cells, "batch": batch}
    rest = {"seconds": seconds, "workers": workers, "ray": ray, "seed": seed, "resolution": resolution, "device": device}
    rest |= {"groups": groups, "model": model, "space": space, "optimizer": optimizer, "stopper": stopper}
    rest |= {"validate": validate}
    return _on_images(context.obj, data, out, json, store, {k: v for k, v in chosen.items() if v is not None} | rest)


def _refuse(options: dict[str, Any], needed: str) -> None:
    """WarmnasError where an option was given that only goes with another."""
    for name, value in options.items():
        if value is not None:
            raise WarmnasError(f"{name} goes with {needed} only")


def _on_benchmark(
    command: str,
    benchmark: str,
    optimizer: str,
    out: Path | None,
    json: bool,
    task: str,
    budget: int | None,
    seed: int,
    observe: Observed,
    sources: str,
    source_rows: str | None,
    leave_out: LeftOut | None,
    schedule: int | None,
    seconds: float | None,
) -> Printer:
    """One run on a task whose table knows every answer."""
    from ..search import records

    if "all" in (task, optimizer):
        raise WarmnasError("a search has one --task and one --optimizer; 'all' is for warmnas study")
    tables = open_tables([benchmark])
    protocol = _protocol(tables, [task], budget, 1, seed, observe, sources, source_rows, leave_out)
    protocol = _limited(protocol, schedule, seconds)
    folder = out or _default_folder("search", tables, protocol)
    with records.output_folder(folder):
        result = _run(tables, [optimizer], protocol)
        found = records.found(result.outcomes[0])
        content = records.write_study(result, folder, command, {"found": found})

    def printed() -> None:
        console.print_found(found, content["rows"][0]["metric"])
        print(f"Report: {folder / records.REPORT}")

    return as_json(content) if json else printed


def _on_images(
    command: str, data: str, out: Path | None, json: bool, store: Path | None, options: dict[str, Any]
) -> Printer:
    """A search that trains."""
    from ..search import records
    from ..search.live import Parts, Settings, search_images
    from ..search.live.folder import usual_folder

    settings = Settings(data, **options)
    folder = out or usual_folder(settings, Path("runs"))
    with console.counting_bar() as progress:
        parts = Parts(store=store, note=console.complain, progress=progress)
        content = search_images(settings, folder, command, parts)

    def printed() -> None:
        console.print_found(content["found"], "accuracy (percent)")
        print(f"Report: {folder / records.REPORT}")

    return as_json(content) if json else printed
