"""The house: every sub-package is shipped, imports point downwards, and nothing heavy is imported unasked."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = {
    "jsontext": 0,
    "machine": 0,
    "wording": 0,
    "bench": 1,
    "metadata": 2,
    "surrogates": 3,
    "transfer": 4,
    "search": 5,
    "console": 6,
    "commands": 7,
    "cli": 8,
    "__main__": 9,
}
OUTSIDE = ("tests", "docs", "examples")


def tracked() -> list[Path]:
    """Python files of the checkout, as git sees them; all of them where there is no git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        return [p.relative_to(ROOT) for p in ROOT.rglob("*.py") if not any(part.startswith(".") for part in p.parts)]
    return [Path(name) for name in listed if name and (ROOT / name).is_file()]


PACKAGE = [path for path in tracked() if path.parts[0] not in OUTSIDE]


def module(path: Path) -> list[str]:
    """Dotted name below ``warmnas`` as parts; a package is named like its folder."""
    parts = list(path.with_suffix("").parts)
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported(path: Path) -> set[str]:
    """Top-level parts of warmnas that a file imports, wherever in the file."""
    package = list(path.parts[:-1])
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found |= {name[1] for name in names if name[0] == "warmnas" and len(name) > 1}
        elif isinstance(node, ast.ImportFrom):
            origin = package[: len(package) - node.level + 1] if node.level else []
            target = [*origin, *(node.module.split(".") if node.module else [])]
            if not node.level:
                if target[0] != "warmnas":
                    continue
                target = target[1:]
            found |= {target[0]} if target else {alias.name for alias in node.names}
    return found


def test_every_package_on_disk_is_listed():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    on_disk = {".".join(["warmnas", *path.parts[:-1]]) for path in PACKAGE}
    assert on_disk == listed


def test_every_package_has_an_init():
    assert all((ROOT / path.parent / "__init__.py").is_file() for path in PACKAGE)


def test_python_files_outside_the_package_live_in_three_folders():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    strays = [p for p in PACKAGE if len(p.parts) > 1 and f"warmnas.{p.parts[0]}" not in listed]
    assert strays == []
    assert {p.stem for p in PACKAGE if len(p.parts) == 1} <= {*FLOORS, "__init__"}


@pytest.mark.parametrize("room", ["bench", "metadata", "surrogates", "transfer", "search"])
def test_a_room_says_what_is_in_it(room):
    """Its ``__init__`` is a table of contents: every folder in it, and every module of the smaller rooms, is named."""
    text = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8"))) or ""
    inside = {path.parts[1].removesuffix(".py") for path in PACKAGE if path.parts[0] == room} - {"__init__"}
    folders = {name for name in inside if (ROOT / room / name).is_dir()}
    assert {name for name in folders if f"``{name}``" not in text} == set()
    if len(inside) <= 12:
        assert {name for name in inside if f"``{name}``" not in text} == set()


@pytest.mark.parametrize("path", PACKAGE, ids=str)
def test_a_floor_imports_only_from_floors_below(path):
    parts = module(path)
    own = FLOORS[parts[0]] if parts else -1
    above = {name for name in imported(path) if name in FLOORS and FLOORS[name] > own}
    assert not above, f"{path} (floor {own}) imports {sorted(above)}"


def test_no_benchmark_or_task_is_named_in_transfer():
    from warmnas.bench import benchmarks, open_benchmark

    names = {*benchmarks, *(task for name in benchmarks for task in open_benchmark(name).tasks)}
    for path in PACKAGE:
        if path.parts[0] == "transfer":
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            constants = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
            assert not constants & names, path


WITHOUT_TORCH = (
    "import warmnas",
    "import warmnas.bench, warmnas.metadata, warmnas.surrogates, warmnas.transfer, warmnas.search, warmnas.cli",
    "import warmnas.search.live, warmnas.search.oneshot, warmnas.surrogates.predictors, warmnas.surrogates.proxies",
    "from warmnas.search import optimizers; list(optimizers)",
    "from warmnas.cli import main; main(['bench', 'list'])",
    "main(['bench', 'info', 'nasbench201'])",
    "main(['study', '--help'])",
)


def test_torch_is_not_imported():
    """One interpreter does it all, one after the other, and ends with what brought torch in."""
    steps = [f"{one}\nif 'torch' in sys.modules: sys.exit({one!r})" for one in WITHOUT_TORCH]
    code = "\n".join(["import sys", *steps])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr


def test_the_pins_are_exact_and_name_everything_that_is_required():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(line.lower().replace("_", "-").split("==") for line in lines if line and not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"], *project["optional-dependencies"]["dev"]]
    names = {entry.split(">=")[0].split("[")[0].lower() for entry in wanted} - {"warmnas"}
    assert names <= set(pins)
    assert pins["torch"] == "2.13.0"


def test_the_examples_of_the_readme_run(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        subprocess.run([sys.executable, "-c", block], check=True, capture_output=True, cwd=tmp_path)


def test_the_readme_shows_both_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text
