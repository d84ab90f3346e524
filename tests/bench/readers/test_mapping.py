"""The little language of ``--map``."""

from __future__ import annotations

import pytest

from warmnas.bench import WarmnasError
from warmnas.bench.readers.inference import read_name
from warmnas.bench.readers.mapping import Column, parse

COLUMNS = ["cell", "c10_val12", "c10_val200_s0", "c10_val200_s1", "c100_val200_s0", "time", "a*2", "size_M"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("val:c10@12=c10_val12", Column("c10_val12", "val_accuracy", "c10", "12")),
        ("test=c10_val12", Column("c10_val12", "test_accuracy")),
        ("train:a~3#7=time", Column("time", "train_accuracy", "a", None, "7", "3")),
        ("seconds@12=time*12/200", Column("time", "train_seconds", None, "12", factor=0.06)),
        ("params=size_M*1e6", Column("size_M", "params", factor=1e6)),
        ("latency:a/gpu=time*1e-3", Column("time", "latency", "a", device="gpu", factor=1e-3)),
        ("val=a*2", Column("a*2", "val_accuracy")),  # a column of that very name is no factor
    ],
)
def test_one_column(text, expected):
    assert parse([text], COLUMNS).columns == (expected,)


def test_holes_map_every_column_that_fits():
    found = parse(["val:{task}@200#{seed}={task}_val200_s{seed}"], COLUMNS).columns
    assert [(c.column, c.task, c.schedule, c.seed) for c in found] == [
        ("c10_val200_s0", "c10", "200", "0"),
        ("c10_val200_s1", "c10", "200", "1"),
        ("c100_val200_s0", "c100", "200", "0"),
    ]


def test_a_hole_that_stands_twice_is_the_same_both_times():
    names = ["a_val_a", "a_val_b"]
    assert [c.column for c in parse(["val:{task}={task}_val_{task}"], names).columns] == ["a_val_a"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("val", "MEANING=COLUMN"),
        ("val:=time", "does not start with one of"),
        ("vall:c10=time", "does not start with one of"),
        ("arch=nothing", "no column 'nothing'"),
        ("val:c10=nothing", "no column 'nothing'"),
        ("val:{task}=time", "both sides"),
        ("val:{task}={task}_nothing", "no column"),
        ("val:c10=time*1/0", "factor"),
        ("val:c10=time*e", "factor"),
    ],
)
def test_what_does_not_fit_is_named(text, says):
    with pytest.raises(WarmnasError, match="--map") as caught:
        parse([text], COLUMNS)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("c10_val200_s0", Column("c10_val200_s0", "val_accuracy", "c10", "200", "0")),
        ("valid_acc_ep12", Column("valid_acc_ep12", "val_accuracy", epoch="12")),
        ("Test.Accuracy", Column("Test.Accuracy", "test_accuracy")),
        ("in16_params_M", Column("in16_params_M", "params", "in16", factor=1e6)),
        ("cora_latency_ms", Column("cora_latency_ms", "latency", "cora", factor=1e-3)),
        ("train_time", Column("train_time", "train_seconds")),
        ("train_loss", Column("train_loss", "train_loss")),
        ("val_loss", None),  # a loss is no accuracy, and the table keeps that of training only
        ("test_time", None),
        ("depth", None),
    ],
)
def test_names_of_columns_are_understood_or_left_alone(name, expected):
    assert read_name(name) == expected
