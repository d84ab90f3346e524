"""The command ``warmnas proxies``: its JSON, its table, its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from warmnas.bench import Table, WarmnasError, space
from warmnas.cli import main
from warmnas.surrogates.proxies import connected_classes

SMALL = ["--width", "2", "--cells", "1", "--batch", "4", "--workers", "1"]


def test_json_and_table(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("WARMNAS_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "t.h5"
    words = ["proxies", "--space", "nasbench201", "--data", "gaussian", "--proxy", "live-params", "synflow", "az-nas"]
    assert main([*words, "--sample", "12", "--seed", "3", "--out", str(out), "--json", *SMALL]) == 0
    printed = capsys.readouterr()
    content = json.loads(printed.out)
    assert [row["proxy"] for row in content["rows"]] == ["live-params", "synflow", "az-nas"]
    for row in content["rows"]:
        assert {"proxy", "architectures", "seconds", "spearman", "interval"} <= set(row)
        assert set(row["spearman"]) == {"cifar10-valid", "cifar100", "ImageNet16-120"}
    table = Table.open(out)
    assert len(table.names) == 12
    assert np.isfinite(table.values("cifar100")).all()
    assert {"score_synflow", "score_az_nas", "score_az_nas_expressivity"} <= set(table.data)
    assert main([*words, "--sample", "12", "--seed", "3", "--out", str(out), *SMALL]) == 0
    assert "label noise allows" in capsys.readouterr().out


def test_a_task_and_a_space_without_benchmark(tmp_path, capsys):
    out = tmp_path / "t.h5"
    words = ["proxies", "--space", "chain", "--data", "digits", "--proxy", "naswot", "--sample", "3", "--out", str(out)]
    assert main([*words, "--json", *SMALL]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["data"] == "digits"
    assert content["rows"][0]["architectures"] == 3
    assert out.is_file()


def test_one_architecture_of_every_class(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("WARMNAS_CACHE", str(tmp_path / "cache"))
    words = ["proxies", "--space", "nats-size", "--data", "gaussian", "--proxy", "params", "--every-class", *SMALL]
    monkeypatch.setattr("warmnas.search.zero_shot.study.connected_classes", lambda of: connected_classes(of)[::5000])
    assert main([*words, "--out", str(tmp_path / "t.h5"), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["networks"] == 7
    assert row["per_second"] == pytest.approx(7 / row["seconds"])
    assert main([*words, "--out", str(tmp_path / "t.h5")]) == 0
    assert "networks per second" in capsys.readouterr().out
    for more, said in (["--sample", "3"], "one of them"), (["--within", "flops=1"], "needs --sample"):
        assert main([*words, *more, "--out", str(tmp_path / "u.h5")]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "u.h5").exists()


def test_the_classes_of_the_benchmark():
    cells = connected_classes(space("nasbench201"))
    assert len(cells) == 4929  # of 15,284 connected cells
    assert len(np.unique(space("nasbench201").class_keys(cells))) == 4929
    with pytest.raises(WarmnasError, match="too many to list"):
        connected_classes(space("darts"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"--proxy": "naswott"}, "did you mean 'naswot'"),
        ({"--space": "nasbench202"}, "did you mean 'nasbench201'"),
        ({"--space": "nasbench-graph"}, "no image network"),
        ({"--data": "digitz"}, "digit"),
        ({"--out": "t.csv"}, "ends in .h5"),
        ({"--sample": "0"}, "--sample"),
        ({"--sample": "20000"}, "fewer than 20000 connected"),
        ({"--batch": "1"}, "--batch"),
    ],
)
def test_bad_arguments(changed, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {
        "--space": "nasbench201",
        "--data": "gaussian",
        "--proxy": "params",
        "--sample": "2",
        "--out": "t.h5",
    } | changed
    assert main(["proxies", *(word for pair in options.items() for word in pair)]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert not list(tmp_path.iterdir())


def test_two_processes_are_possible(tmp_path):
    command = "from warmnas.cli import main; main({!r})"
    words = ["proxies", "--space", "nasbench201", "--data", "gaussian", "--proxy", "synflow", "--sample", "10", "--json"]
    words += ["--out", str(tmp_path / "t.h5"), *SMALL[:-1], "2"]
    code = command.format(words) + "; import sys; sys.exit('torch' in sys.modules)"
    # Torch in the parent would mean that nothing was forked.
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path)


def test_a_search_within_a_bound(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("WARMNAS_CACHE", str(tmp_path / "cache"))
    small = ["--space", "nasbench201", "--data", "gaussian", "--sample", "24", *SMALL]
    arguments = ["proxies", *small, "--proxy", "naswot", "live-params", "--out", str(tmp_path / "t.h5")]
    assert main([*arguments, "--within", "live-params=1500", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["limit"] == {"what": "live-params", "bound": 1500.0}
    assert len(told["best"]) == 10
    assert all(row["cost"] <= 1500 for row in told["best"] + told["front"])
    scores = [row["score"] for row in told["best"]]
    assert scores == sorted(scores, reverse=True)
    front = [(row["cost"], row["score"]) for row in told["front"]]
    assert front == sorted(front)
    assert front[-1][1] == scores[0]
    assert len(Table.open(tmp_path / "t.h5").genotypes) == 24
    assert main([*arguments, "--within", "live-param=1500"]) == 2
    assert "unknown cost 'live-param', did you mean 'live-params'?" in capsys.readouterr().err
    assert main([*arguments, "--within", "live-params"]) == 2
    assert "write COST=BOUND" in capsys.readouterr().err
    assert main([*arguments, "--within", "live-params=1500"]) == 0
    assert "front, cheapest first" in capsys.readouterr().out
