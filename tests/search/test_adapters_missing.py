"""What is said where a library is not installed, and that none is imported unasked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from warmnas.bench import WarmnasError
from warmnas.search.adapters.extras import MissingExtra, require

BLOCK = "import sys; sys.modules[{module!r}] = None; from warmnas.cli import main; sys.exit(main({arguments!r}))"
STUDY = ["study", "--benchmark", "nasbench201", "--task", "cifar100", "--budget", "3", "--runs", "2", "--optimizer"]


@pytest.mark.parametrize(
    ("module", "optimizer", "message"),
    [
        ("optuna", "optuna:tpe", "Optuna is not installed: pip install 'warmnas[optuna]'"),
        ("syne_tune", "syne-tune:kde", "Syne Tune is not installed: pip install 'warmnas[syne-tune]'"),
    ],
)
def test_a_missing_library_is_one_line_that_says_how_to_install_it(module: str, optimizer: str, message: str) -> None:
    code = BLOCK.format(module=module, arguments=[*STUDY, optimizer])
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd="/")
    assert run.returncode == 2
    assert run.stderr == f"warmnas: {message}\n"


def test_what_a_library_needs_besides_is_named() -> None:
    with pytest.raises(MissingExtra, match=r"^nothing_of_that_name is not installed: pip install 'warmnas\[some\]'"):
        require("nothing_of_that_name.part", "nothing_of_that_name", "some")
    assert issubclass(MissingExtra, WarmnasError)
    assert issubclass(MissingExtra, ImportError)


def test_no_library_is_imported_before_a_method_of_it_is_named() -> None:
    libraries = "{'optuna', 'syne_tune', 'torch', 'sklearn', 'pandas'}"
    code = f"import sys; from warmnas.search import adapters; sys.exit(bool({libraries} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/")
