"""Every command teaches: its help has an example that can be typed, every option says what it is and in which unit.

Every option that takes a registered name is completed by the shell, and a misspelt name is answered with the right one.
The tests walk over whatever commands, options and registries there are, so that a new one is held to the same.
"""

from __future__ import annotations

import gc
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main

from warmnas.bench import SPACES, Registry
from warmnas.cli import app, main
from warmnas.commands.names import expand
from warmnas.metadata.experiments.plan import shipped
from warmnas.search.live.exporting import FORMATS
from warmnas.search.oneshot.fewshot.study import METHODS

TOP = typer.main.get_command(app)


def walk(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that call it."""
    if subcommands := getattr(command, "commands", None):
        for name, below in subcommands.items():
            yield from walk(below, (*words, name))
    else:
        yield words, command


COMMANDS = dict(walk(TOP))
OPTIONS = [(words, p) for words, command in COMMANDS.items() for p in command.params if p.name != "help"]
every_command = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


def spelt(parameter: Any) -> str:
    """An option as it is written, an argument by its place."""
    return str(next((name for name in parameter.opts if name.startswith("--")), parameter.name))


def is_choice(parameter: Any) -> bool:
    """Whether the parser knows every value; typer's own name for its types, or click's."""
    return bool(getattr(getattr(parameter, "type_descriptor", None) or parameter.type, "choices", None))


@pytest.fixture
def shown(capsys):
    def help_of(words: tuple[str, ...]) -> str:
        assert main([*words, "--help"]) == 0
        return str(capsys.readouterr().out)

    return help_of


# --- help --------------------------------------------------------------------------------------------------------------
@every_command
def test_help_has_an_example_whose_options_there_are(words, shown):
    text = shown(words).partition("Example:\n")[2].replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert lines
    for line in lines:
        assert len(line) < 140
        program, *arguments = shlex.split(line)
        assert program == "warmnas"
        assert tuple(arguments[: len(words)]) == words
        rest = expand(arguments)[len(words) :]
        COMMANDS[words].make_context(" ".join(words), rest)  # a wrong option or a missing one raises


@pytest.mark.parametrize(("words", "parameter"), OPTIONS, ids=lambda x: " ".join(x) if isinstance(x, tuple) else spelt(x))
def test_every_option_says_what_it_is_and_what_its_value_is_called(words, parameter, shown):
    assert parameter.help
    assert parameter.help.endswith((".", "]"))
    if not getattr(parameter, "is_flag", False) and not is_choice(parameter):
        assert parameter.metavar, f"{spelt(parameter)} shows its type instead of what its value is: give a metavar"


def test_help_of_the_whole_names_every_command(shown):
    text = shown(())
    for words in COMMANDS:
        assert f"  {words[0]}" in text


# --- names -------------------------------------------------------------------------------------------------------------
BASE = {  # what stands on the line beside the name that is asked about
    ("study",): "--benchmark nasbench201",
    ("search",): "--data digits",
    ("bench", "query"): "nasbench201 --arch 334131 --task cifar100",
    ("bench", "export"): "nasbench201 --out T/x.csv",
    ("bench", "import"): "T/a.csv --format csv --out T/x.h5",
    ("metadata", "generate"): "--plan smoke --store T/s.db",
    ("metadata", "export"): "--store T/s.db --out T/x.h5",
    ("fit",): "--predictor trees --table nasbench201 --target cifar100 --out T/m",
    ("predict",): "--model MODEL --table nasbench201 --task cifar100",
    ("proxies",): "--space nasbench201 --data gaussian --proxy params --sample 2 --out T/x.h5",
    ("stop",): "--table images-v1 --out T/x",
    ("oneshot",): "--method darts --data digits --out T/x --epochs 1 --validate",
    ("fewshot",): "--method maml --data digits --out T/x",
    ("export",): "--run T/r --format onnx --out T/x",
}
ANOTHER = {  # beside these options something else has to stand
    ("search", "--benchmark"): "--task cifar100",
    ("oneshot", "--data"): "--method darts --out T/x",
    ("search", "--task"): "--benchmark nasbench201",
    ("metadata export", "--space"): "",
    ("oneshot", "--task"): "--method darts --data digits --out T/x --epochs 1 --validate --table nasbench201",
}
UNREGISTERED = {("cpu", "cuda")}  # what is completed and is no registered name
ELSEWHERE = {("metadata export", "--space")}  # names what a store holds, which may be nothing that is registered


def offered(words: tuple[str, ...], parameter: Any) -> list[str]:
    """What a shell would be offered for this option."""
    context = COMMANDS[words].make_context(" ".join(words), [], resilient_parsing=True)
    if spelt(parameter) in ("--task", "--target"):
        table = "images-v1" if words == ("stop",) else "nasbench201"
        context.params |= {"benchmark": table, "table": table}
    return [item.value for item in parameter.shell_complete(context, "")]


NAMED = [
    (words, parameter)
    for words, parameter in OPTIONS
    if not is_choice(parameter)
    and (names := tuple(offered(words, parameter)))
    and names not in UNREGISTERED
    and (" ".join(words), spelt(parameter)) not in ELSEWHERE
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    file = tmp_path_factory.mktemp("model") / "trees"
    command = ["fit", "--predictor", "trees[trees=2]", "--table", "nasbench201", "--target", "cifar100", "--out", str(file)]
    assert main(command) == 0
    return str(file)


@pytest.mark.parametrize(("words", "parameter"), NAMED, ids=lambda x: " ".join(x) if isinstance(x, tuple) else spelt(x))
def test_a_misspelt_name_is_answered_with_the_right_one(words, parameter, tmp_path, capsys, request):
    known = [name for name in offered(words, parameter) if name != "all" and ":" not in name]
    name = max(known, key=len)
    wrong = name[:-2] + name[-1]
    assert wrong not in known
    (tmp_path / "a.csv").write_text("architecture,task,val_accuracy\na=1;b=2,t,3\na=2;b=2,t,4\n")
    option = spelt(parameter)
    line = ANOTHER.get((" ".join(words), option), BASE.get(words, "")).replace("T/", f"{tmp_path}/").split()
    line = [request.getfixturevalue("model") if word == "MODEL" else word for word in line]
    capsys.readouterr()
    if not option.startswith("--"):
        line = [wrong, *line[1:]]
    elif option in line:
        line[line.index(option) + 1] = wrong
    else:
        line += [option, wrong]
    before = sorted(tmp_path.iterdir())
    assert main([*words, *line]) == 2
    error = capsys.readouterr().err
    assert f"'{wrong}', did you mean '{name}'?" in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before, "a wrong name leaves nothing behind"


def test_every_registry_is_offered_somewhere():
    """No registry without an option whose names the shell completes (and whose misspelling the test above tries)."""
    everywhere = {name for words, parameter in OPTIONS for name in offered(words, parameter)}
    for room in ("bench.readers", "metadata.tasks", "surrogates.proxies", "surrogates.predictors", "search.stoppers"):
        import_module(f"warmnas.{room}")
    registries = [thing for thing in gc.get_objects() if type(thing) is Registry]
    ours = [r for r in registries if all(inspect.getmodule(v) is None or _ours(v) for v in r.values())]
    inner = {"curve model"}  # what stoppers are made of; not on the command line
    for registry in ours:
        if registry.kind not in inner and "thing" not in registry.kind and len(registry) > 0:
            assert set(registry) <= everywhere, registry.kind
    for names in (SPACES, shipped(), FORMATS, METHODS):
        assert set(names) <= everywhere


def _ours(thing: Any) -> bool:
    return str(getattr(thing, "__module__", type(thing).__module__)).startswith("warmnas.")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("stduy", "study"),
        ("bench inof nasbench201", "info"),
        ("metadata stats", "status"),
        ("study --benchmrk nasbench201", "--benchmark"),
        ("bench info nasbench201 --jsn", "--json"),
        ("study --benchmark nasbench201 --observe men", "mean"),
        ("study --benchmark nasbench201 --leave-out famly", "family"),
        ("proxies --space nasbench201 --data gausian --proxy params --sample 2 --out x.h5", "gaussian"),
    ],
)
def test_commands_options_and_choices_are_suggested_too(line, meant, capsys):
    assert main(line.split()) == 2
    error = capsys.readouterr().err
    assert f"did you mean '{meant}'" in error
    assert error.count("\n") == 1


# --- the shell ---------------------------------------------------------------------------------------------------------
def completions(line: str, **environment: str) -> list[str]:
    """What ``warmnas`` answers a bash that wants the last word of this line completed."""
    words = line.split(" ")
    asked = {"_WARMNAS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    command = [sys.executable, "-m", "warmnas"]
    environment = {**os.environ, **asked, **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()


def test_the_shell_completes_commands_options_and_names():
    assert completions("warmnas stu") == ["study"]
    assert "--optimizer" in completions("warmnas study --opt")
    assert completions("warmnas search --optimizer source-r") == ["source-ranking"]
    assert completions("warmnas bench import x --format parq") == ["parquet"]


def test_the_second_value_of_an_option_is_completed_too():
    assert completions("warmnas study --benchmark nasbench201 --optimizer random source-r") == ["source-ranking"]
    assert completions("warmnas stop --table images-v1 --method last zero") == ["zero-epoch"]


def test_tasks_are_those_of_the_table_on_the_line():
    assert completions("warmnas study --benchmark nasbench-graph --task cora ph") == ["photo", "physics"]
    assert completions("warmnas bench query nasbench201 --task cifar1") == ["cifar10-valid", "cifar100"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_a_real_bash_completes(tmp_path):
    """The script that ``--show-completion`` prints, in a bash."""
    asked = {**os.environ, "_WARMNAS_COMPLETE": "source_bash"}
    command = [sys.executable, "-m", "warmnas"]
    script = subprocess.run(command, env=asked, capture_output=True, text=True, check=True).stdout
    program = tmp_path / "warmnas"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m warmnas "$@"\n')
    program.chmod(0o755)
    function = re.search(r"complete .*-F (\S+)", script)
    assert function
    lines = [script, "COMP_WORDS=(warmnas proxies --proxy naswot syn)", "COMP_CWORD=4", f"{function.group(1)} warmnas"]
    run = ["bash", "-c", "\n".join([*lines, 'echo "${COMPREPLY[@]}"'])]
    environment = {**os.environ, "PATH": f"{Path(program).parent}:{os.environ['PATH']}"}
    assert subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout.strip() == "synflow"
