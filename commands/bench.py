"""``warmnas bench``: look into benchmarks, read other people's files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import console
from .common import AsJson, Printer, as_json, open_tables

app = typer.Typer(help="Look into the benchmarks.")


@app.command("list")
def bench_list(json: AsJson = False) -> Printer:
    """Benchmarks by name."""
    from ..bench import benchmarks

    rows = [{"name": name, "package": b.distribution, "summary": b.summary} for name, b in benchmarks.items()]
    if json:
        return as_json({"benchmarks": rows})
    return lambda: console.grid("Benchmarks", ("name", "package", "what"), [tuple(row.values()) for row in rows], left=3)


@app.command()
def info(benchmark: Annotated[str, typer.Argument(metavar="B")], json: AsJson = False) -> Printer:
    """What a benchmark holds: tasks, splits and where they come from, metrics, licence, hash."""
    content = open_tables([benchmark])[0].info()
    return as_json(content) if json else lambda: console.print_info(content)


@app.command()
def query(
    benchmark: Annotated[str, typer.Argument(metavar="B")],
    arch: Annotated[str, typer.Option(help="The architecture, in the field's own form or as digits.")],
    task: Annotated[str, typer.Option(help="On which task.")],
    schedule: Annotated[int | None, typer.Option(help="Total epochs, where there are several schedules.")] = None,
    json: AsJson = False,
) -> Printer:
    """Every value of one architecture on one task."""
    content = open_tables([benchmark])[0].query(task, arch, schedule)
    return as_json(content) if json else lambda: console.print_query(content)


@app.command("import")
def bench_import(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The original file, or the folder of a benchmark.")],
    form: Annotated[str, typer.Option("--format", help="csv, parquet, or a benchmark: warmnas bench formats lists them.")],
    out: Annotated[Path, typer.Option(help="The table file to write (.h5).")],
    space: Annotated[str | None, typer.Option(help="Search space of the architectures [default: as they look].")] = None,
    mapping: Annotated[
        list[str], typer.Option("--map", help="What a column is, as in val:cifar10@200#0=c10_val_s0; several may follow.")
    ] = [],  # noqa: B006
    rename: Annotated[list[str], typer.Option(help="Names of tasks: c10=cifar10-valid; several may follow.")] = [],  # noqa: B006
    metric: Annotated[
        str | None, typer.Option(help="Where it is not accuracy in percent: NAME:minimize or :maximize.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the table [default: that of the file].")] = None,
    source: Annotated[str | None, typer.Option(help="Where the numbers come from, with citation.")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the numbers.")] = None,
    last_epoch: Annotated[
        bool, typer.Option("--last-epoch", help="No learning curves: a table that is far smaller.")
    ] = False,
    json: AsJson = False,
) -> Printer:
    """Someone else's file as a table, which every other command takes as a benchmark."""
    from ..bench import importing

    options = importing.options(space, mapping, rename, metric, name, source, licence, last_epoch)
    content = importing.import_to(file, form, out, options)
    return as_json(content) if json else lambda: console.print_import(content)


@app.command("formats")
def bench_formats(json: AsJson = False) -> Printer:
    """Formats that ``bench import`` reads."""
    from ..bench.readers import formats

    rows = [{"format": name, "summary": form.summary} for name, form in formats.items()]
    if json:
        return as_json({"formats": rows})
    return lambda: console.grid("Formats", ("format", "what"), [tuple(row.values()) for row in rows], left=2)


@app.command("export")
def bench_export(
    benchmark: Annotated[str, typer.Argument(metavar="B")],
    out: Annotated[Path, typer.Option(help="The file to write: .csv, .csv.gz, .parquet or .h5.")],
) -> Printer:
    """A benchmark in long form (a line per measurement), or as a table file."""
    from ..bench import exporting

    exporting.export(open_tables([benchmark])[0], out)
    return lambda: print(f"{out} written")
