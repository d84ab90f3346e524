"""The command line: the commands put together, and errors turned into exit codes.

0 done, 1 the work failed, 2 the arguments or the input were wrong (one line on stderr), 130 interrupted. The commands are
in ``commands/``; whatever is heavy is imported inside them, so that ``warmnas --help`` answers at once.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from . import __version__, console
from .bench.errors import WarmnasError, near
from .bench.registry import PluginWarning
from .commands import bench, export, fewshot, metadata, oneshot, predictors, proxies, search, stop, study
from .commands.names import expand, expand_for_shell

app = typer.Typer(help="Neural architecture search that remembers.", rich_markup_mode=None, pretty_exceptions_enable=False)
COMMANDS: dict[Callable[..., Any], str] = {
    study.study: study.EXAMPLE,
    search.search: search.EXAMPLE,
    export.export: export.EXAMPLE,
    predictors.fit: predictors.FIT_EXAMPLE,
    predictors.predict: predictors.PREDICT_EXAMPLE,
    proxies.proxies: proxies.EXAMPLE,
    stop.stop: stop.EXAMPLE,
    oneshot.oneshot: oneshot.EXAMPLE,
    fewshot.fewshot: fewshot.EXAMPLE,
}
for command, epilog in COMMANDS.items():
    app.command(epilog=epilog)(command)
app.add_typer(bench.app, name="bench")
app.add_typer(metadata.app, name="metadata")

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


_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    expand_for_shell()
    with _plain_warnings():
        return _outcome(arguments)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """A plug-in that is left out, and what warmnas itself warns of, is said once and in one line; others look as usual."""
    usual = warnings.showwarning
    here, said = os.path.dirname(os.path.abspath(__file__)) + os.sep, set[str]()

    def show(message: Warning | str, category: type[Warning], filename: str, *place: Any, **more: Any) -> None:
        if issubclass(category, PluginWarning):
            console.complain(message)
        elif category is not UserWarning or not filename.startswith(here):
            usual(message, category, filename, *place, **more)
        elif str(message) not in said:  # a study makes its optimizers once to check them, and again to run them
            said.add(str(message))
            console.complain(f"note: {message}")

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = usual


def _outcome(arguments: Sequence[str]) -> int:
    """The exit code of a command; what went wrong is said in one line."""
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
    """The message of a usage error, what was probably meant, and where the right form is written."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "warmnas"
    message = error.format_message().replace("Value error, ", "").rstrip(".")
    if found := re.match(r"No such (option|command):? '?([^'\s]+?)'?(\.|\s|$)", message):
        kind, name = found.group(1), found.group(2)
        return f"no such {kind} '{name}'{near(name, _known(kind, context))}; see {path} --help"
    if found := re.search(r"'([^']+)' is not one of (.*)", message):
        message += near(found.group(1), re.findall(r"'([^']+)'", found.group(2)))
    return f"{message}; see {path} --help"


def _known(kind: str, context: Any) -> list[str]:
    """Options, or commands, that may stand where a wrong one stands."""
    if context is None:
        return []
    if kind == "command":
        return list(context.command.list_commands(context))
    return [option for parameter in context.command.params for option in parameter.opts]


def _internal(error: Exception) -> int:
    console.complain(f"internal error {type(error).__name__}: {error} (WARMNAS_TRACEBACK=1 shows where)")
    if os.environ.get("WARMNAS_TRACEBACK") == "1":
        traceback.print_exception(error)
    return 1
