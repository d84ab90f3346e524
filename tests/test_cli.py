"""The command line as checks call it: the JSON, the exit codes, and nothing half-written."""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import h5py
import pandas as pd
import pytest

from warmnas import __version__
from warmnas.bench import readers
from warmnas.cli import main
from warmnas.commands import bench as commands_bench
from warmnas.commands.names import expand
from warmnas.search import records

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
STUDY = ["study", "--benchmark", "nasbench201", "--task", "cifar100", "--optimizer", "random", "rea"]
SMALL = ["--budget", "12", "--runs", "3"]
TIMES = ("wall_seconds", "overhead_seconds")
ROW = {
    "task",
    "optimizer",
    "runs",
    "budget",
    "metric",
    "deterministic",
    "regret",
    "regret_sem",
    "evaluations_to_optimum",
    "evaluations_to_near",
    "test_accuracy",
    "test_regret",
    "simulated_seconds",
    "overhead_seconds",
    "wall_seconds",
}


def run_json(capsys, *arguments):
    """The one JSON object that a command prints; NaN and Infinity are not JSON."""
    assert main([*arguments, "--json"]) == 0
    text = capsys.readouterr().out

    def refuse(constant):
        raise AssertionError(f"{constant} in the output")

    return json.loads(text, parse_constant=refuse)


def refused(capsys, tmp_path, *arguments):
    """The line of a command that ends with exit code 2 and leaves nothing behind."""
    before = sorted(tmp_path.rglob("*"))
    assert main(list(arguments)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("warmnas: ")
    assert "Traceback" not in printed.err
    assert sorted(tmp_path.rglob("*")) == before
    return printed.err


# --- study ---------------------------------------------------------------------------------------------------------
def test_study_prints_and_writes_what_the_design_says(capsys, tmp_path):
    out = tmp_path / "new" / "folder"
    arguments = ["study", "--benchmark", "nasbench201", "nasbench-graph", "--task", "ImageNet16-120", "proteins"]
    arguments += ["--optimizer", "random", "source-ranking", *SMALL, "--seed", "7", "--source-rows", "50"]
    content = run_json(capsys, *arguments, "--out", str(out))
    assert {"command", "versions", "protocol", "rows"} <= set(content)
    assert content["command"].startswith("warmnas study --benchmark nasbench201 nasbench-graph ")
    assert content["versions"]["warmnas"] == __version__
    assert isinstance(content["protocol"], str)
    assert set(content["tables"]) == {"nasbench201", "nasbench-graph"}
    assert [(row["task"], row["optimizer"]) for row in content["rows"]] == [
        (task, optimizer) for task in ("ImageNet16-120", "proteins") for optimizer in ("random", "source-ranking")
    ]
    for row in content["rows"]:
        assert set(row) == ROW
        assert list(row["regret"]) == list(row["regret_sem"]) == ["1", "2", "5", "10", "12"]
        assert (row["test_accuracy"] is None) == (row["task"] == "ImageNet16-120")
    assert content["rows"][0]["simulated_seconds"] > 0
    assert content["rows"][2]["simulated_seconds"] is None
    assert sorted(path.name for path in out.iterdir()) == sorted(records.FILES)
    assert json.loads((out / "summary.json").read_text()) == content
    frame = pd.read_parquet(out / "trajectories.parquet")
    assert len(frame) == 2 * 2 * 3 * 12
    assert {"task", "optimizer", "run", "evaluation", "architecture", "observed", "incumbent_validation"} <= set(frame)
    assert {"incumbent_test", "simulated_seconds", "fit_seconds", "proposal_seconds"} <= set(frame)


def test_study_is_the_same_under_a_seed(capsys, tmp_path):
    arguments = [*STUDY, "source-ranking", *SMALL, "--observe", "seed", "--seed", "3"]
    contents = [run_json(capsys, *arguments, "--out", str(tmp_path / name)) for name in "ab"]
    rows = [[{k: v for k, v in row.items() if k not in TIMES} for row in content["rows"]] for content in contents]
    assert rows[0] == rows[1]
    assert contents[0]["protocol"] == contents[1]["protocol"]
    frames = [pd.read_parquet(tmp_path / name / "trajectories.parquet") for name in "ab"]
    first, second = (frame.drop(columns=["fit_seconds", "proposal_seconds"]) for frame in frames)
    pd.testing.assert_frame_equal(first, second)


def test_another_seed_is_another_study(capsys, tmp_path):
    first, second = (run_json(capsys, *STUDY, *SMALL, "--out", str(tmp_path / seed), "--seed", seed) for seed in ("0", "1"))
    assert first["protocol"] != second["protocol"]
    assert first["rows"][0]["regret"] != second["rows"][0]["regret"]


def test_a_run_of_its_own_is_the_first_of_many(capsys, tmp_path):
    one = run_json(capsys, "search", *STUDY[1:5], "--optimizer", "rea", "--budget", "12", "--out", str(tmp_path / "1"))
    run_json(capsys, *STUDY, *SMALL, "--out", str(tmp_path / "3"))
    frame = pd.read_parquet(tmp_path / "3" / "trajectories.parquet")
    last = frame[(frame.optimizer == "rea") & (frame.run == 0) & (frame.evaluation == 12)].iloc[0]
    assert one["found"]["validation"] == last.incumbent_validation


def test_study_prints_tables_and_the_report(capsys, tmp_path):
    assert main([*STUDY, *SMALL, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert f"Report: {tmp_path / 'report.html'}" in printed.out
    assert "cifar100: regret" in printed.out
    assert "best" in printed.out


def test_study_without_out_names_its_folder_by_protocol(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = run_json(capsys, *STUDY, *SMALL)
    assert (tmp_path / "runs" / f"study-nasbench201-{content['protocol']}" / "report.html").is_file()


def test_optimizers_take_options(capsys, tmp_path):
    arguments = ["study", *STUDY[1:5], "--optimizer", "rea[population=4,sample=2]", "rea", "--budget", "20", "--runs", "2"]
    content = run_json(capsys, *arguments, "--out", str(tmp_path))
    assert [row["optimizer"] for row in content["rows"]] == ["rea[population=4,sample=2]", "rea"]
    assert content["rows"][0]["regret"] != content["rows"][1]["regret"]


def test_results_of_before_are_replaced_only_by_whole_ones(capsys, tmp_path):
    run_json(capsys, *STUDY, *SMALL, "--out", str(tmp_path))
    before = (tmp_path / "summary.json").read_bytes()
    refused(capsys, tmp_path, *STUDY, "nothing", *SMALL, "--out", str(tmp_path))
    assert (tmp_path / "summary.json").read_bytes() == before


# --- several values after one option --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("study --optimizer a b --runs 3", "study --optimizer a --optimizer b --runs 3"),
        ("study --task a --task b c", "study --task a --task b --task c"),
        ("study --optimizer=a b --json", "study --optimizer=a --optimizer b --json"),
        ("study --runs 3 4", "study --runs 3 4"),
        ("search --optimizer a b", "search --optimizer a b"),
        ("bench query --task T B", "bench query --task T B"),
        ("", ""),
    ],
)
def test_expand(given, meant):
    assert expand(given.split()) == meant.split()


# --- bench ---------------------------------------------------------------------------------------------------------
def test_bench_list(capsys):
    names = {row["name"] for row in run_json(capsys, "bench", "list")["benchmarks"]}
    assert {"nasbench201", "nasbench-graph"} <= names
    assert main(["bench", "list"]) == 0


def test_bench_info(capsys):
    info = run_json(capsys, "bench", "info", "nasbench201")
    keys = {"name", "space", "tasks", "architectures", "function_classes", "epochs", "metrics", "splits"}
    assert keys | {"source", "licence", "hash"} <= set(info)
    assert (info["architectures"], info["function_classes"], info["epochs"]) == (15625, 4930, 200)
    assert info["splits"]["cifar100"] == {"val": "cifar100/x-valid"}
    graph = run_json(capsys, "bench", "info", "nasbench-graph")
    assert graph["splits"]["cora"] == {"val": "valid_perf", "test": "perf"}
    assert main(["bench", "info", "nasbench-graph"]) == 0


def test_bench_query(capsys):
    content = run_json(capsys, "bench", "query", "nasbench201", "--arch", "334131", "--task", "cifar100")
    assert set(content) == {"task", "arch", "schedule", "mean", "values"}
    assert (content["task"], content["arch"], content["schedule"]) == ("cifar100", CELL, 200)
    seeds = content["values"]["val"]
    assert set(seeds) == {"0", "1", "2"}
    assert all(list(epochs) == ["200"] for epochs in seeds.values())
    assert content["mean"] == {"val": pytest.approx(sum(epochs["200"] for epochs in seeds.values()) / 3)}
    again = run_json(capsys, "bench", "query", "nasbench201", "--arch", CELL, "--task", "cifar100", "--schedule", "200")
    assert again == content
    assert main(["bench", "query", "nasbench-graph", "--arch", "00123", "--task", "cora"]) == 0
    assert "80.200" in capsys.readouterr().out


# --- what is wrong is said in one line ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["--benchmark", "nasbench20"], "did you mean 'nasbench201'"),
        (["--task", "cifar1000"], "did you mean 'cifar100'"),
        (["--task", "all", "cifar1000"], "did you mean 'cifar100'"),
        (["--optimizer", "randon"], "did you mean 'random'"),
        (["--optimizer", "rea[size=3]"], "Choices: population, sample"),
        (["--optimizer", "rea[population=0]"], "at least 1"),
        (["--optimizer", "rea[population"], "name[option=value,...]"),
        (["--optimizer"], "--optimizer needs a value"),
        (["--budget", "0"], "1 to 15625"),
        (["--budget", "15626"], "1 to 15625"),
        (["--budget", "many"], "--budget"),
        (["--runs", "0"], "at least one run"),
        (["--runs", "-3"], "at least one run"),
        (["--seed", "-1"], "--seed"),
        (["--sources", "cora"], "cifar10-valid"),
        (["--source-rows", "some"], "a number, or all"),
        (["--source-rows", "0"], "1 to 15625"),
        (["--observe", "both"], "'mean', 'seed'"),
        (["--leave-out", "nothing"], "'task', 'family'"),
        (["--benchmark", "nasbench-graph", "--task", "cora", "--observe", "seed"], "--observe seed"),
        (["--frobnicate", "1"], "--frobnicate"),
    ],
)
def test_study_refuses(changed, said, capsys, tmp_path):
    base = {"--benchmark": ["nasbench201"], "--task": ["cifar100"], "--optimizer": ["random"]}
    base |= {"--budget": ["5"], "--runs": ["2"], "--out": [str(tmp_path / "a" / "b")]}
    for start, option in enumerate(changed):
        if option.startswith("--"):
            values = changed[start + 1 :]
            stop = next((i for i, value in enumerate(values) if value.startswith("--")), len(values))
            base[option] = values[:stop]
    arguments = ["study", *(word for option, values in base.items() for word in (option, *values))]
    assert said in refused(capsys, tmp_path, *arguments)


@pytest.mark.parametrize("arguments", [[], ["bench"], ["study"], ["search", "--benchmark", "nasbench201"], ["serch"]])
def test_incomplete_commands_are_refused(arguments, capsys, tmp_path):
    refused(capsys, tmp_path, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["query", "nasbench201", "--arch", "|nor_conv~0|", "--task", "cifar100"],
        ["query", "nasbench201", "--arch", "334135", "--task", "cifar100"],
        ["query", "nasbench201", "--arch", "334131", "--task", "cora"],
        ["query", "nasbench201", "--arch", "334131", "--task", "cifar100", "--schedule", "12"],
        ["query", "nasbench-graph", "--arch", "08888", "--task", "cora"],
        ["info", "nothing.h5"],
        ["info", ""],
    ],
)
def test_bench_refuses(arguments, capsys, tmp_path):
    refused(capsys, tmp_path, "bench", *arguments)


def test_a_search_has_one_task_and_one_optimizer(capsys, tmp_path):
    refused(capsys, tmp_path, "search", *STUDY[1:3], "--task", "all", "--out", str(tmp_path / "a"))
    refused(capsys, tmp_path, "search", *STUDY[1:], "--out", str(tmp_path / "a"))


@pytest.mark.parametrize("out", ["file", "file/a/b", "summary", "null\0byte"])
def test_an_unwritable_out_is_refused_before_the_study_runs(out, capsys, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "summary" / "summary.json").mkdir(parents=True)
    study = importlib.import_module("warmnas.search.study")  # the name in the package is the function
    monkeypatch.setattr(study, "run_parts", lambda *_: pytest.fail("the study ran"))
    assert "--out" in refused(capsys, tmp_path, *STUDY, *SMALL, "--out", str(tmp_path / out))


def test_damaged_and_hostile_table_files_are_refused(capsys, tmp_path):
    from warmnas.bench import open_benchmark

    whole = tmp_path / "whole.h5"
    open_benchmark("nasbench201").save(whole)
    cut = tmp_path / "cut.h5"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (tmp_path / "pickle.h5").write_bytes(b"cos\nsystem\n(S'touch hacked'\ntR.")
    (tmp_path / "empty.h5").touch()
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["val_accuracy"] = h5py.ExternalLink("/etc/passwd", "/")
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("val_accuracy", shape=(2**50,), chunks=(2**10,), dtype="f8")
    for name in ("cut", "pickle", "empty", "link", "huge"):
        table = str(tmp_path / f"{name}.h5")
        assert table in refused(capsys, tmp_path, "bench", "info", table)
        refused(capsys, tmp_path, "study", "--benchmark", table, "--out", str(tmp_path / "out"))
    assert run_json(capsys, "bench", "info", str(whole))["architectures"] == 15625


def test_a_failure_of_ours_is_one_line_and_leaves_nothing(capsys, tmp_path, monkeypatch):
    monkeypatch.delenv("WARMNAS_TRACEBACK", raising=False)
    monkeypatch.setattr("warmnas.search.records._write_trajectories", lambda *_: 1 / 0)
    assert main([*STUDY, *SMALL, "--out", str(tmp_path / "a" / "b")]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "internal error ZeroDivisionError" in printed.err
    assert list(tmp_path.iterdir()) == []


# --- as a process ---------------------------------------------------------------------------------------------------
def test_python_m_warmnas(tmp_path):
    command = [sys.executable, "-m", "warmnas", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout == f"warmnas {__version__}\n"
    command[3:] = ["bench", "info", "nasbench21"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_an_interrupt_leaves_nothing(tmp_path):
    command = [sys.executable, "-m", "warmnas", *STUDY[:5], "--optimizer", "random", "--budget", "15000", "--runs", "100"]
    process = subprocess.Popen([*command, "--out", "out"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    out, deadline = Path(tmp_path, "out"), time.monotonic() + 60
    while not out.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert (process.returncode, error) == (130, "warmnas: interrupted\n")
    assert not out.exists()


def test_a_closed_pipe_is_no_error(tmp_path):
    command = [sys.executable, "-m", "warmnas", "bench", "info", "nasbench201", "--json"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == ""


def test_a_target_without_sources_is_said(capsys, tmp_path):
    arguments = ["--benchmark", "nasbench-graph", "--task", "arxiv", "--sources", "proteins", "--leave-out", "family"]
    assert main(["study", *arguments, "--optimizer", "random", *SMALL, "--out", str(tmp_path / "o"), "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == "warmnas: note: no source task is left for arxiv; transfer starts from nothing there\n"
    assert json.loads(said.out)["settings"]["sources_of"] == {"arxiv": []}


def test_what_warmnas_warns_of_is_one_line_and_said_once(capsys, monkeypatch):
    def formats():
        """A command that warns twice, and of which a library warns too."""
        for _ in range(2):
            warnings.warn_explicit("sources are\ngone", UserWarning, commands_bench.__file__, 1, registry={})
        warnings.warn_explicit("theirs", UserWarning, "/elsewhere/library.py", 1, registry={})
        return {"random": SimpleNamespace(summary="")}

    monkeypatch.setattr(readers, "formats", SimpleNamespace(items=lambda: formats().items()))
    with pytest.warns(UserWarning, match="theirs") as passed_on:
        assert main(["bench", "formats"]) == 0
    assert capsys.readouterr().err == "warmnas: note: sources are gone\n"
    assert len(passed_on) == 1
