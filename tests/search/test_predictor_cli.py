"""``warmnas study --predictor``, ``fit`` and ``predict`` as checks call them: JSON, files and exit codes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from warmnas.cli import main

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"


@pytest.fixture(scope="module")
def file(few_cells, tmp_path_factory):
    """300 cells in a table file."""
    path = tmp_path_factory.mktemp("tables") / "few.h5"
    few_cells.save(path)
    return str(path)


def printed(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""  # quiet when piped
    return json.loads(out)


def refused(capsys, *arguments):
    assert main(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


def test_a_study_of_predictors(capsys, file, tmp_path):
    arguments = ["study", "--benchmark", file, "--task", "cifar100", "cifar10-valid", "--predictor", "gp", "gp-wl"]
    content = printed(capsys, *arguments, "--budget", "20", "--runs", "5", "--seed", "7", "--out", str(tmp_path / "o"))
    assert {"command", "versions", "protocol", "rows", "ceilings"} <= set(content)
    assert content == json.loads((tmp_path / "o" / "summary.json").read_text())
    assert len(content["rows"]) == 2 * 3
    for row in content["rows"]:
        assert set(row["kendall"]) == set(row["regret"]) == {"10", "20"}
        assert row["splits"] == 5
        assert -1 <= row["spearman"]["20"] <= content["ceilings"][row["task"]]["spearman"] + 0.05
        assert 0 <= row["top_precision"]["20"] <= 1
        assert row["regret"]["20"] >= 0


def test_a_study_of_predictors_refuses_what_it_has_not(capsys, file, tmp_path):
    study = ["study", "--benchmark", file, "--task", "cifar100", "--out", str(tmp_path / "o")]
    assert "did you mean 'bananas'" in refused(capsys, *study, "--predictor", "banana")
    assert "no --optimizer" in refused(capsys, *study, "--predictor", "gp", "--optimizer", "random")
    assert "no --seconds" in refused(capsys, *study, "--predictor", "gp", "--seconds", "50")
    assert "--budget 9000" in refused(capsys, *study, "--predictor", "gp", "--budget", "9000")
    assert not (tmp_path / "o").exists()


@pytest.fixture
def model(capsys, file, tmp_path):
    path = tmp_path / "m.npz"
    content = printed(capsys, "fit", "--predictor", "gp", "--table", file, "--target", "cifar100", "--out", str(path))
    assert content["architectures"] == 300
    return path


def test_fit_then_predict(capsys, file, few_cells, model):
    every = printed(capsys, "predict", "--model", str(model), "--table", file, "--task", "cifar100")["rows"]
    assert [row["arch"] for row in every] == few_cells.names
    said, truth = np.array([row["mean"] for row in every]), few_cells.values("cifar100")
    assert np.corrcoef(np.argsort(np.argsort(said)), np.argsort(np.argsort(truth)))[0, 1] > 0.9
    some = printed(
        capsys, "predict", "--model", str(model), "--table", "nasbench201", "--task", "cifar100", "--arch", CELL, "334131"
    )
    assert [row["arch"] for row in some["rows"]] == [CELL, "334131"]
    assert all(row["std"] >= 0 for row in some["rows"])


def test_predict_and_fit_refuse_bad_input_in_one_line(capsys, file, model, tmp_path):
    predict = ["predict", "--model", str(model), "--table"]
    assert "unknown task" in refused(capsys, *predict, file, "--task", "cifar1000")
    assert "nasbench-graph" in refused(capsys, *predict, "nasbench-graph", "--task", "cora")
    assert "not a NAS-Bench-201 cell" in refused(capsys, *predict, file, "--task", "cifar100", "--arch", "hello")
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(model.read_bytes()[:300])
    for path in (damaged, tmp_path / "none.npz", tmp_path):
        assert str(path) in refused(capsys, "predict", "--model", str(path), "--table", file, "--task", "cifar100")
    fit = ["fit", "--predictor", "gp", "--table", file, "--target"]
    assert "unknown task" in refused(capsys, *fit, "cifar1000", "--out", str(tmp_path / "x.npz"))
    assert "--out" in refused(capsys, *fit, "cifar100", "--out", str(tmp_path / "no" / "x.npz"))
    assert "--out" in refused(capsys, *fit, "cifar100", "--out", str(tmp_path))
    nothing = ["fit", "--predictor", "guess", "--table", file, "--target", "cifar100", "--out", str(tmp_path / "x.npz")]
    assert "unknown predictor 'guess'" in refused(capsys, *nothing)
    assert not (tmp_path / "x.npz").exists()


def test_labels_that_are_no_numbers_are_refused(capsys, few_cells, vary, tmp_path):
    values = few_cells.data["val_accuracy"].values.copy()
    values[:, 3] = np.inf
    path = tmp_path / "t.h5"
    vary(few_cells, val_accuracy=values).save(path)
    fit = ["fit", "--predictor", "gp", "--table", str(path), "--target", "cifar100", "--out", str(tmp_path / "m.npz")]
    assert "not finite" in refused(capsys, *fit)
