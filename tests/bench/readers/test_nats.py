"""NATS-Bench's files, against ``nats_bench`` itself: files written here, and the genuine records where they are at hand."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

from warmnas.bench import SplitAbsent, open_benchmark
from warmnas.bench.readers import import_file
from warmnas.cli import main

nats_bench = pytest.importorskip("nats_bench", reason="nats-bench is not installed: pip install nats-bench")
TASKS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
GENUINE = {"tss": "NATS-tss-v1_0-3ffb9-simple", "sss": "NATS-sss-v1_0-50262-simple"}
SPLITS = {
    "train-accuracy": "train_accuracy",
    "valid-accuracy": "val_accuracy",
    "test-accuracy": "test_accuracy",
    "valtest-accuracy": "valtest_accuracy",
    "train-loss": "train_loss",
}


def compare(table, api):
    """Every schedule, task and seed of every architecture, at the first, an inner and the last epoch."""
    compared = 0
    data = {name: array.values for name, array in table.data.data_vars.items()}
    for row, index in enumerate(data["official_index"].tolist()):
        for schedule in table.schedules:
            hp = f"{schedule:02d}"
            for task in table.tasks:
                for seed in api.query_by_index(index, task, hp=hp):
                    at = (table.tasks.index(task), row, table.schedules.index(schedule), table.seeds.index(str(seed)))
                    for epoch in (0, schedule // 2, schedule - 1):
                        known = api.get_more_info(index, task, iepoch=epoch, hp=hp, is_random=seed)
                        for theirs, ours in SPLITS.items():
                            if theirs in known:
                                assert data[ours][at][epoch] == pytest.approx(known[theirs], rel=1e-6), (task, theirs)
                                compared += 1
                            else:
                                assert np.isnan(data[ours][at][epoch])
                    total = data["train_seconds"][at]
                    assert np.nansum(total) == pytest.approx(known["train-all-time"], rel=1e-5)
                    if "valid-per-time" in known:
                        assert data["val_seconds"][at] == pytest.approx(known["valid-per-time"], rel=1e-5)
            cost = api.get_cost_info(index, "cifar100", hp)
            column = table.column("flops", "cifar100")
            assert column[row] == pytest.approx(1e6 * cost["flops"])
            latency = table.column("latency", "cifar100")
            assert latency[row] == pytest.approx(cost["latency"])
    return compared


def test_a_written_folder(nats_folder):
    table = import_file(nats_folder, "nats").table
    assert compare(table, nats_bench.create(str(nats_folder), "tss", fast_mode=True, verbose=False)) > 200


@pytest.mark.parametrize("family", ["tss", "sss"])
def test_the_genuine_records(genuine, family):
    table = import_file(genuine / GENUINE[family], "nats").table
    api = nats_bench.create(str(genuine / GENUINE[family]), family, fast_mode=True, verbose=False)
    assert compare(table, api) > 500
    assert table.data["official_index"].values.tolist() == [0, 11, 284]
    for row, index in enumerate((0, 11, 284)):
        assert table.names[row] == api.meta_archs[index]
        for task, classes in (("cifar100", 100), ("ImageNet16-120", 120)):
            params = table.column("params", task)
            assert params is not None
            assert params[row] == pytest.approx(1e6 * api.get_cost_info(index, task, "12")["params"]), classes
    assert table.data.attrs["sizes_that_disagree"] == 0
    assert table.data["train_seconds"].attrs["timed"] == "estimated"  # the same for every epoch: NATS-Bench issue 46


def test_the_whole_file_and_the_folder_are_the_same_table(nats_content, nats_folder, tmp_path):
    import bz2

    table = import_file(nats_folder, "nats").table
    for protocol in (2, 3, 4, 5):
        path = tmp_path / f"NATS-tss-{protocol}.pickle.pbz2"
        with bz2.open(path, "wb", compresslevel=1) as file:
            pickle.dump(nats_content, file, protocol)
        assert import_file(path, "nats").table.data.equals(table.data)


def test_a_file_under_another_number_is_refused(nats_folder, tmp_path, refused):
    import shutil

    folder = shutil.copytree(nats_folder, tmp_path / "copy")
    (folder / "000001.pickle.pbz2").rename(folder / "000007.pickle.pbz2")
    assert "architecture 7" in refused(folder, "nats")
    (folder / "000007.pickle.pbz2").unlink()
    (folder / "000000.pickle.pbz2").unlink()
    assert "000123.pickle.pbz2" in refused(folder, "nats")


def test_a_list_in_another_order_is_refused(nats_content, nats_folder, tmp_path, refused):
    import bz2
    import shutil

    folder = shutil.copytree(nats_folder, tmp_path / "copy")
    meta = {**copy.deepcopy(nats_content), "arch2infos": None}
    meta["meta_archs"] = meta["meta_archs"][::-1]
    with bz2.open(folder / "meta.pickle.pbz2", "wb") as file:
        pickle.dump(meta, file)
    assert "file 000000 holds" in refused(folder, "nats")


def test_from_the_folder_to_a_query(nats_folder, tmp_path, capsys):
    out = tmp_path / "T.h5"
    assert main(["bench", "import", str(nats_folder), "--format", "nats", "--out", str(out)]) == 0
    table = open_benchmark(str(out))
    assert main(["bench", "query", str(out), "--arch", "334131", "--task", "cifar100", "--schedule", "12"]) == 0
    assert main(["bench", "info", str(out)]) == 0
    assert "cifar100/x-valid" in capsys.readouterr().out
    study = ["study", "--benchmark", str(out), "--task", "all", "--optimizer", "random", "--budget", "1", "--runs", "2"]
    assert main([*study, "--out", str(tmp_path / "study"), "--json"]) == 0  # all that can be searched: not cifar10
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["task"] for row in rows] == ["cifar10-valid", "cifar100", "ImageNet16-120"]
    with pytest.raises(SplitAbsent, match="none are left to validate on"):
        table.value("cifar10", table.names[0])
