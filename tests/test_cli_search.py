"""``warmnas search --data`` and ``warmnas export``: one real search on a folder of images, and what it leaves behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import warmnas
from warmnas.bench import open_benchmark
from warmnas.bench import space as space_named
from warmnas.cli import main
from warmnas.metadata.experiments import ExperimentStore
from warmnas.metadata.tasks import open_task
from warmnas.metadata.training.recipe import Epoch
from warmnas.search.live import Settings
from warmnas.search.live.loop import Training
from warmnas.search.live.supernet import validated

OPTIONS = ["--space", "nasbench201", "--budget", "2", "--epochs", "2", "--optimizer", "random", "--workers", "1"]
SMALL = ["--width", "4", "--batch", "32", "--resolution", "8"]
RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"


def images(folder: Path) -> Path:
    """Dark and light images of two sizes, twice as many dark ones, and a broken one in the middle."""
    rng = np.random.default_rng(0)
    for name, count, middle in (("dark", 60, 60), ("light", 30, 190)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = np.clip(rng.normal(middle, 30, (9 + i % 2, 12, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i:02d}.png")
    broken = folder / "dark" / "31.png"
    broken.write_bytes(broken.read_bytes()[:80])
    return folder


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Folder of the images, folder of the run, exit code."""
    folder = tmp_path_factory.mktemp("live")
    arguments = ["search", "--data", str(images(folder / "shades")), *OPTIONS, *SMALL]
    arguments += ["--store", str(folder / "store.db"), "--out", str(folder / "run")]
    assert main(arguments) == 0
    return folder, arguments


def summary(folder):
    return json.loads((folder / "run" / "summary.json").read_text())


def test_what_a_search_leaves_behind(searched):
    folder, _ = searched
    content, run = summary(folder), folder / "run"
    assert sorted(path.name for path in run.iterdir()) == [
        "model.onnx",
        "model.pt2",
        "report.html",
        "search.json",
        "summary.json",
        "trajectories.parquet",
        "weights.safetensors",
    ]
    left_out, *advice = content["notes"]
    assert left_out == f"1 image is not readable and left out: {folder / 'shades' / 'dark' / '31.png'}."
    assert all("than the ResNet cell" in note for note in advice)  # where the search gained nothing
    assert [row["state"] for row in content["rows"]] == ["done", "done"]
    assert content["rows"][0]["architecture"] == RESNET
    assert content["found"]["validation"] == max(row["validation"] for row in content["rows"])
    assert content["found"]["retrained"]
    assert np.sum(content["test"]["confusion"]) == content["test"]["images"] == content["task"]["images"]["test"]
    assert content["test"]["unequal"]
    assert content["test"]["accuracy"] == content["found"]["test"]
    assert [source["name"] for source in content["sources"]][:1] == ["nasbench201:cifar10-valid"]
    assert content["price"]["finer"]["resolution"] == 16
    assert content["versions"]["warmnas"] == warmnas.__version__
    assert len(content["task"]["hash"]) >= 16  # of the images; and of the tables that it learned from:
    assert content["tables"] == {name: open_benchmark(name).hash for name in ("nasbench201", "images-v1")}
    frame = pd.read_parquet(run / "trajectories.parquet")
    assert frame["observed"].tolist() == [row["validation"] for row in content["rows"]]


def test_every_result_is_in_the_store_and_none_of_the_test(searched):
    folder, _ = searched
    store = ExperimentStore(folder / "store.db", read_only=True)
    rows = store.query("SELECT genotype, state, val_accuracy, test_accuracy FROM trials JOIN epochs ON trial = number")
    store.close()
    assert len(rows) == 4
    assert {row[1:2] + row[3:] for row in rows} == {("done", None)}
    assert RESNET in {row[0] for row in rows}


def test_the_report_shows_everything_and_loads_nothing(searched):
    folder, _ = searched
    text = (folder / "run" / "report.html").read_text()
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("<script") == 1  # which sorts tables
    for part in (
        'class="curves broad"',
        'class="curves narrow"',
        'class="confusion"',
        "Balanced accuracy",
        'class="cell"',
        RESNET,
        "Fine-tune",
    ):
        assert part in text


def test_exports_take_images_as_they_are(searched):
    """The network by its weights, the program and ONNX say the same of images of any size."""
    import torch
    from onnx.reference import ReferenceEvaluator

    from warmnas.metadata.tasks import open_task
    from warmnas.search.live import load_run

    folder, _ = searched
    run, model = folder / "run", load_run(folder / "run")
    program = torch.export.load(run / "model.pt2", extra_files=(extra := {"about.json": ""})).module()
    onnx: Any = ReferenceEvaluator(str(run / "model.onnx"))
    for shape in ((3, 9, 12, 3), (1, 8, 8, 3), (2, 5, 30, 3)):
        given = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
        with torch.no_grad():
            wanted, found = model(torch.from_numpy(given)).numpy(), program(torch.from_numpy(given)).numpy()
        assert wanted.shape == (shape[0], 2)
        np.testing.assert_allclose(found, wanted, atol=1e-4)
        np.testing.assert_allclose(onnx.run(None, {"images": given})[0], wanted, atol=1e-4)
    assert json.loads(extra["about.json"])["classes"] == ["dark", "light"]
    properties = {entry.key: entry.value for entry in onnx.proto_.metadata_props}
    assert json.loads(properties["classes"]) == ["dark", "light"]
    # An image as it stands in the folder gives the logits of the same image in the task, resized before.
    task = open_task(str(folder / "shades"), resolution=8, lenient=True)
    with torch.no_grad():
        logits = model(torch.from_numpy(task.test.images)).numpy()
        name = next((folder / "shades" / "light").iterdir())
        raw = model(torch.from_numpy(np.array(Image.open(name))[None])).numpy()
        together = np.concatenate([task.train.images, task.val.images, task.test.images])
        every = model(torch.from_numpy(together)).numpy()
    confusion = np.zeros((2, 2), int)
    np.add.at(confusion, (task.test.labels, logits.argmax(1)), 1)
    assert confusion.tolist() == summary(folder)["test"]["confusion"]
    assert np.abs(every - raw).max(axis=1).min() < 1e-3


def test_the_same_command_again_trains_nothing(searched, capsys):
    folder, arguments = searched
    before = (folder / "run" / "summary.json").stat().st_mtime_ns
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == summary(folder)
    assert (folder / "run" / "summary.json").stat().st_mtime_ns == before


def test_the_weights_as_a_state_dict(searched, capsys, tmp_path):
    import torch

    from warmnas.bench import space

    folder, _ = searched
    out = tmp_path / "weights.pt"
    assert main(["export", "--run", str(folder / "run"), "--format", "state-dict", "--out", str(out)]) == 0
    cells = space("nasbench201")
    network = cells.build(cells.from_string(summary(folder)["found"]["architecture"]), (3, 8, 8), 2, width=4, cells=1)
    network.load_state_dict(torch.load(out, weights_only=True))
    assert "state-dict" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (["--budget", "3"], "holds a search with --budget 2, not 3; name another folder"),
        (["--task", "x"], "--task goes with --benchmark only"),
        (["--benchmark", "nasbench201"], "give --data (your images) or --benchmark with --task (a table), one of the two"),
        (["--budget", "0"], "--budget 0: at least 1"),
        (["--seconds", "-1"], "--seconds -1: write a number above 0"),
        (["--optimizer", "radom"], "unknown optimizer 'radom', did you mean 'random'?"),
        (["--stopper", "medan"], "unknown stopper 'medan', did you mean 'median'?"),
        (["--resolution", "2"], "--resolution 2: from 4 to 256 pixels"),
        (["--ray", "auto"], "--workers and --ray exclude each other"),
        (["--space", "darts"], "too large to list"),
        (["--data", "nowhere/at/all"], "no file or folder nowhere/at/all"),
        (["--device", "tpu"], "unknown --device 'tpu', did you mean 'cpu'? Choices: cpu, cuda."),
        (["--device", "cudda"], "unknown --device 'cudda', did you mean 'cuda'?"),
    ],
)
def test_wrong_arguments_are_one_line(searched, capsys, tmp_path, change, line):
    _, arguments = searched
    out = [] if change[0] == "--budget" and change[1] == "3" else ["--out", str(tmp_path / "new")]
    assert main([*arguments, *out, *change]) == 2
    printed = capsys.readouterr()
    assert line in printed.err
    assert printed.err.count("warmnas: ") == 1
    assert "Traceback" not in printed.err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--format", "onnx", "--out", "x.onnx"], "no weights.safetensors"),
        (["--format", "onx", "--out", "x.onnx"], "unknown format 'onx', did you mean 'onnx'?"),
    ],
)
def test_an_export_without_a_run(capsys, tmp_path, arguments, line):
    assert main(["export", "--run", str(tmp_path), *arguments]) == 2
    assert line in capsys.readouterr().err


def test_damaged_weights_are_one_line(searched, capsys, tmp_path):
    folder, _ = searched
    content = (folder / "run" / "weights.safetensors").read_bytes()
    (tmp_path / "weights.safetensors").write_bytes(content[: len(content) // 2])
    assert main(["export", "--run", str(tmp_path), "--format", "onnx", "--out", str(tmp_path / "x")]) == 2
    assert "no weights of a warmnas search, or damaged ones" in capsys.readouterr().err


def test_a_supernet_is_validated_on_the_trainings_of_a_search(searched, tmp_path, capsys):
    folder, arguments = searched
    words = [*arguments, "--budget", "4", "--out", str(tmp_path / "run"), "--validate", "supernet", "--json"]
    assert main(words) == 0
    content = json.loads(capsys.readouterr().out)
    found = content["validation"]
    assert (found["architectures"], found["epochs"], found["asked_epochs"]) == (4, 8, 8)
    names = [row["name"] for row in found["rows"]]
    assert names[:3] == ["supernet", "live-params", "source-ranking"]
    assert names[3] == "random"
    assert names[4].startswith("random, best of ")
    values = [row["validation"] for row in content["rows"]]
    regrets = {round(max(values) - value, 6) for value in values}
    assert all(round(row["regret"], 6) in regrets for row in found["rows"][:3])
    assert "What a supernet would have said" in (tmp_path / "run" / "report.html").read_text()
    assert "validation" not in summary(folder)


def test_what_cannot_be_validated(searched, tmp_path, capsys):
    _, arguments = searched
    out = ["--out", str(tmp_path / "run")]
    assert main([*arguments, *out, "--validate", "supernett"]) == 2
    assert "unknown --validate 'supernett', did you mean 'supernet'?" in capsys.readouterr().err
    assert main(["search", "--data", "digits", "--space", "nats-size", *out, "--validate", "supernet"]) == 2
    assert "no supernet" in capsys.readouterr().err
    assert main(["search", "--benchmark", "nasbench201", "--task", "cifar100", "--validate", "supernet"]) == 2
    assert "--validate goes with --data only" in capsys.readouterr().err
    notes: list[str] = []
    space, task, cut = space_named("nasbench201"), open_task("digits", resolution=8), Training(np.zeros(6, np.int8))
    settings = Settings("digits", budget=2, epochs=1)
    assert validated(settings, space, task, [cut], [], "cpu", tmp_path, float("inf"), notes.append) is None
    assert notes == ["no supernet was validated: a ranking needs 3 finished trainings, and there are 0"]
    cells = space.sample(3, np.random.default_rng(0))
    done = [Training(cell, [Epoch(1, 1.0, 50.0, 50.0, 50.0, 1.0)], "done") for cell in cells]
    assert validated(settings, space, task, done, [], "cpu", tmp_path, 0.0, notes.append) is None
    assert notes[1:] == ["no supernet was validated: no time was left for a supernet"]
