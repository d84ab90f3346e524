"""``warmnas study``: optimizers, or predictors, on the tasks of benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import console
from ..bench.errors import WarmnasError
from ..machine import cores
from . import names
from .common import AsJson, Out, Printer, Seed, as_json, example, free_folder, open_tables

if TYPE_CHECKING:
    from ..bench import Table
    from ..search import Protocol, StudyResult


EXAMPLE = example(
    "warmnas study --benchmark nasbench201 --task cifar100 --optimizer random rea warm \\",
    "    --budget 100 --runs 30 --out runs/first",
    "warmnas study --benchmark nasbench201 --predictor trees gp --out runs/predictors",
)


class Observed(StrEnum):
    """What an optimizer sees of an evaluation."""

    mean = "mean"
    seed = "seed"


class LeftOut(StrEnum):
    """What is no source, besides the target itself."""

    task = "task"
    family = "family"


Budget = Annotated[
    int | None,
    typer.Option(metavar="N", help="Evaluations per run at most [default: 100, or no limit but that of --seconds]."),
]
Schedule = Annotated[
    int | None,
    typer.Option(metavar="EPOCHS", help="Total epochs of the trainings that are observed [default: the longest schedule]."),
]
Seconds = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="Simulated training time per run: a run ends with the training that would overrun it."
    ),
]
Observe = Annotated[Observed, typer.Option(help="Mean over the recorded seeds, or one of them drawn per evaluation.")]
Sources = Annotated[
    str,
    typer.Option(metavar="all|none|T1,T2", help="Earlier tasks to learn from: all, none, or names with commas between."),
]
SourceRows = Annotated[
    str | None,
    typer.Option(
        metavar="N|all",
        help="Architectures that a run knows of each source: a number, or all [default: 200; all of small tables].",
    ),
]
LeaveOut = Annotated[
    LeftOut | None, typer.Option(help="No source: the task, or its whole family [default: as the table says].")
]

BenchmarkNames = Annotated[
    list[str],
    typer.Option(metavar="B", help="Benchmarks or table files; several may follow.", autocompletion=names.benchmarks),
]
TaskNames = Annotated[
    list[str],
    typer.Option(metavar="TASK", help="Target tasks, or all; several may follow.", autocompletion=names.tasks_or_all),
]
OptimizerNames = Annotated[
    list[str],
    typer.Option(
        metavar="NAME",
        help="Names, with options as in rea[population=50,sample=10], or all; several may follow.",
        autocompletion=names.optimizers_or_all,
    ),
]
PredictorNames = Annotated[
    list[str],
    typer.Option(
        metavar="NAME",
        help="A predictor study instead: names, as in trees[trees=50], or all; several may follow.",
        autocompletion=names.predictors_or_all,
    ),
]
Runs = Annotated[
    int | None,
    typer.Option(
        metavar="R",
        help="Independent runs per optimizer and task [default: 30], or splits for predictors [default: 5].",
    ),
]
Objectives = Annotated[
    str | None,
    typer.Option(
        metavar="COST",
        help="Values against a cost: params, flops, live-params or latency:DEVICE; fronts are judged too.",
    ),
]
StopperName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What ends trainings early, as in median or asha[workers=4]; epochs are charged.",
        autocompletion=names.stoppers,
    ),
]
FittedModel = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="A fitted predictor (warmnas fit) as one more source of every target."),
]


def study(
    context: typer.Context,
    benchmark: BenchmarkNames,
    task: TaskNames = ["all"],  # noqa: B006
    optimizer: OptimizerNames = ["all"],  # noqa: B006
    predictor: PredictorNames = [],  # noqa: B006
    budget: Budget = None,
    runs: Runs = None,
    seed: Seed = 0,
    out: Out = None,
    json: AsJson = False,
    observe: Observe = Observed.mean,
    sources: Sources = "all",
    source_rows: SourceRows = None,
    leave_out: LeaveOut = None,
    schedule: Schedule = None,
    seconds: Seconds = None,
    objectives: Objectives = None,
    stopper: StopperName = None,
    model: FittedModel = None,
) -> Printer:
    """Every optimizer on every task of the benchmarks, with baselines, error bars and a report to look at."""
    from ..search import records

    if stopper is not None:
        _check_stopper(stopper)
    tables = open_tables(benchmark)
    if predictor:
        if optimizer != ["all"] or any(option is not None for option in (seconds, stopper, objectives, model)):
            given = "a predictor study has no --optimizer, no --seconds, no --objectives, no --stopper and no --model"
            raise WarmnasError(f"{given}; --budget is what it trains on")
        return _predictor_study(context.obj, tables, task, predictor, budget, runs, seed, observe, schedule, out, json)
    runs = 30 if runs is None else runs
    protocol = _protocol(tables, task, budget, runs, seed, observe, sources, source_rows, leave_out)
    protocol = replace(_limited(protocol, schedule, seconds), stopper=stopper, objectives=objectives, model=model)
    folder = out or _default_folder("study", tables, protocol)
    with records.output_folder(folder):
        result = _run(tables, optimizer, protocol)
        content = records.write_study(result, folder, context.obj)

    def printed() -> None:
        console.print_study(content)
        print(f"Report: {folder / records.REPORT}")

    return as_json(content) if json else printed


def _check_stopper(spec: str) -> None:
    """UnknownName for a stopper that there is not, before a table is opened that may have no curves for it."""
    from ..search.optimizer import parse_spec
    from ..search.stoppers import stoppers

    stoppers[parse_spec(spec)[0]]


def _predictor_study(
    command: str,
    tables: Sequence[Table],
    tasks: Sequence[str],
    specs: Sequence[str],
    budget: int | None,
    splits: int | None,
    seed: int,
    observe: Observed,
    schedule: int | None,
    out: Path | None,
    json: bool,
) -> Printer:
    """``study --predictor``: how well unseen architectures are ordered, by number of training architectures."""
    from ..search import find_tasks, predictor_records, records
    from ..search import predictor_study as study_of

    targets = find_tasks(tables, ["all"] if "all" in tasks else tasks)
    names = [name for spec in specs for name in (study_of.fitting(tables) if spec == "all" else [spec])]
    sizes = (study_of.usual_budget(targets) if budget is None else budget, 5 if splits is None else splits)
    protocol = study_of.PredictorProtocol(tuple(task for _, task in targets), *sizes, seed, observe.value, schedule)
    folder = out or free_folder(Path("runs") / f"predictors-{'+'.join(table.name for table in tables)}")
    fits = len(targets) * (len(dict.fromkeys(names)) + 1) * protocol.splits * len(protocol.sizes)
    with records.output_folder(folder):
        with console.progress_bar(fits) as progress:
            result = study_of.predictor_study(tables, names, protocol, progress, workers=cores())
        content = predictor_records.write_predictor_study(result, folder, command)

    def printed() -> None:
        console.print_predictors(content)
        print(f"Report: {folder / records.REPORT}")

    return as_json(content) if json else printed


def _protocol(
    tables: Sequence[Table],
    tasks: Sequence[str],
    budget: int | None,
    runs: int,
    seed: int,
    observe: Observed,
    sources: str,
    source_rows: str | None,
    leave_out: LeftOut | None,
) -> Protocol:
    """The protocol that the options describe; every name of a task is known, and ``all`` may stand among others."""
    from ..search import Protocol, find_tasks, usual_source_rows

    if source_rows not in (None, "all") and not source_rows.lstrip("-").isdecimal():
        raise WarmnasError(f"--source-rows '{source_rows}': write a number, or all")
    rows = usual_source_rows(tables) if source_rows is None else None if source_rows == "all" else int(source_rows)
    targets = find_tasks(tables, [name for name in tasks if name != "all"])
    if "all" in tasks:
        targets = find_tasks(tables, ["all"])
    names = tuple(task for _, task in targets)
    protocol = Protocol(names, budget, runs, seed, observe.value, sources, rows)
    return replace(protocol, leave_out=leave_out.value) if leave_out else protocol


def _limited(protocol: Protocol, schedule: int | None, seconds: float | None) -> Protocol:
    """The protocol with what is observed and what ends a run; 100 evaluations where nothing was said."""
    if seconds is not None and not 0 < seconds < float("inf"):
        raise WarmnasError(f"--seconds {seconds:g}: write a number above 0")
    budget = 100 if protocol.budget is None and seconds is None else protocol.budget
    return replace(protocol, budget=budget, schedule=schedule, seconds=seconds)


def _default_folder(kind: str, tables: Sequence[Table], protocol: Protocol) -> Path:
    from ..search import StudyResult

    used = tuple(table for table in tables if set(table.tasks) & set(protocol.tasks))
    names = "+".join(table.name for table in used)
    # The protocol does not say which optimizers ran, so an equal one may have results there already.
    return free_folder(Path("runs") / f"{kind}-{names}-{StudyResult(protocol, used, ()).protocol_hash()}")


def _run(tables: Sequence[Table], specs: Sequence[str], protocol: Protocol) -> StudyResult:
    """The study, with a progress bar; ``all`` stands for every optimizer that has what it needs on these tasks."""
    from .. import search
    from ..search import find_tasks, sources_of

    targets = find_tasks(tables, protocol.tasks)
    alone = [task for table, task in targets if protocol.sources != "none" and not sources_of(table, task, protocol)]
    if alone:
        console.complain(f"note: no source task is left for {', '.join(alone)}; transfer starts from nothing there")
    fitting = _fitting(targets, protocol.objectives, protocol.seconds) if "all" in specs else []
    names = [name for spec in specs for name in (fitting if spec == "all" else [spec])]
    runs = len(targets) * len(dict.fromkeys(names)) * protocol.runs
    total = None if protocol.budget is None or protocol.seconds is not None else runs * protocol.budget
    with console.progress_bar(total) as progress:
        return search.study(tables, names, protocol, progress, workers=cores())


def _fitting(
    targets: Sequence[tuple[Table, str]], objectives: str | None = None, seconds: float | None = None
) -> list[str]:
    from ..search import live_params, optimizers
    from ..transfer.rapidnas.described import pictured

    counted = all(live_params(table, task) is not None for table, task in targets)
    chains = seconds is None and all(table.prefixes is not None and "dcn" in table.data for table, _ in targets)
    paths = all("path" in table.space.encodings for table, _ in targets)
    needs = {"live-params": counted, "rapidnas": pictured(targets), "tapas": chains, "bananas": paths}
    needs |= dict.fromkeys(("mo-rea", "nsga2", "ehvi"), objectives is not None)
    lacking = {name for name, there in needs.items() if not there}
    return [name for name in optimizers if name not in lacking]
