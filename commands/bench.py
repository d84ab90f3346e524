"""``warmnas bench``: look into benchmarks, read other people's files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import console
from . import names
from .common import AsJson, Printer, as_json, example, open_tables

app = typer.Typer(help="Look into the benchmarks.")
B = Annotated[
    str,
    typer.Argument(
        metavar="B", help="Name of a benchmark, or a table file (.h5).", autocompletion=names.benchmarks, show_default=False
    ),
]


@app.command("list", epilog=example("warmnas bench list"))
def bench_list(json: AsJson = False) -> Printer:
    """Benchmarks by name."""
    from ..bench import benchmarks

    rows = [{"name": name, "package": b.distribution, "summary": b.summary} for name, b in benchmarks.items()]
    if json:
        return as_json({"benchmarks": rows})
    return lambda: console.grid("Benchmarks", ("name", "package", "what"), [tuple(row.values()) for row in rows], left=3)


@app.command(epilog=example("warmnas bench info nasbench201"))
def info(benchmark: B, json: AsJson = False) -> Printer:
    """What a benchmark holds: tasks, splits and where they come from, metrics, licence, hash."""
    content = open_tables([benchmark])[0].info()
    return as_json(content) if json else lambda: console.print_info(content)


@app.command(epilog=example("warmnas bench query nasbench201 --arch 334131 --task cifar100"))
def query(
    benchmark: B,
    arch: Annotated[str, typer.Option(metavar="STR", help="The architecture, in the field's own form or as digits.")],
    task: Annotated[str, typer.Option(metavar="T", help="On which task.", autocompletion=names.tasks)],
    schedule: Annotated[
        int | None, typer.Option(metavar="EPOCHS", help="Total epochs, where there are several schedules.")
    ] = None,
    json: AsJson = False,
) -> Printer:
    """Every value of one architecture on one task."""
    content = open_tables([benchmark])[0].query(task, arch, schedule)
    return as_json(content) if json else lambda: console.print_query(content)


@app.command(
    "import",
    epilog=example(
        "warmnas bench import results.csv --format csv --out results.h5",
        "warmnas bench import NAS-Bench-201-v1_1-096897.pth --format nasbench201 \\",
        "    --out nb201.h5",
    ),
)
def bench_import(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The original file, or the folder of a benchmark.")],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="F",
            help="csv, parquet, or a benchmark: warmnas bench formats lists them.",
            autocompletion=names.formats,
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="T.h5", help="The table file to write.")],
    space: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Search space of the architectures [default: as they look].",
            autocompletion=names.spaces,
        ),
    ] = None,
    mapping: Annotated[
        list[str],
        typer.Option(
            "--map", metavar="WHAT=COLUMN", help="What a column is, as in val:cifar10@200#0=c10_val_s0; several may follow."
        ),
    ] = [],  # noqa: B006
    rename: Annotated[
        list[str], typer.Option(metavar="OLD=NEW", help="Names of tasks: c10=cifar10-valid; several may follow.")
    ] = [],  # noqa: B006
    metric: Annotated[
        str | None,
        typer.Option(metavar="NAME:SENSE", help="Where it is not accuracy in percent: NAME:minimize or :maximize."),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the table [default: that of the file].")] = None,
    source: Annotated[str | None, typer.Option(metavar="TEXT", help="Where the numbers come from, with citation.")] = None,
    licence: Annotated[str | None, typer.Option(metavar="TEXT", help="Licence of the numbers.")] = None,
    last_epoch: Annotated[
        bool, typer.Option("--last-epoch", help="No learning curves: a table that is far smaller.")
    ] = False,
    json: AsJson = False,
) -> Printer:
    """Someone else's file as a table, which every other command takes as a benchmark."""
    from ..bench import importing

    options = importing.options(space, mapping, rename, metric, name, source, licence, last_epoch)
    with console.busy(f"reading {file.name}"):
        content = importing.import_to(file, form, out, options)
    return as_json(content) if json else lambda: console.print_import(content)


@app.command("formats", epilog=example("warmnas bench formats"))
def bench_formats(json: AsJson = False) -> Printer:
    """Formats that ``bench import`` reads."""
    from ..bench.readers import formats

    rows = [{"format": name, "summary": form.summary} for name, form in formats.items()]
    if json:
        return as_json({"formats": rows})
    return lambda: console.grid("Formats", ("format", "what"), [tuple(row.values()) for row in rows], left=2)


@app.command("export", epilog=example("warmnas bench export nasbench201 --out nasbench201.csv.gz"))
def bench_export(
    benchmark: B,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write: .csv, .csv.gz, .parquet or .h5.")],
) -> Printer:
    """A benchmark in long form (a line per measurement), or as a table file."""
    from ..bench import exporting

    with console.busy(f"writing {out.name}"):
        exporting.export(open_tables([benchmark])[0], out)
    return lambda: print(f"{out} written")
