"""The command line: parses arguments, calls the rooms below, prints, and turns errors into exit codes.

0 done, 1 the work failed, 2 the arguments or the input were wrong (one line on stderr), 130 interrupted. Whatever is
heavy is imported inside the commands, so that ``warmnas --help`` answers at once.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import __version__, console
from .bench.errors import WarmnasError
from .jsontext import plain, to_json

if TYPE_CHECKING:
    from .bench import Table
    from .search import Protocol, StudyResult

app = typer.Typer(help="Neural architecture search that remembers.", rich_markup_mode=None, pretty_exceptions_enable=False)
bench_app = typer.Typer(help="Look into the benchmarks.")
app.add_typer(bench_app, name="bench")
metadata_app = typer.Typer(help="Train networks over many tasks, and keep every epoch.")
app.add_typer(metadata_app, name="metadata")

# Options that take several values, by command.
MULTIPLE = {
    ("study",): ("--benchmark", "--task", "--optimizer", "--predictor"),
    ("bench", "import"): ("--map", "--rename"),
    ("predict",): ("--arch",),
    ("proxies",): ("--proxy",),
}
INTERRUPTED = 130
Printer = Callable[[], None]  # what a command returns: it prints the results once all work is done


class Observed(StrEnum):
    """What an optimizer sees of an evaluation."""

    mean = "mean"
    seed = "seed"


class LeftOut(StrEnum):
    """What is no source, besides the target itself."""

    task = "task"
    family = "family"


Benchmark = Annotated[str, typer.Option(help="Name of a benchmark, or a table file (.h5).")]
Budget = Annotated[
    int | None, typer.Option(help="Evaluations per run at most [default: 100, or no limit but that of --seconds].")
]
Schedule = Annotated[
    int | None, typer.Option(help="Total epochs of the trainings that are observed [default: the longest schedule].")
]
Seconds = Annotated[
    float | None, typer.Option(help="Simulated training time per run: a run ends with the training that would overrun it.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of the whole study; equal seeds give equal results.")]
Out = Annotated[Path | None, typer.Option(help="Folder of the results; runs/<kind>-<benchmark>-<protocol> if left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
Observe = Annotated[Observed, typer.Option(help="Mean over the recorded seeds, or one of them drawn per evaluation.")]
Sources = Annotated[str, typer.Option(help="Earlier tasks to learn from: all, none, or names with commas between.")]
SourceRows = Annotated[
    str | None,
    typer.Option(
        help="Architectures that a run knows of each source: a number, or all [default: 200; all of small tables]."
    ),
]
LeaveOut = Annotated[
    LeftOut | None, typer.Option(help="No source: the task, or its whole family [default: as the table says].")
]

Store = Annotated[Path, typer.Option(help="The file that keeps every trial.")]


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        print(f"warmnas {__version__}")
    elif context.invoked_subcommand is None:
        raise WarmnasError("no command; choose study, search, proxies, bench or metadata, or see warmnas --help")


@app.command()
def study(
    context: typer.Context,
    benchmark: Annotated[list[str], typer.Option(help="Benchmarks or table files; several may follow.")],
    task: Annotated[list[str], typer.Option(help="Target tasks, or all; several may follow.")] = ["all"],  # noqa: B006
    optimizer: Annotated[
        list[str], typer.Option(help="Names, with options as in rea[population=50,sample=10], or all; several may follow.")
    ] = ["all"],  # noqa: B006
    predictor: Annotated[
        list[str], typer.Option(help="A predictor study instead: names, as in trees[trees=50], or all; several may follow.")
    ] = [],  # noqa: B006
    budget: Budget = None,
    runs: Annotated[
        int | None,
        typer.Option(help="Independent runs per optimizer and task [default: 30], or splits for predictors [default: 5]."),
    ] = None,
    seed: Seed = 0,
    out: Out = None,
    json: AsJson = False,
    observe: Observe = Observed.mean,
    sources: Sources = "all",
    source_rows: SourceRows = None,
    leave_out: LeaveOut = None,
    schedule: Schedule = None,
    seconds: Seconds = None,
) -> Printer:
    """Every optimizer on every task of the benchmarks, with baselines, error bars and a report to look at."""
    from .search import records

    tables = _open(benchmark)
    if predictor:
        if optimizer != ["all"] or seconds is not None:
            raise WarmnasError("a predictor study has no --optimizer and no --seconds; --budget is what it trains on")
        return _predictor_study(context.obj, tables, task, predictor, budget, runs, seed, observe, schedule, out, json)
    runs = 30 if runs is None else runs
    protocol = _protocol(tables, task, budget, runs, seed, observe, sources, source_rows, leave_out)
    protocol = _limited(protocol, schedule, seconds)
    folder = out or _default_folder("study", tables, protocol)
    with records.output_folder(folder):
        result = _run(tables, optimizer, protocol)
        content = records.write_study(result, folder, context.obj)

    def printed() -> None:
        console.print_study(content)
        print(f"Report: {folder / records.REPORT}")

    return _json(content) if json else printed


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
    from .search import find_tasks, predictor_records, records
    from .search import predictor_study as study_of

    targets = find_tasks(tables, ["all"] if "all" in tasks else tasks)
    names = [name for spec in specs for name in (study_of.fitting(tables) if spec == "all" else [spec])]
    sizes = (study_of.usual_budget(targets) if budget is None else budget, 5 if splits is None else splits)
    protocol = study_of.PredictorProtocol(tuple(task for _, task in targets), *sizes, seed, observe.value, schedule)
    folder = out or _free(Path("runs") / f"predictors-{'+'.join(table.name for table in tables)}")
    fits = len(targets) * (len(dict.fromkeys(names)) + 1) * protocol.splits * len(protocol.sizes)
    with records.output_folder(folder):
        with console.progress_bar(fits) as progress:
            result = study_of.predictor_study(tables, names, protocol, progress, workers=_cores())
        content = predictor_records.write_predictor_study(result, folder, command)

    def printed() -> None:
        console.print_predictors(content)
        print(f"Report: {folder / records.REPORT}")

    return _json(content) if json else printed


@app.command()
def fit(
    predictor: Annotated[str, typer.Option(help="Name, with options as in trees[trees=50].")],
    table: Annotated[str, typer.Option(help="Name of a benchmark, or a table file (.h5), to learn from.")],
    target: Annotated[str, typer.Option(help="The task whose values are learned.")],
    out: Annotated[Path, typer.Option(help="The model file to write.")],
    seed: Seed = 0,
    json: AsJson = False,
) -> Printer:
    """Learn a predictor from the validation values of one task, and save it."""
    from .search import models

    content = models.fit_model(predictor, _open([table])[0], target, out, seed)
    learned = f"{content['predictor']} of {content['architectures']} architectures of {content['task']}"
    return _json(content) if json else lambda: print(f"{out}: {learned} ({content['table']})")


@app.command()
def predict(
    model: Annotated[Path, typer.Option(help="A file that warmnas fit wrote.")],
    table: Annotated[str, typer.Option(help="Name of a benchmark, or a table file (.h5), of the architectures.")],
    task: Annotated[str, typer.Option(help="The task whose architectures are predicted.")],
    arch: Annotated[
        list[str], typer.Option(help="Architectures [default: all that are measured on the task]; several may follow.")
    ] = [],  # noqa: B006
    json: AsJson = False,
) -> Printer:
    """What a saved predictor says of architectures: expected value and standard deviation."""
    from .search import models

    content = models.predict_with(model, _open([table])[0], task, arch)
    return _json(content) if json else lambda: console.print_predictions(content["rows"])


@app.command()
def search(
    context: typer.Context,
    benchmark: Benchmark,
    task: Annotated[str, typer.Option(help="The target task, held out of the sources.")],
    optimizer: Annotated[str, typer.Option(help="Name, with options as in rea[population=50].")] = "xfernas",
    budget: Budget = None,
    out: Out = None,
    json: AsJson = False,
    seed: Seed = 0,
    observe: Observe = Observed.mean,
    sources: Sources = "all",
    source_rows: SourceRows = None,
    leave_out: LeaveOut = None,
    schedule: Schedule = None,
    seconds: Seconds = None,
) -> Printer:
    """One search on one task of a benchmark, warm-started from its other tasks."""
    from .search import records

    if "all" in (task, optimizer):
        raise WarmnasError("a search has one --task and one --optimizer; 'all' is for warmnas study")
    tables = _open([benchmark])
    protocol = _protocol(tables, [task], budget, 1, seed, observe, sources, source_rows, leave_out)
    protocol = _limited(protocol, schedule, seconds)
    folder = out or _default_folder("search", tables, protocol)
    with records.output_folder(folder):
        result = _run(tables, [optimizer], protocol)
        found = records.found(result.outcomes[0])
        content = records.write_study(result, folder, context.obj, {"found": found})

    def printed() -> None:
        console.print_found(found, content["rows"][0]["metric"])
        print(f"Report: {folder / records.REPORT}")

    return _json(content) if json else printed


@bench_app.command("list")
def bench_list(json: AsJson = False) -> Printer:
    """Benchmarks by name."""
    from .bench import benchmarks

    rows = [{"name": name, "package": b.distribution, "summary": b.summary} for name, b in benchmarks.items()]
    if json:
        return _json({"benchmarks": rows})
    return lambda: console.grid("Benchmarks", ("name", "package", "what"), [tuple(row.values()) for row in rows], left=3)


@bench_app.command()
def info(benchmark: Annotated[str, typer.Argument(metavar="B")], json: AsJson = False) -> Printer:
    """What a benchmark holds: tasks, splits and where they come from, metrics, licence, hash."""
    content = _open([benchmark])[0].info()
    return _json(content) if json else lambda: console.print_info(content)


@bench_app.command()
def query(
    benchmark: Annotated[str, typer.Argument(metavar="B")],
    arch: Annotated[str, typer.Option(help="The architecture, in the field's own form or as digits.")],
    task: Annotated[str, typer.Option(help="On which task.")],
    schedule: Annotated[int | None, typer.Option(help="Total epochs, where there are several schedules.")] = None,
    json: AsJson = False,
) -> Printer:
    """Every value of one architecture on one task."""
    content = _open([benchmark])[0].query(task, arch, schedule)
    return _json(content) if json else lambda: console.print_query(content)


@bench_app.command("import")
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
    from .bench import importing

    options = importing.options(space, mapping, rename, metric, name, source, licence, last_epoch)
    content = importing.import_to(file, form, out, options)
    return _json(content) if json else lambda: console.print_import(content)


@bench_app.command("formats")
def bench_formats(json: AsJson = False) -> Printer:
    """Formats that ``bench import`` reads."""
    from .bench.readers import formats

    rows = [{"format": name, "summary": form.summary} for name, form in formats.items()]
    if json:
        return _json({"formats": rows})
    return lambda: console.grid("Formats", ("format", "what"), [tuple(row.values()) for row in rows], left=2)


@bench_app.command("export")
def bench_export(
    benchmark: Annotated[str, typer.Argument(metavar="B")],
    out: Annotated[Path, typer.Option(help="The file to write: .csv, .csv.gz, .parquet or .h5.")],
) -> Printer:
    """A benchmark in long form (a line per measurement), or as a table file."""
    from .bench import exporting

    exporting.export(_open([benchmark])[0], out)
    return lambda: print(f"{out} written")


@metadata_app.command("generate")
def metadata_generate(
    plan: Annotated[str, typer.Option(help="A TOML file, or the name of a plan that comes with warmnas, such as smoke.")],
    store: Store,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes [default: one per core, or per GPU].")] = None,
    ray: Annotated[
        str | None, typer.Option(help="Address of a Ray cluster (auto, host:port) to spread the work over.")
    ] = None,
    known: Annotated[
        list[str], typer.Option(help="Exported tables (images-v1, my.h5): their trials are taken over, not trained again.")
    ] = [],  # noqa: B006
) -> Printer | int:
    """Train what a plan asks for and the store does not have; can be stopped and started at any time."""
    from .metadata import experiments

    if workers is not None and ray is not None:
        raise WarmnasError("--workers and --ray exclude each other; a cluster has as many workers as cores, or GPUs")
    tables = _open(known)
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


@metadata_app.command("status")
def metadata_status(store: Store, json: AsJson = False) -> Printer:
    """How many trials are done, running, failed and left, and how long the rest will take."""
    from .metadata import experiments

    with contextlib.closing(experiments.ExperimentStore(store, read_only=True)) as opened:
        content, failures = opened.status(), opened.failures()
    return _json(content) if json else lambda: console.print_status(content, failures)


@metadata_app.command("export")
def metadata_export(
    store: Store,
    out: Annotated[Path, typer.Option(help="The table file to write (.h5).")],
    partial: Annotated[bool, typer.Option("--partial", help="Also the epochs of trials that are not finished.")] = False,
    space: Annotated[str | None, typer.Option(help="Which search space, where the store has several.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Hash of the recipe, where the store has several.")] = None,
    compact: Annotated[
        bool, typer.Option("--compact", help="Scaled integers: a quarter of the size, steps of .01 %.")
    ] = False,
    describe: Annotated[
        bool, typer.Option("--describe", help="With landmark accuracies (DCN) and an embedding of each task's images.")
    ] = False,
) -> Printer:
    """Freeze a store to a table, which every other command takes as a benchmark."""
    from .metadata import experiments

    with contextlib.closing(experiments.ExperimentStore(store, read_only=not describe)) as opened:
        table = experiments.export(opened, out.stem, space=space, recipe=recipe, partial=partial)
        if describe:
            with console.counting_bar("tasks described") as progress:
                table = experiments.describe(table, opened, progress=progress)
    table.save(out, compact=compact)
    return lambda: print(f"{out}: {len(table.tasks)} tasks, {len(table.names)} architectures, {len(table.seeds)} seeds")


@app.command()
def proxies(
    space: Annotated[str, typer.Option(help="Search space, such as nasbench201.")],
    data: Annotated[str, typer.Option(help="A task, a folder of images per class, an .npz, or gaussian for noise.")],
    proxy: Annotated[list[str], typer.Option(help="Names, or all; several may follow.")],
    sample: Annotated[int, typer.Option(min=1, help="Connected architectures, drawn uniformly.")],
    out: Annotated[Path, typer.Option(help="The table file to write (.h5).")],
    seed: Annotated[int, typer.Option(min=0, help="Of the sample, the batches and the weights.")] = 0,
    json: AsJson = False,
    batch: Annotated[int, typer.Option(min=2, help="Images of a batch.")] = 32,
    width: Annotated[int | None, typer.Option(min=1, help="Channels [default: the space's own].")] = None,
    cells: Annotated[int | None, typer.Option(min=1, help="Cells per stage [default: the space's own].")] = None,
    inits: Annotated[int, typer.Option(min=1, help="Draws of weights and batch, whose results are averaged.")] = 1,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes of one thread [default: one per core].")] = None,
) -> Printer:
    """Zero-cost proxies on untrained networks, set against a benchmark's accuracies."""
    from .search import zero_shot
    from .surrogates.proxies import ProbeRecipe
    from .surrogates.proxies import proxies as known

    names = [name for given in proxy for name in (known if given == "all" else [given])]
    recipe = ProbeRecipe(batch, width, cells, seed, inits)
    with console.progress_bar(sample) as progress:
        content = zero_shot.score_sample(
            space,
            data,
            names,
            sample,
            recipe,
            out,
            workers or _cores(),
            progress and (lambda n: progress("proxies", data, n)),
        )
    return _json(content) if json else lambda: console.print_proxies(content)


def _json(content: Mapping[str, Any]) -> Printer:
    return lambda: print(to_json(plain(content)))


def _open(names: Sequence[str]) -> list[Table]:
    from .bench import open_benchmark

    return [open_benchmark(name) for name in dict.fromkeys(names)]


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
    from .search import Protocol, find_tasks, usual_source_rows

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
    from .search import StudyResult

    used = tuple(table for table in tables if set(table.tasks) & set(protocol.tasks))
    names = "+".join(table.name for table in used)
    # The protocol does not say which optimizers ran, so an equal one may have results there already.
    return _free(Path("runs") / f"{kind}-{names}-{StudyResult(protocol, used, ()).protocol_hash()}")


def _free(folder: Path) -> Path:
    """The folder, or with a number behind it where it is there already."""
    others = (folder.with_name(f"{folder.name}-{n}") for n in count(2))
    return folder if not folder.exists() else next(other for other in others if not other.exists())


def _run(tables: Sequence[Table], specs: Sequence[str], protocol: Protocol) -> StudyResult:
    """The study, with a progress bar; ``all`` stands for every optimizer that has what it needs on these tasks."""
    from . import search
    from .search import find_tasks, sources_of

    targets = find_tasks(tables, protocol.tasks)
    alone = [task for table, task in targets if protocol.sources != "none" and not sources_of(table, task, protocol)]
    if alone:
        console.complain(f"note: no source task is left for {', '.join(alone)}; transfer starts from nothing there")
    names = [name for spec in specs for name in (_fitting(targets) if spec == "all" else [spec])]
    runs = len(targets) * len(dict.fromkeys(names)) * protocol.runs
    total = None if protocol.budget is None or protocol.seconds is not None else runs * protocol.budget
    with console.progress_bar(total) as progress:
        return search.study(tables, names, protocol, progress, workers=_cores())


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _fitting(targets: Sequence[tuple[Table, str]]) -> list[str]:
    from .search import live_params, optimizers

    counted = all(live_params(table, task) is not None for table, task in targets)
    return [name for name in optimizers if counted or name != "live-params"]


def expand(arguments: Sequence[str]) -> list[str]:
    """``study --optimizer a b`` as ``study --optimizer a --optimizer b``; other commands as they are."""
    command = next((words for words in MULTIPLE if tuple(arguments[: len(words)]) == words), None)
    if command is None:
        return list(arguments)
    expanded: list[str] = []
    option, values = "", 0  # the option whose further values may follow, and how many it has
    for argument in [*arguments, "--"]:
        if argument.startswith("--"):
            if option and not values:
                raise WarmnasError(f"{option} needs a value; see warmnas {' '.join(command)} --help")
            name, _, inline = argument.partition("=")
            option, values = (name, len(inline)) if name in MULTIPLE[command] else ("", 0)
        elif option:
            expanded += [option] if values else []
            values += 1
        expanded.append(argument)
    return expanded[:-1]


_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        command = "warmnas " + shlex.join(arguments)
        outcome = app(args=expand(arguments), prog_name="warmnas", standalone_mode=False, obj=command)
        if callable(outcome):
            outcome()
        sys.stdout.flush()
        if outcome == INTERRUPTED:
            raise KeyboardInterrupt
        return outcome if isinstance(outcome, int) else 0
    except WarmnasError as error:
        console.complain(error)
        return 2
    except _UsageError as error:
        console.complain(_usage(error))
        return 2
    except (KeyboardInterrupt, typer.Abort):
        console.complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the exit would complain again
        return 0
    except OSError as error:  # a full disk, say
        console.complain(error)
        return 1
    except Exception as error:
        return _internal(error)


def _usage(error: Any) -> str:
    """The message of a usage error, and where the right form is written."""
    path = error.ctx.command_path if getattr(error, "ctx", None) else "warmnas"
    return f"{error.format_message().rstrip('.')}; see {path} --help"


def _internal(error: Exception) -> int:
    console.complain(f"internal error {type(error).__name__}: {error} (WARMNAS_TRACEBACK=1 shows where)")
    if os.environ.get("WARMNAS_TRACEBACK") == "1":
        traceback.print_exception(error)
    return 1
