"""What the shell offers for an option that takes a name: the registered names, or the tasks of the table that was given.

``MULTIPLE`` says which options take several values. A shell completes one command line, so ``expanded`` writes it as the
parser wants it first.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping, Sequence
from contextlib import suppress

import typer

from ..bench.errors import WarmnasError
from ..machine import DEVICES

# Options that take several values, by command.
MULTIPLE = {
    ("study",): ("--benchmark", "--task", "--optimizer", "--predictor"),
    ("bench", "import"): ("--map", "--rename"),
    ("metadata", "generate"): ("--known",),
    ("predict",): ("--arch",),
    ("proxies",): ("--proxy",),
    ("fewshot",): ("--method",),
    ("stop",): ("--table", "--target", "--method"),
}
COMPLETE = "_WARMNAS_COMPLETE"  # set where a shell asks what may follow


def benchmarks() -> list[str]:
    """Tables that open by name."""
    from ..bench import benchmarks as known

    return list(known)


def spaces() -> list[str]:
    """Search spaces."""
    from ..bench import SPACES

    return list(SPACES)


def formats() -> list[str]:
    """What ``bench import`` reads."""
    from ..bench.readers import formats as known

    return list(known)


def image_tasks() -> list[str]:
    """Built-in image sets."""
    from ..metadata.tasks import tasks

    return list(tasks)


def proxy_data() -> list[str]:
    """What a proxy may look at: image sets, and noise."""
    return ["gaussian", *image_tasks()]


def plans() -> list[str]:
    """Plans that come with the package."""
    from ..metadata.experiments.plan import shipped

    return list(shipped())


def predictors() -> list[str]:
    """Predictors of architectures."""
    from ..surrogates.predictors import predictors as known

    return list(known)


def predictors_or_all() -> list[str]:
    """Predictors, and ``all``."""
    return ["all", *predictors()]


def proxies() -> list[str]:
    """Zero-cost proxies."""
    from ..surrogates.proxies import proxies as known

    return ["all", *known]


def optimizers(incomplete: str) -> list[str]:
    """Optimizers of ours, and those of another library once it is named: importing it takes seconds."""
    from ..search import optimizers as known
    from ..search.adapters import LIBRARIES, names

    library = incomplete.partition(":")[0]
    return names(library) if library in LIBRARIES else [*known, *(f"{name}:" for name in LIBRARIES)]


def optimizers_or_all(incomplete: str) -> list[str]:
    """Optimizers, and ``all``."""
    return ["all", *optimizers(incomplete)]


def stoppers() -> list[str]:
    """What ends trainings early."""
    from ..search.stoppers import stoppers as known

    return list(known)


def stoppers_or_all() -> list[str]:
    """Stoppers, and ``all``."""
    return ["all", *stoppers()]


def supernets() -> list[str]:
    """One-shot methods."""
    from ..search.oneshot.method import methods

    return list(methods)


def fewshot() -> list[str]:
    """Few-shot methods."""
    return ["maml", "fomaml", "reptile", "t-nas", "metanas"]  # search.oneshot.fewshot would import torch


def exports() -> list[str]:
    """Forms of a network."""
    return ["state-dict", "torch-export", "onnx"]  # search.live.exporting would import torch


def devices() -> list[str]:
    """Where networks are trained."""
    return list(DEVICES)


def tasks(context: typer.Context) -> list[str]:
    """Tasks of the tables that stand on the line already."""
    from ..bench import open_benchmark

    given = [context.params.get(name) for name in ("benchmark", "table")]
    tables = [name for value in given for name in ([value] if isinstance(value, str) else value or ())]
    found: list[str] = []
    for name in tables or context.args[:1]:  # what stands before an option without its value is no argument yet
        with suppress(WarmnasError):
            found += open_benchmark(name).tasks
    return found


def tasks_or_all(context: typer.Context) -> list[str]:
    """Tasks of the tables that stand on the line already, and ``all``."""
    return ["all", *tasks(context)]


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


def expand_for_shell(environment: MutableMapping[str, str] = os.environ) -> None:
    """The line that a shell wants completed, with one option name per value; the last word is what is being typed."""
    if not environment.get(COMPLETE, "").startswith("complete_"):
        return
    key = "COMP_WORDS" if "COMP_WORDS" in environment else "_TYPER_COMPLETE_ARGS"
    line = environment.get(key, "")
    words = line.split()
    if key == "COMP_WORDS":  # bash: the words, and which of them is being typed
        typed = int(environment["COMP_CWORD"])
        words = [*words[:typed], *(words[typed : typed + 1] or [""])]
    elif line.endswith(" "):
        words.append("")
    with suppress(WarmnasError):
        words[1:] = expand(words[1:])
    environment[key] = " ".join(words)
    if key == "COMP_WORDS":
        environment["COMP_CWORD"] = str(len(words) - 1)
