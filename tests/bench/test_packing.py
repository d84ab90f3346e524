"""Compact table files: scaled integers lose no more than half a step, and other readers see the same numbers."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from warmnas.bench import CorruptFile, Table, space

SHAPE = (2, 3, 2, 4)  # task, architecture, seed, epoch


def table(accuracy, seconds) -> Table:
    cells = space("nasbench201")
    genotypes = cells.all_genotypes()[[0, 700, 15_624]]
    dims = ("task", "architecture", "seed", "epoch")
    return Table(
        xr.Dataset(
            {
                "val_accuracy": (dims, accuracy.astype(np.float32), {"units": "percent"}),
                "train_seconds": (dims, seconds.astype(np.float32), {"units": "s", "timed": "alone"}),
                "params": (dims[:2], np.arange(6.0).reshape(2, 3) * 1e6 + 1),
            },
            coords={
                "task": ["a", "b"],
                "seed": [0, 1],
                "epoch": [1, 2, 3, 4],
                "name": ("architecture", [cells.to_string(g) for g in genotypes]),
                "genotype": (("architecture", "gene"), genotypes),
            },
            attrs={
                "name": "made-up",
                "space": "nasbench201",
                "source": "made up",
                "licence": "CC0-1.0",
                "splits": '{"a": {"val": "a/val"}, "b": {"val": "b/val"}}',
                "metrics": '{"a": METRIC, "b": METRIC}'.replace(
                    "METRIC", '{"name": "accuracy", "unit": "percent", "direction": "maximize", "bounds": [0, 100]}'
                ),
            },
        )
    )


measured = arrays.arrays(np.float32, SHAPE, elements=st.one_of(st.floats(0, 100, width=32), st.just(np.float32(np.nan))))


@given(measured, st.floats(0.01, 1e4))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_half_a_step_is_lost_and_nothing_at_the_second_time(tmp_path, accuracy, scale):
    seconds = np.linspace(1, 2, accuracy.size).reshape(SHAPE) * scale
    before = table(accuracy, seconds)
    before.save(tmp_path / "a.h5", compact=True)
    once = Table.open(tmp_path / "a.h5")
    once.save(tmp_path / "b.h5", compact=True)
    np.testing.assert_allclose(once.data["val_accuracy"], before.data["val_accuracy"], atol=0.00502, rtol=0)
    np.testing.assert_allclose(once.data["train_seconds"], before.data["train_seconds"], rtol=3e-5)
    np.testing.assert_array_equal(once.data["params"], before.data["params"])
    assert once.data["train_seconds"].attrs == before.data["train_seconds"].attrs
    assert Table.open(tmp_path / "b.h5").hash == once.hash


def test_accuracies_of_a_thousand_images_are_exact_to_the_image(tmp_path):
    counts = np.random.default_rng(0).integers(0, 1001, SHAPE)
    before = table(counts / 10, np.ones(SHAPE))
    before.save(tmp_path / "a.h5", compact=True)
    after = Table.open(tmp_path / "a.h5")
    assert (np.rint(after.data["val_accuracy"].values * 10) == counts).all()
    assert np.array_equal(after.data["val_accuracy"], before.data["val_accuracy"])


def test_other_readers_undo_it_themselves(tmp_path):
    accuracy = np.random.default_rng(1).uniform(0, 100, SHAPE)
    accuracy[0, 1] = np.nan
    table(accuracy, np.ones(SHAPE)).save(tmp_path / "a.h5", compact=True)
    ours = Table.open(tmp_path / "a.h5").data
    with xr.open_dataset(tmp_path / "a.h5", engine="h5netcdf") as theirs:
        np.testing.assert_allclose(ours["val_accuracy"], theirs["val_accuracy"], rtol=1e-6)


def test_what_the_steps_cannot_hold_stays_as_it_is(tmp_path):
    wild = np.full(SHAPE, 0.5)
    wild[0, 0, 0, 0] = 1e30  # one value that would make all the others zero
    before = table(np.ones(SHAPE), wild)
    before.save(tmp_path / "a.h5", compact=True)
    np.testing.assert_array_equal(Table.open(tmp_path / "a.h5").data["train_seconds"], before.data["train_seconds"])


def test_it_is_smaller(tmp_path):
    rng = np.random.default_rng(0)
    rows = table(np.round(rng.uniform(50, 60, SHAPE), 1), np.ones(SHAPE))
    many = Table(
        xr.concat(
            [rows.data.assign_coords(task=[f"a{i}", f"b{i}"]) for i in range(400)], "task", data_vars="minimal"
        ).assign_attrs(
            splits="{" + ",".join(f'"{n}{i}": {{"val": "v"}}' for i in range(400) for n in "ab") + "}",
            metrics="{"
            + ",".join(
                f'"{n}{i}": {{"name": "accuracy", "unit": "percent", "direction": "maximize", "bounds": [0, 100]}}'
                for i in range(400)
                for n in "ab"
            )
            + "}",
        )
    )
    many.save(tmp_path / "plain.h5")
    many.save(tmp_path / "compact.h5", compact=True)
    assert (tmp_path / "compact.h5").stat().st_size < 0.8 * (tmp_path / "plain.h5").stat().st_size


@pytest.mark.parametrize("scale", [[0.1, 0.2], b"x"])
def test_a_scale_that_is_no_number_is_a_corrupt_file(tmp_path, scale):
    table(np.ones(SHAPE), np.ones(SHAPE)).save(tmp_path / "a.h5", compact=True)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["val_accuracy"].attrs["scale_factor"] = scale
    with pytest.raises(CorruptFile, match="not an intact table"):
        Table.open(tmp_path / "a.h5")
