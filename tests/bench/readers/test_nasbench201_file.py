"""NAS-Bench-201's file, against the package's own API on a file made with its own classes."""

from __future__ import annotations

import copy
import pickle
import shutil

import numpy as np
import pytest
import torch
from nas_201_api import NASBench201API

from warmnas.bench import Split, space
from warmnas.bench.readers import Options, import_file
from warmnas.bench.spaces.nasbench201 import NASBench201Space

TASKS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
SPLITS = {"train-accuracy": "train_accuracy", "valid-accuracy": "val_accuracy", "test-accuracy": "test_accuracy"}


@pytest.fixture(scope="module")
def api(official):
    return NASBench201API(copy.deepcopy(official), verbose=False)


@pytest.mark.parametrize("schedule", [12, 200])
@pytest.mark.parametrize("task", TASKS)
def test_every_epoch_of_every_seed_is_what_the_api_says(api, official, table201, task, schedule):
    data = {name: array.values for name, array in table201.data.data_vars.items()}
    block = (table201.tasks.index(task), table201.schedules.index(schedule))
    for index, name in enumerate(table201.names):
        key = {12: "less", 200: "full"}[schedule]
        for seed in official["arch2infos"][index][key]["dataset_seed"][task]:
            at = (block[0], index, block[1], table201.seeds.index(str(seed)))
            for epoch in (0, schedule // 2, schedule - 1):
                known = api.get_more_info(index, task, iepoch=epoch, hp=str(schedule), is_random=seed)
                for theirs, ours in {**SPLITS, "valtest-accuracy": "valtest_accuracy"}.items():
                    value = data[ours][at][epoch]
                    if theirs in known:
                        assert value == pytest.approx(known[theirs], rel=1e-6), (name, seed, epoch, theirs)
                    else:
                        assert np.isnan(value), (name, seed, epoch, theirs)
                assert data["train_seconds"][at][: epoch + 1].sum() == pytest.approx(known["train-all-time"], rel=1e-5)
                assert data["train_loss"][at][epoch] == pytest.approx(known["train-loss"], rel=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_means_over_seeds_are_the_apis(api, table201, task):
    for index, name in enumerate(table201.names):
        known = api.get_more_info(index, task, hp="200", is_random=False)
        for split, key in (("train", "train-accuracy"), ("val", "valid-accuracy"), ("test", "test-accuracy")):
            if table201.has(task, split):
                assert table201.value(task, name, split) == pytest.approx(known[key], rel=1e-6)
            else:
                assert key not in known
        latency = table201.column("latency", task)
        assert latency is not None
        assert latency[index] == pytest.approx(api.get_latency(index, task, "12"))
        flops = table201.column("flops", task)
        assert flops is not None
        assert flops[index] == pytest.approx(1e6 * api.get_cost_info(index, task, "12")["flops"])


def test_the_forms_of_the_file_hold_the_same_table(official, table201, tmp_path):
    torch.save(official, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for protocol in (2, 4):
        (tmp_path / f"plain{protocol}.pth").write_bytes(pickle.dumps(official, protocol))
    folder = tmp_path / "archive"
    folder.mkdir()
    for index, info in official["arch2infos"].items():
        torch.save(info, folder / f"{index:06d}-FULL.pth")
    for form in (tmp_path / "old.pth", tmp_path / "plain2.pth", tmp_path / "plain4.pth", folder):
        again = import_file(form, "nasbench201").table
        assert again.data.equals(table201.data), form


def test_weights_are_passed_over(official, table201, tmp_path):
    heavy = copy.deepcopy(official)
    states = heavy["arch2infos"][0]["full"]["all_results"]
    weights = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).state_dict()
    for state in states.values():
        state["net_state_dict"] = weights
    for new in (True, False):
        torch.save(heavy, tmp_path / "heavy.pth", _use_new_zipfile_serialization=new)
        assert import_file(tmp_path / "heavy.pth", "nasbench201").table.data.equals(table201.data)


def test_a_dictionary_in_another_order_gives_the_same_table(official, table201, tmp_path):
    """NNI issue 2721: there the order of keys decides which architecture answers."""
    shuffled = copy.deepcopy(official)
    shuffled["arch2infos"] = dict(reversed(shuffled["arch2infos"].items()))
    for info in shuffled["arch2infos"].values():
        for results in info.values():
            results["all_results"] = dict(reversed(results["all_results"].items()))
    torch.save(shuffled, tmp_path / "shuffled.pth")
    assert import_file(tmp_path / "shuffled.pth", "nasbench201").table.data.equals(table201.data)


def test_the_official_number_is_kept_and_checked(official, table201, tmp_path, refused):
    """NATS-Bench issues 5 and 48: is this the architecture behind that number?"""
    assert table201.data["official_index"].values.tolist() == [0, 1]
    wrong = copy.deepcopy(official)
    wrong["meta_archs"][0], wrong["meta_archs"][1] = wrong["meta_archs"][1], wrong["meta_archs"][0]
    torch.save(wrong, tmp_path / "wrong.pth")
    assert "its record says" in refused(tmp_path / "wrong.pth", "nasbench201")


def test_sizes_are_counted_and_wrong_ones_reported(table201):
    """NATS-Bench issue 36: stored sizes of some cells are fractions of what they are."""
    cells = space("nasbench201")
    params = table201.column("params", "cifar100")
    assert params is not None
    assert isinstance(cells, NASBench201Space)
    assert params.tolist() == [cells.params(g, 100) for g in table201.genotypes]
    assert table201.data.attrs["sizes_that_disagree"] == 8  # the file's are random, two cells on four tasks


def test_seeds_that_were_not_run_stay_empty(table201):
    """Syne Tune's conversion fills them with the mean of the others."""
    assert table201.seeds == ("111", "777", "888")
    assert np.isnan(table201.seed_values("cifar100")[1]).tolist() == [True, True, False]


def test_twelve_epochs_are_a_training_of_their_own(table201):
    """Their learning rate ends at zero; epoch 12 of the 200 is another thing."""
    name = table201.names[0]
    alone = table201.query("cifar10-valid", name, 12)
    assert list(alone["values"]["val"]) == ["111"]
    assert list(alone["values"]["val"]["111"]) == [str(epoch) for epoch in range(1, 13)]
    long = table201.query("cifar10-valid", name, 200)
    assert "111" not in long["values"]["val"]
    assert len(long["values"]["val"]["777"]) == 200
    assert table201.query("cifar10-valid", name)["schedule"] == 200  # never the short one unless it is asked for


def test_times_that_were_not_measured_are_not_zero(official, tmp_path):
    """AutoDL issue 55: training time is None in some records."""
    content = copy.deepcopy(official)
    for state in content["arch2infos"][1]["full"]["all_results"].values():
        state["train_times"] = None
    torch.save(content, tmp_path / "x.pth")
    table = import_file(tmp_path / "x.pth", "nasbench201").table
    seconds = table.training_seconds("cifar100")
    assert seconds is not None
    assert np.isnan(seconds).tolist() == [False, True]


def test_names_and_source_can_be_said(pth):
    table = import_file(pth, "nasbench201", Options(name="mine", source="my disk")).table
    assert (table.name, table.data.attrs["source"]) == ("mine", "my disk")
    assert table.family("cifar10") == table.family("cifar10-valid") == "cifar10"
    assert not table.has("cifar10", Split.VAL)


def damaged(content, kind):
    content = copy.deepcopy(content)
    state = next(iter(content["arch2infos"][0]["full"]["all_results"].values()))
    if kind == "epochs":
        state["epochs"] = 100
    elif kind == "accuracy":
        state["eval_acc1es"]["x-valid@199"] = 100.5
    elif kind == "text":
        state["train_acc1es"][3] = "much"
    elif kind == "dataset":
        results = content["arch2infos"][0]["full"]["all_results"]
        results["mnist", 1] = results.pop(next(iter(results)))
    elif kind == "empty":
        content["arch2infos"] = {}
    elif kind == "keys":
        del content["meta_archs"]
    elif kind == "cell":
        content["meta_archs"][0] = "|conv~0|"
        for results in content["arch2infos"][0].values():
            results["arch_str"] = "|conv~0|"
    return content


@pytest.mark.parametrize("kind", ["epochs", "accuracy", "text", "dataset", "empty", "keys", "cell"])
def test_what_is_not_the_benchmark_is_refused(official, tmp_path, refused, kind):
    torch.save(damaged(official, kind), tmp_path / "x.pth")
    assert "x.pth" in refused(tmp_path / "x.pth", "nasbench201")


def test_a_folder_without_files_is_refused(tmp_path, refused):
    (tmp_path / "empty").mkdir()
    assert "000123-FULL.pth" in refused(tmp_path / "empty", "nasbench201")
    shutil.rmtree(tmp_path / "empty")
    assert "no file" in refused(tmp_path / "empty", "nasbench201")


def test_records_that_share_a_dictionary_are_both_read(official, table201, tmp_path):
    """A pickle may refer twice to one object; what the first record needed of it must still be there for the second."""
    content = copy.deepcopy(official)
    states = content["arch2infos"][0]["full"]["all_results"]
    first, second = states["cifar100", 777], states["cifar100", 888]
    for name in ("train_acc1es", "train_losses", "train_times", "eval_acc1es", "eval_times"):
        second[name] = first[name]
    for protocol in (2, 4):
        (tmp_path / "x.pth").write_bytes(pickle.dumps(content, protocol))
        data = (
            import_file(tmp_path / "x.pth", "nasbench201")
            .table.data.isel(architecture=0)
            .sel(task="cifar100", schedule=200)
        )
        known = table201.data.isel(architecture=0).sel(task="cifar100", schedule=200, seed=777)
        for name in ("val_accuracy", "test_accuracy", "valtest_accuracy", "train_seconds", "train_loss", "val_seconds"):
            for seed in (777, 888):
                np.testing.assert_array_equal(data[name].sel(seed=seed).values, known[name].values)


def test_a_table_without_curves_has_the_same_ends(pth, table201):
    ends = import_file(pth, "nasbench201", Options(last_epoch=True)).table
    assert "epoch" not in ends.data.dims
    assert ends.data.nbytes < table201.data.nbytes / 20
    for task in TASKS:
        for schedule in (12, 200):
            for split in table201.splits[task]:
                for ours, known in (
                    (ends.schedule_values(task, schedule, split), table201.schedule_values(task, schedule, split)),
                    (ends.seed_values(task, split, schedule), table201.seed_values(task, split, schedule)),
                ):
                    np.testing.assert_array_equal(ours, known)
            seconds, known_seconds = ends.training_seconds(task, schedule), table201.training_seconds(task, schedule)
            assert seconds is not None
            assert seconds == pytest.approx(known_seconds, rel=1e-5)
        assert ends.query(task, ends.names[0], 12)["mean"] == table201.query(task, ends.names[0], 12)["mean"]
