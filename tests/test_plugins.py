"""Packages of other people add to every registry by entry points; a broken one is named in one line and stops nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[1] / "examples" / "plugin"


def install(folder: Path, name: str, version: str, module: str) -> None:
    """What pip leaves of a package: who it is, and its entry points."""
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "entry_points.txt").write_text(f"[warmnas.plugins]\nany = {module}\n")


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder with the example's package, one whose module is missing a library, and one that takes a name again."""
    folder = tmp_path_factory.mktemp("packages")
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    [module] = project["entry-points"]["warmnas.plugins"].values()
    install(folder, project["name"], project["version"], module)
    shutil.copy(PLUGIN / f"{module}.py", folder)
    install(folder, "broken", "0.1", "broken_plugin")
    (folder / "broken_plugin.py").write_text("import no_such_library\n")
    install(folder, "greedy", "3.0", "greedy_plugin")
    (folder / "greedy_plugin.py").write_text("from warmnas.search import optimizers\n\noptimizers('random')(1)\n")
    return folder


def python(packages: Path, code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_a_study_with_the_optimizer_of_a_plugin(packages, tmp_path):
    command = ["study", "--benchmark", "nasbench201", "--task", "cifar100", "--optimizer", "tiny-first", "random"]
    command += ["--budget", "5", "--runs", "2", "--json", "--out", str(tmp_path / "out")]
    done = python(packages, f"import sys; from warmnas.cli import main; sys.exit(main({command}))", tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stderr.splitlines()) == [
        "warmnas: plug-in broken_plugin of broken 0.1 is left out: ModuleNotFoundError: No module named 'no_such_library'",
        "warmnas: plug-in greedy_plugin of greedy 3.0 is left out: ValueError: optimizer 'random' is registered twice",
    ]
    content = json.loads(done.stdout)
    assert [row["optimizer"] for row in content["rows"]] == ["tiny-first", "random"]
    assert content["versions"]["warmnas-tiny"] == "1.2"
    assert "broken" not in content["versions"]


def test_predictors_stoppers_spaces_and_readers_too(packages, tmp_path):
    (tmp_path / "a.csv").write_text("architecture;task;val_accuracy\nk=3;t;70\nk=5;t;71\nk=7;t;72\n")
    code = """
import warnings; warnings.simplefilter("ignore")
import numpy as np
from warmnas.bench import space
from warmnas.bench.readers import import_file
from warmnas.search.stoppers import stoppers
from warmnas.surrogates.predictors import predictors
tiny = space("tiny")
every = tiny.all_genotypes()
model = predictors["tiny-mean"](tiny).fit(every, np.arange(len(every)))
print(tiny.size, model.predict(every[:1]).tolist(), stoppers["tiny-worse"].__name__)
print(import_file("a.csv", "tiny-semicolons").table.optimum("t"))
"""
    done = python(packages, code, tmp_path)
    assert done.stdout == "6 [2.5] Worse\n72.0\n", done.stderr


def test_a_plugin_is_not_imported_before_it_is_needed(packages, tmp_path):
    code = "import sys; from warmnas.cli import main; main(['bench', 'info', 'nasbench201', '--json'])"
    done = python(packages, f"{code}; sys.exit('warmnas_tiny' in sys.modules or 'broken_plugin' in sys.modules)", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_misspelt_name_may_be_one_of_a_plugin(packages, tmp_path):
    command = ["study", "--benchmark", "nasbench201", "--optimizer", "tiny-frst"]
    done = python(packages, f"import sys; from warmnas.cli import main; sys.exit(main({command}))", tmp_path)
    assert done.returncode == 2
    assert "unknown optimizer 'tiny-frst', did you mean 'tiny-first'?" in done.stderr
