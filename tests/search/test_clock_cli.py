"""The clock from the command line: what it prints and writes, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from warmnas.cli import main

STUDY = ["study", "--benchmark", "nasbench201", "--task", "cifar10-valid", "--optimizer", "rea", "random", "--runs", "4"]
Capture = pytest.CaptureFixture[str]


def run_json(capsys: Capture, *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_study_by_time_writes_what_each_run_was_charged(capsys: Capture, tmp_path: Path) -> None:
    content = run_json(capsys, *STUDY, "--seconds", "40000", "--schedule", "200", "--out", str(tmp_path))
    assert content["settings"]["seconds"] == 40_000
    assert content["settings"]["budget"] is None
    for row in content["rows"]:
        assert 40_000 - 3461 < row["simulated_seconds"] <= 40_000
        assert list(row["regret_by_seconds"]) == ["4000", "8000", "20000", "40000"]
        assert str(row["budget"]) in row["regret"]
    frame = pd.read_parquet(tmp_path / "trajectories.parquet")
    made = frame.groupby(["optimizer", "run"], observed=True).agg({"evaluation": "max", "simulated_seconds": "max"})
    assert (made.simulated_seconds <= 40_000).all()
    assert made.evaluation.max() == content["rows"][0]["budget"]
    page = (tmp_path / "report.html").read_text()
    assert "40,000 simulated seconds each, 4 independent runs" in page
    assert '"counts":"simulated seconds"' in page


def test_time_is_also_printed(capsys: Capture, tmp_path: Path) -> None:
    assert main([*STUDY, "--seconds", "40000", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "after n simulated seconds" in printed
    assert "at 40000" in printed


def test_a_search_by_time_is_the_first_run_of_the_study(capsys: Capture, tmp_path: Path) -> None:
    time = ("--seconds", "30000")
    found = run_json(capsys, "search", *STUDY[1:6], "rea", *time, "--out", str(tmp_path / "a"))["found"]
    run_json(capsys, *STUDY, *time, "--out", str(tmp_path / "b"))
    frame = pd.read_parquet(tmp_path / "b" / "trajectories.parquet")
    run = frame[(frame.optimizer == "rea") & (frame.run == 0)]
    assert found["evaluations"] == len(run)
    assert found["validation"] == run.incumbent_validation.iloc[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seconds", "0"], "--seconds 0: write a number above 0"),
        (["--seconds", "nan"], "--seconds nan: write a number above 0"),
        (["--seconds", "100"], "shortest training on cifar10-valid takes 542.2 s"),
        (["--schedule", "12"], "unknown schedule of nasbench201 '12'. Choices: 200."),
    ],
)
def test_what_cannot_be_kept_is_refused(arguments: list[str], message: str, capsys: Capture, tmp_path: Path) -> None:
    assert main([*STUDY, *arguments, "--out", str(tmp_path / "new")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
