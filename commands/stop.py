"""``warmnas stop``: the early-termination study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import console
from ..machine import cores
from . import names
from .common import AsJson, Out, Printer, Seed, as_json, example, free_folder, open_tables

EXAMPLE = example(
    "warmnas stop --table images-v1 --target all --method last median lc-pfn \\",
    "    --orders 100 --out runs/stop",
)

Table = Annotated[
    list[str],
    typer.Option(
        metavar="B",
        help="Tables with learning curves: names, or files; several may follow.",
        autocompletion=names.benchmarks,
    ),
]
Target = Annotated[
    list[str],
    typer.Option(metavar="TASK", help="Target tasks, or all; several may follow.", autocompletion=names.tasks_or_all),
]
Method = Annotated[
    list[str],
    typer.Option(
        metavar="NAME",
        help="Names, with options as in lc-pfn[delta=0.1], or all; several may follow.",
        autocompletion=names.stoppers_or_all,
    ),
]
Orders = Annotated[int, typer.Option(metavar="N", help="Random orders of the candidates.")]
Candidates = Annotated[int, typer.Option(min=2, metavar="N", help="Architectures of a search at most.")]
Schedule = Annotated[
    int | None, typer.Option(metavar="EPOCHS", help="Total epochs of the trainings [default: the longest].")
]
LeaveOut = Annotated[str | None, typer.Option(metavar="task|family", help="What is no source [default: family].")]
Fronts = Annotated[bool, typer.Option(help="Also other values of each method's knob, for the curves.")]


def stop(
    context: typer.Context,
    table: Table,
    target: Target = ["all"],  # noqa: B006
    method: Method = ["all"],  # noqa: B006
    orders: Orders = 100,
    seed: Seed = 0,
    out: Out = None,
    json: AsJson = False,
    candidates: Candidates = 200,
    schedule: Schedule = None,
    leave_out: LeaveOut = None,
    fronts: Fronts = True,
) -> Printer:
    """Every early-termination method on the same random orders of a task's recorded trainings."""
    from ..search import records, stop_records, stop_study

    tables = open_tables(table)
    protocol = stop_study.StopProtocol(tuple(target), orders, seed, candidates, schedule, leave_out, fronts)
    folder = out or free_folder(Path("runs") / f"stop-{'+'.join(one.name for one in tables)}")
    with records.output_folder(folder):
        with console.counting_bar() as progress:
            result = stop_study.stop_study(tables, method, protocol, progress, workers=cores())
        content = stop_records.write_stop_study(result, folder, context.obj)

    def printed() -> None:
        console.print_stop(content)
        print(f"Report: {folder / records.REPORT}")

    return as_json(content) if json else printed
