"""The command ``warmnas metadata``: its JSON, its exit codes, and that its table is a benchmark like any other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from warmnas.bench import Table
from warmnas.cli import main
from warmnas.metadata.experiments import ExperimentStore, Trial
from warmnas.metadata.training import Recipe

PLAN = """
name = "tiny"
space = "nasbench201"
tasks = [{ task = "digits", train_size = 100 }, "digits[seed=0,classes=3]"]
epochs = 2
[architectures]
uniform = 2
names = [
    "|nor_conv_1x1~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
    "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
]
[recipe]
width = 4
cells = 1
resolution = 8
batch = 64
"""
NAMES = PLAN[PLAN.index("names") : PLAN.index("[recipe]")]
KEYS = ["total", "done", "running", "failed", "left", "eta_seconds"]


def refused(capsys, tmp_path, *arguments):
    """The line of a command that ends with exit code 2 and leaves nothing behind."""
    before = sorted(tmp_path.rglob("*"))
    assert main(["metadata", *map(str, arguments)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("warmnas: ")
    assert sorted(tmp_path.rglob("*")) == before
    return printed.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small plan, generated."""
    folder = tmp_path_factory.mktemp("metadata")
    (folder / "plan.toml").write_text(PLAN)
    assert (
        main(["metadata", "generate", "--plan", str(folder / "plan.toml"), "--store", str(folder / "s"), "--workers", "1"])
        == 0
    )
    return folder


def test_generate_says_what_was_done(folder, capsys):
    arguments = [
        "metadata",
        "generate",
        "--plan",
        str(folder / "plan.toml"),
        "--store",
        str(folder / "s"),
        "--workers",
        "1",
    ]
    started = time.monotonic()
    assert main(arguments) == 0
    assert time.monotonic() - started < 20  # nothing is trained again
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "6 trials done, 12 epochs" in printed.out  # the two named cells are one function


def test_status(folder, capsys):
    assert main(["metadata", "status", "--store", str(folder / "s"), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert list(content) == KEYS
    assert content == {"total": 6, "done": 6, "running": 0, "failed": 0, "left": 0, "eta_seconds": 0.0}
    assert main(["metadata", "status", "--store", str(folder / "s")]) == 0
    assert "done       6" in capsys.readouterr().out


def test_status_before_anything_was_measured(tmp_path, capsys):
    ExperimentStore(tmp_path / "s").close()
    assert main(["metadata", "status", "--store", str(tmp_path / "s"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {**dict.fromkeys(KEYS, 0), "eta_seconds": 0.0}


def test_status_shows_failures(folder, tmp_path, capsys):
    store = ExperimentStore(tmp_path / "s")
    recipe = Recipe(epochs=2)
    store.add(Trial("nasbench201", f"{i:06}", "digits", 0, recipe) for i in range(3))
    for reason in ("diverged: in epoch 2", "diverged: in epoch 2", "out of memory: no room"):
        store.fail(store.claim()[0], reason)
    store.close()
    assert main(["metadata", "status", "--store", str(tmp_path / "s")]) == 0
    printed = capsys.readouterr().out
    assert "2        diverged: in epoch 2" in printed
    assert "out of memory: no room" in printed


def test_export_is_a_benchmark(folder, tmp_path, capsys):
    out = tmp_path / "made.h5"
    assert main(["metadata", "export", "--store", str(folder / "s"), "--out", str(out)]) == 0
    assert "2 tasks, 3 architectures, 1 seeds" in capsys.readouterr().out
    assert main(["bench", "info", str(out), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["architectures"] == info["function_classes"] == 3
    assert set(info["families"].values()) == {"digits"}
    assert all(list(splits) == ["train", "val", "test"] for splits in info["splits"].values())
    table = Table.open(out)
    assert table.data["val_accuracy"].shape == (2, 3, 1, 2)
    assert np.isfinite(table.data["train_seconds"].values).all()
    assert (table.data["params"].values > 0).all()
    assert table.name == "made"
    study = ["study", "--benchmark", str(out), "--task", "all", "--optimizer", "random", "--budget", "2", "--runs", "2"]
    assert main([*study, "--out", str(tmp_path / "study"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["task"] for row in rows] == list(table.tasks)


def test_bad_plans_are_refused_before_anything_is_written(tmp_path, capsys):
    file = tmp_path / "plan.toml"
    wrong = {
        PLAN.replace("epochs", "epoch"): "unknown key in plan",
        PLAN.replace("width", "widht"): "'recipe.widht', did you mean 'recipe.width'?",
        PLAN.replace("uniform", "unifrom"): "did you mean 'architectures.uniform'?",
        PLAN.replace("width = 4", "width = -4"): "recipe: width must be a whole number",
        PLAN.replace("epochs = 2", 'epochs = "two"'): "epochs must be a whole number",
        PLAN.replace("uniform = 2", "uniform = true"): "architectures.uniform must be a whole number",
        PLAN.replace('"nasbench201"', '"nasbench2001"'): "did you mean 'nasbench201'?",
        PLAN.replace('"nasbench201"', '"nasbench-graph"').replace(NAMES, ""): "nasbench-graph has no image network",
        PLAN.replace("none~2", "what~2"): "is not a NAS-Bench-201 cell",
        PLAN.replace("train_size", "trainsize"): "did you mean 'tasks[0].train_size'?",
        PLAN.replace('"digits[seed=0,classes=3]"', '"digit"'): "digit",
        PLAN.replace('"digits[seed=0,classes=3]"', '"missing.npz"'): "missing.npz",
        PLAN.replace('"digits[seed=0,classes=3]"', "7"): "tasks[1] must be a task",
        PLAN.replace('name = "tiny"', ""): "name is missing",
        PLAN.replace("uniform = 2", "uniform = 100000"): "too few for this plan",
        PLAN.replace("[recipe]", "[recipe"): "plan.toml",
        "": "name is missing",
    }
    for text, said in wrong.items():
        assert text != PLAN
        file.write_text(text)
        line = refused(capsys, tmp_path, "generate", "--plan", file, "--store", tmp_path / "s")
        assert said in line, line
        assert "plan" in line or "digit" in line or "missing" in line or "image network" in line
    file.write_bytes(b"\xff\xfe")
    assert "plan.toml" in refused(capsys, tmp_path, "generate", "--plan", file, "--store", tmp_path / "s")
    assert "plan" in refused(capsys, tmp_path, "generate", "--plan", tmp_path, "--store", tmp_path / "s")
    assert "did you mean 'smoke'?" in refused(capsys, tmp_path, "generate", "--plan", "smok", "--store", tmp_path / "s")


def test_bad_arguments(tmp_path, capsys):
    assert "no experiment store" in refused(capsys, tmp_path, "status", "--store", tmp_path / "s", "--json")
    assert "no experiment store" in refused(
        capsys, tmp_path, "export", "--store", tmp_path / "s", "--out", tmp_path / "t.h5"
    )
    (tmp_path / "s").write_text("not a store")
    for command in (["status"], ["export", "--out", tmp_path / "t.h5"], ["generate", "--plan", "smoke"]):
        assert "store" in refused(capsys, tmp_path, *command, "--store", tmp_path / "s")
    both = ["generate", "--plan", "smoke", "--store", tmp_path / "t", "--workers", "1", "--ray", "auto"]
    assert "exclude each other" in refused(capsys, tmp_path, *both)
    assert "--workers" in refused(capsys, tmp_path, *both[:-4], "--workers", "0")
    assert "--store" in refused(capsys, tmp_path, "generate", "--plan", "smoke")


def test_an_export_of_nothing_is_refused(tmp_path, capsys):
    ExperimentStore(tmp_path / "s").close()
    line = refused(capsys, tmp_path, "export", "--store", tmp_path / "s", "--out", tmp_path / "t.h5")
    assert "no trial that is finished" in line


def test_interrupted_and_resumed(tmp_path, capsys):
    plan, path = tmp_path / "plan.toml", tmp_path / "s"
    plan.write_text(PLAN.replace("epochs = 2", "epochs = 60"))
    command = [
        sys.executable,
        "-m",
        "warmnas",
        "metadata",
        "generate",
        "--plan",
        str(plan),
        "--store",
        str(path),
        "--workers",
        "1",
    ]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None and not recorded(path):
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == "warmnas: interrupted\n"
    assert recorded(path) > 0
    assert main(["metadata", "status", "--store", str(path), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["running"] == 0
    assert content["eta_seconds"] > 0


def recorded(path):
    if not path.exists():
        return 0
    try:
        store = ExperimentStore(path, read_only=True)
    except Exception:
        return 0  # it is just being made
    count = store.query("SELECT COUNT(*) FROM epochs")[0][0]
    store.close()
    return count
