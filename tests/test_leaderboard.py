"""The leaderboard: its page is made of its files, its files are complete, and an entry repeats by its protocol."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from warmnas.bench import open_benchmark
from warmnas.search import Protocol, study
from warmnas.search.records import summary

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "leaderboard").glob("*.json"))


@pytest.fixture(scope="module")
def board() -> ModuleType:
    spec = importlib.util.spec_from_file_location("leaderboard", ROOT / "docs" / "leaderboard.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_made_of_the_files(board: ModuleType) -> None:
    assert FILES
    assert board.PAGE.read_text(encoding="utf-8") == board.page(board.read())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_entry_names_what_its_figures_depend_on(board: ModuleType, file: Path) -> None:
    entry = json.loads(file.read_text(encoding="utf-8"))
    protocol = entry["protocol"]
    assert board.file_of(entry) == file
    assert open_benchmark(protocol["benchmark"]).hash == protocol["table"], "the shipped table has changed: enter again"
    assert list(entry["tasks"]) == protocol["tasks"]
    assert protocol["seed"] >= 1000
    assert protocol["runs"] >= 30
    assert {"version", "schedule", "observe", "sources", "source_rows", "leave_out", "budget"} <= set(protocol)
    assert all(str(protocol["budget"]) in task["regret"] for task in entry["tasks"].values())


def test_a_light_entry_repeats(board: ModuleType) -> None:
    (entry,) = board.read([ROOT / "leaderboard" / "nasbench201-100x200--random.json"])
    assert board.check(entry, ["cifar100"]) == []


def test_an_entry_that_does_not_repeat_is_told(board: ModuleType, tmp_path, monkeypatch, capsys) -> None:
    table = open_benchmark("nasbench201")
    result = study([table], ["live-params"], Protocol(("cifar100",), budget=10, runs=30, seed=1000))
    (entry,) = board.entries(summary(result, "warmnas study"))
    assert board.check(entry) == []
    monkeypatch.setattr(board, "FOLDER", tmp_path)
    entry["tasks"]["cifar100"]["regret"]["10"] += 0.1
    board.file_of(entry).write_text(json.dumps(entry), encoding="utf-8")
    assert board.main(["check", str(board.file_of(entry))]) == 1
    assert "cifar100 after 10" in capsys.readouterr().out
    entry["protocol"]["table"] = "0" * 32
    assert "other content" in board.check(entry)[0]


def test_a_study_under_another_limit_is_no_entry(board: ModuleType) -> None:
    content = {"settings": {"seconds": 12000.0}, "tables": {"nasbench201": "0"}}
    with pytest.raises(ValueError, match="plain budget"):
        board.entries(content)
