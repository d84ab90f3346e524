"""``warmnas metadata``: train networks over many tasks, and keep every epoch."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from .. import console
from ..bench.errors import WarmnasError
from . import names
from .common import AsJson, Printer, as_json, example, open_tables

app = typer.Typer(help="Train networks over many tasks, and keep every epoch.")
Store = Annotated[Path, typer.Option(metavar="S", help="The file that keeps every trial.")]


@app.command("generate", epilog=example("warmnas metadata generate --plan smoke --store runs/smoke.db --workers 2"))
def metadata_generate(
    plan: Annotated[
        str,
        typer.Option(
            metavar="P",
            help="A TOML file, or the name of a plan that comes with warmnas, such as smoke.",
            autocompletion=names.plans,
        ),
    ],
    store: Store,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="W", help="Processes [default: one per core, or per GPU].")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="A Ray cluster to spread the work over: auto, local or HOST:PORT."),
    ] = None,
    known: Annotated[
        list[str],
        typer.Option(
            metavar="B",
            help="Exported tables (images-v1, my.h5): their trials are taken over, not trained again; several may follow.",
            autocompletion=names.benchmarks,
        ),
    ] = [],  # noqa: B006
) -> Printer | int:
    """Train what a plan asks for and the store does not have; can be stopped and started at any time."""
    from ..metadata import experiments

    if workers is not None and ray is not None:
        raise WarmnasError("--workers and --ray exclude each other; a cluster has as many workers as cores, or GPUs")
    tables = open_tables(known)
    prepared = experiments.prepare(experiments.read_plan(plan))
    opened = experiments.ExperimentStore(store)
    with contextlib.closing(opened), console.generation_bar() as progress:
        counts = experiments.generate(prepared, opened, workers=workers, ray=ray, progress=progress, known=tables)
        failures = opened.failures()
    if counts["failed"] and not counts["done"]:
        console.complain(f"all {counts['failed']} trials failed, for example: {next(iter(failures))}")
        return 1

    def printed() -> None:
        elsewhere = f", {counts['running']} still running elsewhere" if counts["running"] else ""
        failed = f", {counts['failed']} failed (warmnas metadata status says why)" if counts["failed"] else ""
        print(f"{plan}: {counts['done']} trials done{failed}{elsewhere}, {counts['epochs']} epochs in {store}")

    return printed


@app.command("status", epilog=example("warmnas metadata status --store runs/smoke.db"))
def metadata_status(store: Store, json: AsJson = False) -> Printer:
    """How many trials are done, running, failed and left, and how long the rest will take."""
    from ..metadata import experiments

    with contextlib.closing(experiments.ExperimentStore(store, read_only=True)) as opened:
        content, failures = opened.status(), opened.failures()
    return as_json(content) if json else lambda: console.print_status(content, failures)


@app.command("export", epilog=example("warmnas metadata export --store runs/smoke.db --out smoke.h5"))
def metadata_export(
    store: Store,
    out: Annotated[Path, typer.Option(metavar="T.h5", help="The table file to write.")],
    partial: Annotated[bool, typer.Option("--partial", help="Also the epochs of trials that are not finished.")] = False,
    space: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which search space, where the store has several.", autocompletion=names.spaces),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(metavar="HASH", help="Hash of the recipe, where the store has several.")
    ] = None,
    compact: Annotated[
        bool, typer.Option("--compact", help="Scaled integers: a quarter of the size, steps of .01 %.")
    ] = False,
    describe: Annotated[
        bool, typer.Option("--describe", help="With landmark accuracies (DCN) and an embedding of each task's images.")
    ] = False,
) -> Printer:
    """Freeze a store to a table, which every other command takes as a benchmark."""
    from ..metadata import experiments

    with contextlib.closing(experiments.ExperimentStore(store, read_only=not describe)) as opened:
        with console.busy("freezing the store"):
            table = experiments.export(opened, out.stem, space=space, recipe=recipe, partial=partial)
        if describe:
            with console.counting_bar("tasks described") as progress:
                table = experiments.describe(table, opened, progress=progress)
    table.save(out, compact=compact)
    return lambda: print(f"{out}: {len(table.tasks)} tasks, {len(table.names)} architectures, {len(table.seeds)} seeds")
