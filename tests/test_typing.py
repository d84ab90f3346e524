"""A user's own script is checked by mypy --strict against what warmnas says of its types.

It takes minutes, since mypy reads the whole package and its libraries, so it waits for WARMNAS_SLOW=1. .ci/run has it check
against the wheel in an empty environment, whose Python the variable WARMNAS_INSTALLED names.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import warmnas

ROOT = Path(warmnas.__file__).parent
SCRIPT = """
import numpy as np
import numpy.typing as npt

from warmnas.bench import Table, open_benchmark
from warmnas.search import Evaluation, Problem, Protocol, Streams, TableEvaluator, optimizers, per_run, study


@optimizers("first-come")
@per_run
class FirstCome:
    def __init__(self, problem: Problem, rng: np.random.Generator, start: int = 0) -> None:
        self.candidates, self.row = problem.candidates, start

    def ask(self) -> npt.NDArray[np.int8]:
        self.row += 1
        genotype: npt.NDArray[np.int8] = self.candidates.genotypes[self.row]
        return genotype

    def tell(self, genotype: npt.NDArray[np.int8], value: float) -> None:
        print(self.candidates.space.to_string(genotype), value)


table: Table = open_benchmark("nasbench201")
value: float = table.value("cifar100", table.names[0])
streams = Streams([np.random.SeedSequence(0)])
seen: Evaluation = TableEvaluator(table, "cifar100", "mean", streams).evaluate(table.genotypes[None, :5])
values: npt.NDArray[np.float64] = seen.values
for outcome in study([table], ["first-come", "random"], Protocol(("cifar100",), budget=5, runs=2)).outcomes:
    print(outcome.optimizer, outcome.row()["regret"])
"""
WRONG = {
    "table.value(3, table.names[0])": 'Argument 1 to "value"',
    'Protocol(("cifar100",), budget=5, runs="many")': 'Argument "runs"',
    "open_benchmark(7)": 'Argument 1 to "open_benchmark"',
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """What mypy says of the script, with the mistakes at its end."""
    if os.environ.get("WARMNAS_SLOW") != "1":
        pytest.skip("mypy over everything takes minutes: WARMNAS_SLOW=1")
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed: pip install 'warmnas[dev]'")
    folder = tmp_path_factory.mktemp("user")
    (folder / "script.py").write_text(SCRIPT + "\n".join(WRONG) + "\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / "cache"), "script.py"]
    environment = {**os.environ, "MYPYPATH": ""}
    if installed := os.environ.get("WARMNAS_INSTALLED"):
        command += ["--python-executable", installed]
    else:  # a checkout has to be reached under the package's own name, and then it is no library to mypy
        (folder / "stubs").mkdir()
        (folder / "stubs" / "warmnas").symlink_to(ROOT)
        environment["MYPYPATH"] = str(folder / "stubs")
        command += ["--follow-imports=silent", "--ignore-missing-imports"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_package_says_that_it_has_types():
    assert (ROOT / "py.typed").is_file()


def test_a_script_without_mistakes_passes_and_mistakes_are_found(checked):
    first = len(SCRIPT.splitlines()) + 1
    lines = [line for line in checked.stdout.splitlines() if line.startswith("script.py")]
    for number, said in enumerate(WRONG.values(), first):
        assert any(line.startswith(f"script.py:{number}: error: ") and said in line for line in lines), checked.stdout
    mistakes = {f"script.py:{number}" for number in range(first, first + len(WRONG))}
    assert {line.rpartition(": error: ")[0] for line in lines if ": error: " in line} == mistakes
