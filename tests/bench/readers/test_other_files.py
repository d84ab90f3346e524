"""TransNAS-Bench-101, HW-NAS-Bench, NAS-Bench-Graph's full files, LCBench, AnalogNAS-Bench: small files written here.

The layouts are those that the official loaders read; each reader names the lines.
"""

from __future__ import annotations

import copy
import json
import pickle
import sys
import types
from typing import Any

import numpy as np
import pytest

from warmnas.bench import open_benchmark
from warmnas.bench.readers import Options, import_file

CELLS = (
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
)


def dump(path, content):
    path.write_bytes(pickle.dumps(content))
    return path


# --- TransNAS-Bench-101 ------------------------------------------------------------------------------------------------
METRICS = {"class_scene": "top1", "room_layout": "neg_loss", "segmentsemantic": "mIoU", "autoencoder": "ssim"}
EPOCHS = {"class_scene": 4, "room_layout": 4, "segmentsemantic": 5, "autoencoder": 5}


def transnas():
    rng = np.random.default_rng(0)
    scale = {"top1": 100, "mIoU": 100, "ssim": 1, "neg_loss": -1}

    def record(task):
        epochs, metric = EPOCHS[task], METRICS[task]
        metrics = {f"{s}_{metric}": (scale[metric] * rng.random(epochs)).tolist() for s in ("train", "valid", "test")}
        metrics |= {f"{s}_loss": rng.random(epochs).tolist() for s in ("train", "valid", "test")}
        metrics["time_elapsed"] = (10.0 * np.arange(1, epochs + 1)).tolist()
        info = {"inference_time": 0.01, "encoder_params": 5, "model_params": 7, "model_FLOPs": 9, "encoder_FLOPs": 8}
        return {"total_epochs": epochs, "model_info": info, "metrics": metrics}

    names = {"micro": ["64-41414-1_02_333", "64-41414-0_12_303"], "macro": ["64-1234-basic"]}
    return {
        "metrics_dict": {
            t: [f"{s}_{k}" for s in ("train", "valid", "test") for k in (m, "loss")] for t, m in METRICS.items()
        },
        "info_names": ["inference_time"],
        "task_list": list(METRICS),
        "data": {kind: {name: {t: record(t) for t in METRICS} for name in some} for kind, some in names.items()},
    }


@pytest.fixture
def transnas_file(tmp_path):
    import torch

    content = transnas()
    path = tmp_path / "transnas-bench_v10141024.pth"
    torch.save(content, path)
    return path, content


@pytest.mark.parametrize("kind", ["micro", "macro"])
def test_transnas(transnas_file, kind):
    path, content = transnas_file
    table = import_file(path, "transnas101", Options(space=kind)).table
    assert table.tasks == tuple(METRICS)
    for row, records in enumerate(content["data"][kind].values()):
        for task, metric in METRICS.items():
            known = records[task]["metrics"]
            for split, key in (("train", "train"), ("val", "valid"), ("test", "test")):
                assert table.value(task, table.names[row], split) == pytest.approx(known[f"{key}_{metric}"][-1], rel=1e-5)
                assert table.resolve(task, split) == f"{key}_{metric}"
            seconds = table.training_seconds(task)
            assert seconds is not None
            assert seconds[row] == pytest.approx(10.0 * EPOCHS[task])
    assert {task: metric.direction for task, metric in table.metrics.items()} == dict.fromkeys(table.tasks, "maximize")
    assert table.metrics["segmentsemantic"].name == "mIoU"
    params = table.column("params", "autoencoder")
    assert params is not None
    assert set(params) == {7.0}


def test_transnas_needs_a_space(transnas_file, refused):
    assert "--space micro" in refused(transnas_file[0], "transnas101")
    assert "--space micro" in refused(transnas_file[0], "transnas101", "--space", "nasbench201")


# --- HW-NAS-Bench ------------------------------------------------------------------------------------------------------
def hardware():
    rng = np.random.default_rng(1)
    metrics = ("edgegpu_latency", "edgegpu_energy", "raspi4_latency", "pixel3_latency", "eyeriss_latency", "fpga_energy")
    content = {}
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        content[dataset] = {metric: rng.uniform(1, 30, 2).tolist() for metric in metrics}
        content[dataset]["eyeriss_arithmetic_intensity"] = np.array([3.0, 4.0])
        content[dataset]["config"] = [{"name": "infer.tiny", "C": 16, "N": 5, "arch_str": cell} for cell in CELLS]
    content["cifar10"]["edgetpu_latency"] = [0.957, 2.0]
    return {"nasbench201": content, "fbnet": {"edgegpu_latency": {"Skip_H8": 0.1}}}


def test_hardware_costs_have_a_device_axis_and_the_accuracies_of_nasbench201(tmp_path):
    content = hardware()
    result = import_file(dump(tmp_path / "HW-NAS-Bench-v1_0.pickle", content), "hw-nas-bench")
    table = result.table
    latency = table.data["latency"].sel(task="cifar100", device="edgegpu").values
    assert latency == pytest.approx([ms / 1000 for ms in content["nasbench201"]["cifar100"]["edgegpu_latency"]])
    energy = table.data["energy"].sel(task="cifar10-valid")
    assert energy.sel(device="fpga").values == pytest.approx(
        np.array(content["nasbench201"]["cifar10"]["fpga_energy"]) / 1000
    )
    assert np.isnan(energy.sel(device="raspi4").values).all()
    assert np.isnan(table.data["latency"].sel(task="cifar100", device="edgetpu").values).all()
    assert table.data["arithmetic_intensity"].sel(task="cifar100", device="eyeriss").values.tolist() == [3.0, 4.0]
    official = open_benchmark("nasbench201")
    for task in table.tasks:
        assert [table.value(task, cell) for cell in CELLS] == [official.value(task, cell) for cell in CELLS]
        assert table.splits[task] == official.splits[task]
    assert any("joined by cell" in note for note in result.notes)


@pytest.mark.parametrize("kind", ["short", "negative", "other cells", "twice", "no space"])
def test_hardware_costs_that_do_not_fit_are_refused(tmp_path, refused, kind):
    content = hardware()
    if kind == "short":
        content["nasbench201"]["cifar100"]["raspi4_latency"] = [1.0]
    elif kind == "negative":
        content["nasbench201"]["cifar100"]["raspi4_latency"] = [1.0, -1.0]
    elif kind == "other cells":
        content["nasbench201"]["cifar100"]["config"].reverse()
    elif kind == "twice":
        for dataset in content["nasbench201"].values():
            dataset["config"][1] = dataset["config"][0]
    else:
        del content["nasbench201"]
    assert "HW-NAS-Bench" in refused(dump(tmp_path / "x.pickle", content), "hw-nas-bench")


# --- NAS-Bench-Graph ---------------------------------------------------------------------------------------------------
def graph_record(seed, epochs):
    rng = np.random.default_rng(seed)
    entries = {}
    for key in (4218, 41345):
        course = rng.random((epochs, 7))
        entries[key] = {
            "dur": [row.tolist() for row in course],
            "valid_perf": float(course[:, 1].max()),
            "perf": float(course[course[:, 1].argmax(), 2]),
            "latency": 0.02,
            "para": 0.123456,
        }
    return entries


def test_full_files_of_nas_bench_graph(tmp_path):
    known = {}
    for task, epochs in (("cora", 6), ("arxiv", 4)):
        for seed in (0, 1):
            known[task, seed] = graph_record(seed + 10 * epochs, epochs)
            dump(tmp_path / f"{task}{seed}.bench", known[task, seed])
    table = import_file(tmp_path, "nas-bench-graph").table
    assert table.tasks == ("arxiv", "cora")
    for (task, seed), entries in known.items():
        for entry, name in zip(entries.values(), table.names, strict=True):
            values = table.query(task, name)["values"]
            for column, split in enumerate(("train", "val", "test")):
                course = [100 * epoch[column] for epoch in entry["dur"]]
                assert list(values[split][str(seed)].values()) == pytest.approx(course, rel=1e-6)
    best = table.data["best_test_accuracy"].sel(task="cora", seed=1).values
    assert best == pytest.approx([100 * entry["perf"] for entry in known["cora", 1].values()])
    expected = np.mean([100 * known["arxiv", seed][4218]["dur"][-1][1] for seed in (0, 1)])
    assert table.value("arxiv", table.names[0]) == pytest.approx(expected, rel=1e-6)  # its own last epoch, 4 of 6
    one = import_file(tmp_path / "cora0.bench", "nas-bench-graph").table
    assert (one.tasks, one.seeds) == (("cora",), ("0",))
    params = one.column("params", "cora")
    assert params is not None
    assert params.tolist() == [123456.0, 123456.0]


def test_graph_files_that_do_not_fit_are_refused(tmp_path, refused):
    assert "cora0.bench" in refused(dump(tmp_path / "x.bench", {}), "nas-bench-graph")
    wrong = graph_record(0, 3)
    wrong[4218]["dur"] = [[0.1]]
    assert "NAS-Bench-Graph" in refused(dump(tmp_path / "cora0.bench", wrong), "nas-bench-graph")
    assert "NAS-Bench-Graph" in refused(dump(tmp_path / "cora0.bench", {99999: wrong[41345]}), "nas-bench-graph")
    assert "NAS-Bench-Graph" in refused(dump(tmp_path / "cora0.bench", {}), "nas-bench-graph")


# --- LCBench -----------------------------------------------------------------------------------------------------------
def curves():
    rng = np.random.default_rng(2)

    def run(number):
        config = {"batch_size": 71 + number, "learning_rate": 0.0037, "momentum": 0.17, "weight_decay": 0.029}
        config |= {"num_layers": 4, "max_units": 84, "max_dropout": 0.02, "imputation_strategy": "mean", "optimizer": "sgd"}
        tags = ("Train/val_accuracy", "Train/test_result", "Train/train_accuracy", "Train/loss")
        log = {tag: rng.uniform(0, 100, 5).tolist() for tag in tags}
        log |= {"epoch": [0, 1, 2, 3, 4], "time": [1.0, 3.0, 6.0, 10.0, 15.0]}
        return {"config": config, "log": log, "results": {"OpenML_task_id": 1}}

    return {"Fashion-MNIST": {"0": run(0), "1": run(1)}, "credit-g": {"0": run(0), "1": run(1)}}


def test_lcbench(tmp_path):
    content = curves()
    path = tmp_path / "data_2k_lw.json"
    path.write_text(json.dumps(content))
    table = import_file(path, "lcbench").table
    assert table.tasks == ("Fashion-MNIST", "credit-g")
    assert table.names[1].startswith("batch_size=72, learning_rate=0.0037")
    log = content["credit-g"]["1"]["log"]
    values = table.query("credit-g", table.names[1])["values"]
    assert list(values["val"]["mean"]) == ["1", "2", "3", "4"]  # epoch 0 is the untrained network
    assert list(values["val"]["mean"].values()) == pytest.approx(log["Train/val_accuracy"][1:], rel=1e-6)
    assert table.value("credit-g", table.names[1], "test") == pytest.approx(log["Train/test_result"][-1], rel=1e-6)
    assert table.data["train_seconds"].values[0, 0].tolist() == [2.0, 3.0, 4.0, 5.0]
    table.save(tmp_path / "T.h5")
    assert open_benchmark(str(tmp_path / "T.h5")).value("credit-g", table.names[1]) == table.value(
        "credit-g", table.names[1]
    )


@pytest.mark.parametrize("kind", ["no val", "short", "text", "no config", "empty", "list"])
def test_lcbench_that_does_not_fit_is_refused(tmp_path, refused, kind):
    content = copy.deepcopy(curves())
    run = content["credit-g"]["0"]
    if kind == "no val":
        del run["log"]["Train/val_accuracy"]
    elif kind == "short":
        run["log"]["Train/loss"] = [1.0]
    elif kind == "text":
        run["log"]["Train/val_accuracy"][2] = "much"
    elif kind == "no config":
        del run["config"]["momentum"]
    path = tmp_path / "x.json"
    path.write_text(json.dumps({} if kind == "empty" else [1] if kind == "list" else content))
    assert "LCBench" in refused(path, "lcbench")


# --- AnalogNAS-Bench ---------------------------------------------------------------------------------------------------
def analog_file(path, monkeypatch):
    """Objects of the package's classes, which are not installed here: only their names are in the pickle."""
    module = types.ModuleType("analognasbench.data")
    monkeypatch.setitem(sys.modules, "analognasbench", types.ModuleType("analognasbench"))
    monkeypatch.setitem(sys.modules, "analognasbench.data", module)
    classes: dict[str, Any] = {
        name: type(name, (), {"__module__": "analognasbench.data"}) for name in ("Architecture", "DriftMeasurement")
    }
    for name, made_class in classes.items():
        setattr(module, name, made_class)
    content = {}
    for number, key in enumerate(((0, 0, 0, 4, 3, 2), (1, 1, 1, 1, 1, 1))):
        made = classes["Architecture"]()
        for name in ("baseline", "ptq", "qat", "noisy", "analog"):
            setattr(made, f"{name}_accuracy", 90.0 + number)
        for kind in ("baseline", "analog"):
            for place, seconds in enumerate((60, 3600, 86400, 2592000)):
                drift = classes["DriftMeasurement"]()
                drift.value, drift.uncertainty = 80.0 - place - number, 0.5
                setattr(made, f"{kind}_drift_{seconds}", drift)
        made.architecture = key
        content[key] = made
    dump(path, content)
    return path


def test_analog(tmp_path, monkeypatch):
    table = import_file(analog_file(tmp_path / "data.anb", monkeypatch), "analog-nasbench").table
    assert len(table.tasks) == 13
    cell = "|skip_connect~0|+|skip_connect~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
    assert table.names[0] == cell
    assert table.value("qat", cell) == 90.0
    assert table.value("analog-drift-86400s", cell) == 78.0
    assert not table.has("analog", "test")
    uncertain = table.column("val_uncertainty", "baseline-drift-60s")
    assert uncertain is not None
    assert uncertain.tolist() == [0.5, 0.5]


def test_analog_keys_that_are_no_cells_are_refused(tmp_path, refused):
    assert "six numbers" in refused(dump(tmp_path / "x.anb", {(0, 0): 1}), "analog-nasbench")
    assert "six numbers" in refused(dump(tmp_path / "x.anb", {(0, 0, 0, 0, 0, 9): 1}), "analog-nasbench")
    assert "AnalogNAS-Bench" in refused(dump(tmp_path / "x.anb", {(0, 0, 0, 0, 0, 1): 1}), "analog-nasbench")
