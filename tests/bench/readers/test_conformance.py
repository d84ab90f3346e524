"""Which number is served as train, validation and test, for every (benchmark, task, schedule).

The figures are those of architecture 11 of the genuine NATS-Bench records, as ``nats_bench`` 1.8 answers
``get_more_info(11, task, hp=schedule, is_random=False)``: percent after the last epoch, mean over seeds. They are looked up
in the genuine records where those are at hand, and always in a record written here that has them under the records' keys.

Each of the errors that other wrappers of these benchmarks make (one test each, below) would change one of them.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

from warmnas.bench import Split, SplitAbsent, Table
from warmnas.bench.readers import import_file

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|"
FOLDERS = {"tss": "NATS-tss-v1_0-3ffb9-simple", "sss": "NATS-sss-v1_0-50262-simple"}
ARCHITECTURE = {"tss": CELL, "sss": "8:8:8:16:32"}
# (family, task, schedule): train, val, test, val and test together
PINNED: dict[tuple[str, str, int], tuple[float, float | None, float, float | None]] = {
    ("tss", "cifar10-valid", 12): (63.446, 63.278, 63.51, None),
    ("tss", "cifar10-valid", 200): (99.78133, 87.94, 87.65, None),
    ("tss", "cifar10", 12): (75.038, None, 74.0, None),
    ("tss", "cifar10", 200): (99.54733, None, 91.58333, None),
    ("tss", "cifar100", 12): (33.478, 33.64, 32.76, 33.2),
    ("tss", "cifar100", 200): (96.10267, 67.45333, 67.60667, 67.53),
    ("tss", "ImageNet16-120", 12): (14.51285, 15.66667, 14.73333, 15.2),
    ("tss", "ImageNet16-120", 200): (33.02966, 30.41111, 30.16667, 30.28889),
    ("sss", "cifar10-valid", 1): (31.58, 26.372, 26.49, None),
    ("sss", "cifar10-valid", 12): (74.608, 73.43733, 73.02, None),
    ("sss", "cifar10-valid", 90): (90.06, 83.724, 83.35, None),
    ("sss", "cifar10", 1): (38.192, None, 47.22, None),
    ("sss", "cifar10", 12): (80.57, None, 79.81333, None),
    ("sss", "cifar10", 90): (89.466, None, 85.77, None),
    ("sss", "cifar100", 1): (6.764, 10.34, 10.64, 10.49),
    ("sss", "cifar100", 12): (42.66867, 41.54667, 41.89333, 41.72),
    ("sss", "cifar100", 90): (58.35, 54.46, 53.68, 54.07),
    ("sss", "ImageNet16-120", 1): (4.88332, 6.86667, 6.96667, 6.91667),
    ("sss", "ImageNet16-120", 12): (19.85168, 20.72222, 20.43333, 20.57778),
    ("sss", "ImageNet16-120", 90): (25.47858, 25.66667, 25.46667, 25.56667),
}
SOURCE = {
    "cifar10-valid": {"train": "cifar10-valid/train", "val": "cifar10-valid/x-valid", "test": "cifar10-valid/ori-test"},
    "cifar10": {"train": "cifar10/train", "test": "cifar10/ori-test"},
    "cifar100": {"train": "cifar100/train", "val": "cifar100/x-valid", "test": "cifar100/x-test"},
    "ImageNet16-120": {
        "train": "ImageNet16-120/train",
        "val": "ImageNet16-120/x-valid",
        "test": "ImageNet16-120/x-test",
    },
}


def written_record(family: str) -> OrderedDict[str, object]:
    """A record in the genuine layout, every curve ending in the pinned value of its key."""
    content: OrderedDict[str, object] = OrderedDict()
    for schedule in sorted({s for f, _, s in PINNED if f == family}):
        results = {}
        for task in SOURCE:
            train, val, test, both = PINNED[family, task, schedule]
            last = {"x-valid": val, "x-test": test, "ori-test": both} if both else {"x-valid": val, "ori-test": test}
            last = {split: value for split, value in last.items() if value is not None}
            early = range(schedule - 1)
            results[task, 777] = {
                "name": task,
                "epochs": schedule,
                "seed": 777,
                "train_acc1es": {**dict.fromkeys(early, 1.0), schedule - 1: train},
                "train_losses": dict.fromkeys(range(schedule), 2.0),
                "train_times": OrderedDict(dict.fromkeys(range(schedule), 3.0)),
                "eval_names": list(last),
                "eval_acc1es": {f"{split}@{schedule - 1}": value for split, value in last.items()},
                "eval_times": {f"{split}@{schedule - 1}": 0.5 for split in last},
                "params": np.float64(0.802426),
                "flop": 113.95,
                "latency": [np.float64(0.016)],
            }
        state = {"arch_index": 11, "arch_str": ARCHITECTURE[family], "all_results": results}
        content[f"{schedule:02d}"] = state
    return content


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    import bz2
    import pickle

    tables = {}
    for family, name in FOLDERS.items():
        folder = tmp_path_factory.mktemp(family) / name
        folder.mkdir()
        with bz2.open(folder / "000011.pickle.pbz2", "wb") as file:
            pickle.dump(written_record(family), file)
        tables[family] = import_file(folder, "nats").table
    return tables


@pytest.fixture(scope="module")
def tables(genuine) -> dict[str, Table]:
    return {family: import_file(genuine / name, "nats").table for family, name in FOLDERS.items()}


def check(tables: dict[str, Table], key: tuple[str, str, int]) -> None:
    family, task, schedule = key
    table, (train, val, test, both) = tables[family], PINNED[key]
    answer = table.query(task, ARCHITECTURE[family], schedule)
    served = {str(split): value for split, value in answer["mean"].items()}
    expected = {"train": train, "val": val, "test": test}
    assert served == pytest.approx({split: value for split, value in expected.items() if value is not None}, abs=1e-4)
    assert {str(split): source for split, source in table.splits[task].items()} == SOURCE[task]
    if schedule == table.schedules[-1]:
        for split, value in expected.items():
            if value is None:
                with pytest.raises(SplitAbsent):
                    table.value(task, ARCHITECTURE[family], split)
            else:
                assert table.value(task, ARCHITECTURE[family], split) == pytest.approx(value, abs=1e-4)
    if both is not None:
        row = table.names.index(ARCHITECTURE[family])
        kept = table.data["valtest_accuracy"].values[table.tasks.index(task), row, table.schedules.index(schedule)]
        assert np.nanmean(kept[:, schedule - 1]) == pytest.approx(both, abs=1e-4)


@pytest.mark.parametrize("key", PINNED, ids=lambda key: "-".join(map(str, key)))
def test_pinned_in_a_written_record(written, key):
    check(written, key)


@pytest.mark.parametrize("key", PINNED, ids=lambda key: "-".join(map(str, key)))
def test_pinned_in_the_genuine_records(tables, key):
    check(tables, key)


# --- errors of other wrappers, with what each serves; specs and threads are named in docs/benchmarks.md -----------------
def last(table: Table, task: str, split: str) -> float:
    return table.value(task, CELL, split)


def test_validation_and_test_are_not_the_same_array(written):
    """NASLib: VAL_ACCURACY and TEST_ACCURACY read the same numbers."""
    for task in ("cifar10-valid", "cifar100", "ImageNet16-120"):
        assert last(written["tss"], task, "val") != last(written["tss"], task, "test")


def test_validation_is_not_taken_from_the_test_images(written):
    """Syne Tune: ``metric_valid_error`` is built from ``ori-test``, so a tuner on CIFAR-10 optimises the test set."""
    assert last(written["tss"], "cifar10-valid", "val") == pytest.approx(87.94, abs=1e-4)
    assert last(written["tss"], "cifar100", "val") != pytest.approx(67.53, abs=1e-3)


def test_there_is_a_validation_metric_and_valtest_is_not_called_test(written):
    """mf-prior-bench: no validation metric, and both halves together under the name of test."""
    assert written["tss"].has("cifar100", Split.VAL)
    assert last(written["tss"], "cifar100", "test") == pytest.approx(67.60667, abs=1e-4)
    assert "valtest_accuracy" not in {split.variable for split in written["tss"].splits["cifar100"]}


def test_test_is_not_read_with_the_key_of_validation(written):
    """HPOBench: test accuracy is read with the validation key at the last epoch."""
    assert last(written["tss"], "ImageNet16-120", "test") == pytest.approx(30.16667, abs=1e-4)


def test_what_is_absent_is_refused_and_nothing_is_put_in_its_place(written):
    """nasbenchapi: validation of CIFAR-100 is None, and where test is missing it gives validation."""
    assert last(written["tss"], "cifar100", "val") == pytest.approx(67.45333, abs=1e-4)
    with pytest.raises(SplitAbsent):
        written["tss"].values("cifar10", None, Split.VAL)


def test_cifar10_trained_on_all_images_has_no_validation(written):
    """NNI: ``valid_acc`` of cifar10 is ``ori-test``."""
    assert not written["tss"].has("cifar10", "val")
    assert last(written["tss"], "cifar10", "test") == pytest.approx(91.58333, abs=1e-4)


def test_the_default_is_the_longest_schedule(written):
    """NATS-Bench issue 11: everything below 90 % because the default is the 12-epoch schedule."""
    assert last(written["tss"], "cifar10-valid", "val") > 80
    assert written["tss"].query("cifar10-valid", CELL)["schedule"] == 200


def test_accuracies_have_a_range_and_a_direction(written):
    """NASLib issue 188: a "validation accuracy" below zero."""
    for metric in written["tss"].metrics.values():
        assert (metric.direction, metric.bounds, metric.unit) == ("maximize", (0.0, 100.0), "percent")


def test_an_index_is_that_of_the_authors(genuine, shared_numbers):
    """nasbenchapi: its index decoder agrees with the official order for 1 of 15,625 strings; here strings decide."""
    names, officially = shared_numbers
    for family in ("tss",):
        table = import_file(genuine / FOLDERS[family], "nats").table
        assert [names[i] for i in table.data["official_index"].values] == table.names
    assert len(set(officially)) == len(names) == 15_625


@pytest.fixture
def shared_numbers(genuine):
    import pandas as pd

    frame = pd.read_csv(genuine.parent / "tables" / "nasbench201.csv.gz", usecols=["index", "arch_str"])
    return frame["arch_str"].tolist(), frame["index"].tolist()
