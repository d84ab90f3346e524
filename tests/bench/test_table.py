"""The Table: files that hold what was saved, means over what was measured, refusals of what is no table."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from warmnas.bench import CorruptFile, Metric, Table, UnknownName, WarmnasError, open_benchmark

MakeTable = Callable[..., Table]
accuracies = st.one_of(st.floats(0, 100), st.just(np.nan))


def values_of(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float64, shape, elements=accuracies)


@settings(max_examples=25, deadline=None)
@given(
    values=st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 2), st.integers(1, 3)).flatmap(values_of),
    dims=st.sampled_from([("seed", "epoch"), ("schedule", "seed"), ("epoch", "seed")]),
)
def test_a_saved_table_is_opened_as_it_was(make_table: MakeTable, values: np.ndarray, dims: tuple[str, ...]) -> None:
    table = make_table(values, dims, coords={d: list(range(7, 7 + n)) for d, n in zip(dims, values.shape[2:], strict=True)})
    with TemporaryDirectory() as folder:
        path = Path(folder, "some folder", "table.h5")
        table.save(path)
        again = Table.open(path)
        assert list(path.parent.iterdir()) == [path]
        with xr.open_dataset(path, engine="h5netcdf") as by_xarray:
            xr.testing.assert_equal(by_xarray.load(), again.data)
    xr.testing.assert_equal(again.data, table.data)
    assert again.data.drop_vars(list(again.data.coords)).equals(table.data.drop_vars(list(table.data.coords)))
    assert again.hash == table.hash
    assert repr(again.info()) == repr(table.info())  # NaN, the optimum of nothing, is equal to itself only in print
    assert again.to_dataframe().equals(table.to_dataframe())


def test_attributes_of_any_kind_survive_a_file(make_table: MakeTable, tmp_path: Path) -> None:
    kinds = {"one": np.float32(0.1), "several": [1, 2], "text": "ä|~\n", "whole": 3, "array": np.array([0.5, 0.25])}
    table = make_table(np.ones((1, 2)), **kinds)
    table.save(tmp_path / "t.h5")
    again = Table.open(tmp_path / "t.h5")
    assert again.hash == table.hash
    assert again.data.attrs["several"] == [1, 2]
    assert again.data["val_accuracy"].attrs["units"] == "percent"


def test_the_hash_depends_on_numbers_names_and_units(make_table: MakeTable) -> None:
    tables = [make_table(np.ones((1, 2))), make_table(np.ones((1, 3))), make_table(np.full((1, 2), 2.0))]
    for variable, attr in (("val_accuracy", "units"), (None, "licence")):
        changed = tables[0].data.copy(deep=True)
        (changed[variable] if variable else changed).attrs[attr] = "other"
        tables.append(Table(changed))
    assert len({table.hash for table in tables}) == len(tables)
    assert make_table(np.ones((1, 2))).hash == tables[0].hash


def test_a_saved_file_has_the_rights_that_the_user_gives_new_files(make_table: MakeTable, tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    make_table(np.ones((1, 2))).save(tmp_path / "t.h5")
    rights = [stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("plain", "t.h5")]
    assert rights[0] == rights[1]


def test_saving_below_a_file_is_refused_and_leaves_nothing(make_table: MakeTable, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(WarmnasError, match="cannot write"):
        make_table(np.ones((1, 2))).save(tmp_path / "file" / "t.h5")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    with pytest.raises(WarmnasError, match="cannot write"):
        make_table(np.ones((1, 2))).save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_save_that_fails_keeps_the_old_file(
    make_table: MakeTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.h5"
    make_table(np.ones((1, 2))).save(path)
    before = path.read_bytes()

    def no_space(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.Dataset, "to_netcdf", no_space)
    with pytest.raises(WarmnasError, match="No space left"):
        make_table(np.zeros((1, 2))).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t.h5"]


def test_means_are_over_the_seeds_that_are_there(make_table: MakeTable) -> None:
    nan = np.nan
    table = make_table(np.array([[[1.0, 3.0], [5.0, nan], [nan, nan]]]), ("seed",), coords={"seed": [777, 888]})
    np.testing.assert_array_equal(table.values("task0"), [2.0, 5.0, nan])
    np.testing.assert_array_equal(table.values("task0", np.array([[1, 0], [0, 0]])), [[5.0, 2.0], [2.0, 2.0]])
    np.testing.assert_array_equal(table.seed_values("task0"), [[1.0, 3.0], [5.0, nan], [nan, nan]])
    assert table.candidates("task0").table_rows.tolist() == [0, 1]
    assert table.optimum("task0") == 5.0
    assert table.seeds == ("777", "888")
    assert table.query("task0", table.names[1])["values"]["val"] == {"777": {"final": 5.0}}
    assert len(table.to_dataframe()) == 3


def test_the_value_is_that_of_the_last_epoch_of_the_longest_schedule(make_table: MakeTable) -> None:
    values = np.arange(8.0).reshape(1, 2, 2, 2)
    table = make_table(values, ("schedule", "seed"), coords={"schedule": [200, 12], "seed": [0, 1]})
    np.testing.assert_array_equal(table.seed_values("task0"), values[0, :, 0])
    short = table.query("task0", table.names[1], schedule=12)
    assert short["values"]["val"] == {"0": {"12": 6.0}, "1": {"12": 7.0}}
    by_epoch = make_table(values, ("epoch", "seed"), coords={"epoch": [1, 2], "seed": [0, 1]})
    np.testing.assert_array_equal(by_epoch.values("task0"), [2.5, 6.5])
    curves = by_epoch.query("task0", by_epoch.names[0])
    assert curves["values"]["val"] == {"0": {"1": 0.0, "2": 2.0}, "1": {"1": 1.0, "2": 3.0}}
    assert curves["mean"]["val"] == 2.5
    assert by_epoch.epochs == 2


def test_a_metric_to_minimize_has_its_optimum_at_the_least(make_table: MakeTable) -> None:
    error = Metric("error", "percent", "minimize", (0.0, 100.0))
    assert make_table(np.array([[3.0, 1.0, 2.0]]), metric=error).optimum("task0") == 1.0
    with pytest.raises(ValueError, match="maximize or minimize"):
        Metric("error", "percent", "down", (0.0, 100.0))  # type: ignore[arg-type]


def test_a_table_file_is_a_benchmark(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(np.ones((2, 3))).save(tmp_path / "mine.h5")
    assert open_benchmark(str(tmp_path / "mine.h5")).tasks == ("task0", "task1")
    with pytest.raises(UnknownName, match="did you mean 'nasbench201'"):
        open_benchmark("nasbench-201")
    with pytest.raises(WarmnasError, match="no table file"):
        open_benchmark(str(tmp_path / "absent.h5"))


@pytest.mark.parametrize(
    ("attr", "content"),
    [
        ("space", None),
        ("splits", None),
        ("splits", "{"),
        ("splits", "[" * 100_000),
        ("splits", json.dumps({"task0": ["val"]})),
        ("splits", json.dumps({"task0": {}})),
        ("splits", json.dumps({"task0": {"test": "x"}})),
        ("splits", json.dumps({"another": {"val": "x"}})),
        ("metrics", "{}"),
        ("metrics", json.dumps({"task0": {"name": "accuracy"}})),
        ("metrics", json.dumps({"task0": {"name": "a", "unit": "%", "direction": "up", "bounds": [0, 1]}})),
    ],
)
def test_a_dataset_that_does_not_describe_itself_is_no_table(make_table: MakeTable, attr: str, content: str | None) -> None:
    data = make_table(np.ones((1, 2))).data.copy()
    data.attrs.pop(attr)
    if content is not None:
        data.attrs[attr] = content
    with pytest.raises(CorruptFile, match=r"not a warmnas table|do not match"):
        Table(data)


def test_a_dataset_with_genes_that_do_not_exist_is_no_table(make_table: MakeTable) -> None:
    data = make_table(np.ones((1, 3))).data
    for genotype in (data["genotype"] + 4, data["genotype"] + 0.5, data["genotype"][:, :4]):
        with pytest.raises(WarmnasError):
            Table(data.drop_vars("genotype").assign_coords(genotype=genotype))
    with pytest.raises(CorruptFile):
        Table(data.transpose("architecture", ...))


def test_an_architecture_may_stand_in_a_table_only_once(make_table: MakeTable) -> None:
    data = make_table(np.ones((1, 3))).data
    with pytest.raises(CorruptFile, match="twice"):
        Table(data.isel(architecture=[0, 1, 1]))


@pytest.mark.parametrize("dims", [("seed", "epoch"), ("epoch", "seed"), ("epoch",), ("seed",), ()])
def test_a_training_takes_the_time_of_all_its_epochs(nasbench201: Table, dims: tuple[str, ...]) -> None:
    sizes = {"seed": 2, "epoch": 3}
    data = nasbench201.data.isel(architecture=slice(0, 4)).drop_dims("seed")
    shape = (len(nasbench201.tasks), 4, *(sizes[d] for d in dims))
    seconds = np.random.default_rng(0).uniform(1, 2, shape)
    accuracy = np.full(shape[:2], 50.0)
    plain = ("task", "architecture")
    data = data.assign(train_seconds=((*plain, *dims), seconds), val_accuracy=(plain, accuracy))
    data.attrs.pop("hash", None)
    expected = seconds[1].reshape(4, -1).mean(axis=1) * (3 if "epoch" in dims else 1)
    found = Table(data).training_seconds("cifar100")
    assert found is not None
    np.testing.assert_allclose(found, expected)
