"""The command line: the commands put together, and errors turned into exit codes.

0 done, 1 the work failed, 2 the arguments or the input were wrong (one line on stderr), 130 interrupted. The commands are
in ``commands/``; whatever is heavy is imported inside them, so that ``warmnas --help`` answers at once.
"""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from . import __version__, console
from .bench.errors import WarmnasError
from .commands import bench, export, fewshot, metadata, oneshot, predictors, proxies, search, stop, study

app = typer.Typer(help="Neural architecture search that remembers.", rich_markup_mode=None, pretty_exceptions_enable=False)
COMMANDS = (study.study, search.search, export.export, predictors.fit, predictors.predict, proxies.proxies, stop.stop)
for command in (*COMMANDS, oneshot.oneshot, fewshot.fewshot):
    app.command()(command)
app.add_typer(bench.app, name="bench")
app.add_typer(metadata.app, name="metadata")

# Options that take several values, by command.
MULTIPLE = {
    ("study",): ("--benchmark", "--task", "--optimizer", "--predictor"),
    ("bench", "import"): ("--map", "--rename"),
    ("predict",): ("--arch",),
    ("proxies",): ("--proxy",),
    ("stop",): ("--table", "--target", "--method"),
    ("fewshot",): ("--method",),
}
INTERRUPTED = 130


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        print(f"warmnas {__version__}")
    elif context.invoked_subcommand is None:
        raise WarmnasError(
            "no command; choose study, search, stop, proxies, oneshot, fewshot, bench or metadata, or see warmnas --help"
        )


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
