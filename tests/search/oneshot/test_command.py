"""The command ``warmnas oneshot``: its JSON, its files, its exit codes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from warmnas.bench import Table, open_benchmark
from warmnas.cli import main
from warmnas.search.oneshot import loop as engine


@pytest.fixture(scope="module")
def images(tiny, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("images") / "tiny.npz"
    arrays = {f"{part}_{name}": getattr(tiny, name) for name in ("train", "val", "test") for part in "xy"}
    np.savez(path, **{key: value.images if key[0] == "x" else value.labels for key, value in arrays.items()})
    return str(path)


def words(images, out, **changed):
    given = {"--method": "rsps[candidates=3]", "--data": images, "--epochs": "1", "--seed": "2", "--out": str(out)}
    given |= {"--batch": "8", "--width": "4", "--resolution": "8"} | changed
    return ["oneshot", *(word for pair in given.items() for word in pair)]


def test_json_and_files(images, tmp_path, capsys):
    out = tmp_path / "run"
    assert main([*words(images, out, **{"--method": "darts"}), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    keys = {"method", "cell", "skips", "alpha_change", "seconds", "peak_memory_mb", "accuracy"}
    assert keys <= set(content)
    assert content["alpha_change"] > 0
    assert content == json.loads((out / "summary.json").read_text())
    page = (out / "report.html").read_text()
    assert "warmnas oneshot --method darts" in page
    assert content["cell"] in page
    assert "operation weight (0 to 1)" in page
    assert {path.name for path in out.iterdir()} == {"summary.json", "report.html"}
    assert main(words(images, tmp_path / "again", **{"--method": "darts"})) == 0
    assert content["cell"] in capsys.readouterr().out


def test_validation(images, tmp_path, capsys):
    whole = open_benchmark("nasbench201")
    data = whole.data.isel(architecture=np.arange(5, 15_625, 521))
    data.attrs.pop("hash", None)
    table = tmp_path / "few.h5"
    Table(data).save(table)
    options = ["--validate", "--table", str(table), "--task", "cifar100", "--json"]
    assert main([*words(images, tmp_path / "run"), *options]) == 0
    content = json.loads(capsys.readouterr().out)
    assert {"rank", "tau", "spearman", "interval", "rivals"} <= set(content)
    assert {"live-params", "random", "source-ranking"} <= set(content["rivals"])
    assert "What the ranking is worth" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--method": "dart"}, "did you mean 'darts'"),
        ({"--method": "rsps[candidate=3]"}, "option of rsps 'candidate'"),
        ({"--space": "chain"}, "no supernet"),
        ({"--space": "nasbench202"}, "did you mean 'nasbench201'"),
        ({"--batch": "18"}, "fewer than a batch of 18"),
        ({"--epochs": "0"}, "--epochs"),
        ({"--data": "digitz"}, "digits"),
        ({"--device": "gpu7"}, "unknown --device 'gpu7'"),
        ({"--device": "cudda"}, "did you mean 'cuda'"),
        ({"--device": "meta"}, "Choices: cpu, cuda"),
        ({"--method": "pc-darts", "--width": "6"}, "6 channels in 4 parts"),
    ],
)
def test_bad_arguments(changed, said, images, tmp_path, capsys):
    assert main(words(images, tmp_path / "run", **changed)) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_divergence_is_a_failure_that_says_what_is_left(images, tmp_path, capsys, monkeypatch):
    step = engine.weights_step

    def spoil(search, x, y, rate=None):
        return step(search, x * (float("nan") if search.epoch else 1.0), y, rate)

    monkeypatch.setattr(engine, "weights_step", spoil)
    assert main(words(images, tmp_path / "run", **{"--epochs": "2"})) == 1
    said = capsys.readouterr().err
    assert "not a finite number in epoch 2" in said
    assert "checkpoint.pt" in said
    monkeypatch.undo()
    assert main(words(images, tmp_path / "run", **{"--epochs": "2"})) == 0
