"""Every command that writes ``summary.json`` says there how it was called, with which versions, and on which data by hash.

``warmnas search --data`` is a real search: tests/test_cli_search.py says the same of it.
"""

from __future__ import annotations

import ast
import json
import shlex
from pathlib import Path

import numpy as np
import pytest

import warmnas
from warmnas.bench import open_benchmark
from warmnas.cli import main
from warmnas.metadata.tasks import open_task

ROOT = Path(__file__).parents[1]
BENCH = "--benchmark nasbench201 --task cifar100 --sources none"
SMALL = "--data IMAGES --width 4 --cells 1 --resolution 8"
COMMANDS = {
    "study": (f"study {BENCH} --optimizer random --budget 2 --runs 2", {"nasbench201"}),
    "search": (f"search {BENCH} --optimizer random --budget 2", {"nasbench201"}),
    "predictors": (
        "study --benchmark nasbench201 --task cifar100 --predictor trees[trees=5] --budget 10 --runs 2",
        {"nasbench201"},
    ),
    "stop": (
        "stop --table images-v1 --target digits[val=70] --method last --orders 2 --candidates 5 --no-fronts",
        {"images-v1"},
    ),
    "oneshot": (f"oneshot --method rsps[candidates=2] {SMALL} --epochs 1 --batch 8", set()),
    "fewshot": (f"fewshot --method reptile {SMALL} --ways 2 --shots 1 --queries 1 --steps 1 --episodes 2", set()),
}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Six classes of noise with a brighter row each, as an ``.npz``."""
    rng, labels = np.random.default_rng(0), np.arange(72) % 6
    pixels = rng.integers(0, 120, (72, 8, 8))
    pixels[np.arange(72), labels] += 100
    file = tmp_path_factory.mktemp("images") / "rows.npz"
    np.savez(file, x=pixels.astype(np.uint8), y=labels)
    return str(file)


@pytest.mark.parametrize("name", COMMANDS)
def test_versions_and_hashes(name, images, tmp_path, capsys):
    line, tables = COMMANDS[name]
    arguments = [images if word == "IMAGES" else word for word in line.split()]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    content = json.loads((tmp_path / "summary.json").read_text())
    assert shlex.split(content["command"]) == ["warmnas", *arguments, "--out", str(tmp_path)]
    assert content["versions"]["warmnas"] == warmnas.__version__
    assert {"python", "numpy", "torch"} <= set(content["versions"])
    if tables:
        assert content["tables"] == {table: open_benchmark(table).hash for table in tables}
    else:
        assert content["images"] == open_task(images, resolution=8).hash


def test_every_module_that_writes_a_summary_is_known():
    """A new command that writes one is noticed here, and has to be tried above."""
    writers = set()
    for path in ROOT.glob("search/**/*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        keys = [key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys]
        if any(isinstance(key, ast.Name) and key.id == "SUMMARY" for key in keys):
            writers.add(path.relative_to(ROOT / "search").as_posix())
    tried = {"records.py", "predictor_records.py", "stop_records.py", "oneshot/records.py", "oneshot/fewshot/command.py"}
    assert writers == {*tried, "live/summary.py"}
