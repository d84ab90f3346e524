"""Large arrays stay on the disk: parts read from there are the same, and damage is found where it is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmnas.bench import CorruptFile, Table, deferred, open_benchmark
from warmnas.bench.ends import without_curves

MakeTable = Callable[..., Table]

SHAPE = (2, 300, 2, 3, 10)  # task, architecture, schedule, seed, epoch
DIMS = ("schedule", "seed", "epoch")
COORDS = {"schedule": [5, 10], "seed": [0, 1, 2], "epoch": list(range(1, 11))}


@pytest.fixture(scope="module")
def large(make_table: MakeTable, tmp_path_factory: pytest.TempPathFactory) -> tuple[Table, Path]:
    """A table in memory and its file, of which all curves count as large."""
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 100, SHAPE).astype(np.float32)
    values[:, :, 0, :, 5:] = np.nan  # a schedule of five epochs ends there
    values[1, ::3, :, 2] = np.nan
    table = make_table(values, DIMS, coords=COORDS, test=values[::-1])
    path = tmp_path_factory.mktemp("large") / "t.h5"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deferred, "LARGE", 1000)
        table.save(path)
    return table, path


def test_every_look_up_is_that_of_the_table_in_memory(large: tuple[Table, Path]) -> None:
    table, path = large
    opened = Table.open(path)
    assert opened.hash == table.hash or "hash" not in table.data.attrs
    for task in table.tasks:
        for split in ("val", "test"):
            np.testing.assert_array_equal(opened.values(task, None, split), table.values(task, None, split))
            for schedule in (None, 5, 10):
                mine, theirs = (t.seed_values(task, split, schedule) for t in (opened, table))
                np.testing.assert_array_equal(mine, theirs)
        assert opened.query(task, table.names[7], 5) == table.query(task, table.names[7], 5)
        assert opened.value(task, table.names[3]) == table.value(task, table.names[3])
    assert opened.to_dataframe().equals(table.to_dataframe())
    assert without_curves(opened).data.equals(without_curves(table).data)


@given(
    st.lists(st.integers(-300, 299), min_size=1, max_size=6),
    st.integers(-10, 9),
    st.slices(3).filter(lambda s: (s.step or 1) > 0),
)
@settings(max_examples=40, deadline=None)
def test_any_part_is_the_same(large: tuple[Table, Path], rows: list[int], epoch: int, seeds: slice) -> None:
    table, path = large
    mine, theirs = (t.data["val_accuracy"][:, rows, :, seeds, epoch].values for t in (Table.open(path), table))
    np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("compact", [False, True])
def test_a_saved_copy_is_the_same_table(large: tuple[Table, Path], tmp_path: Path, compact: bool) -> None:
    opened = Table.open(large[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deferred, "LARGE", 1000)
        opened.save(tmp_path / "copy.h5", compact=compact)
    copy = Table.open(tmp_path / "copy.h5")
    tolerance = 0.0051 if compact else 0  # half a step of a compact table, and float32's own
    np.testing.assert_allclose(copy.data["val_accuracy"], large[0].data["val_accuracy"], rtol=0, atol=tolerance)
    assert (copy.hash == opened.hash) != compact


def test_opening_does_not_read_what_is_large(large: tuple[Table, Path], tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.h5"
    damaged.write_bytes(large[1].read_bytes())
    with h5py.File(damaged) as file:
        chunks = [file["val_accuracy"].id.get_chunk_info(i) for i in range(file["val_accuracy"].id.get_num_chunks())]
    content = bytearray(damaged.read_bytes())
    for chunk in chunks:
        content[chunk.byte_offset + chunk.size // 2] ^= 0xFF
    damaged.write_bytes(content)
    table = Table.open(damaged)
    np.testing.assert_array_equal(table.values("task0", None, "test"), large[0].values("task0", None, "test"))
    with pytest.raises(CorruptFile, match=r"damaged at '/val_accuracy'.*make it again"):
        table.values("task0")


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255))
@settings(max_examples=40, deadline=None)
def test_a_damaged_byte_is_found_or_does_no_harm(
    large: tuple[Table, Path], tmp_path_factory: pytest.TempPathFactory, place: float, flip: int
) -> None:
    content = bytearray(large[1].read_bytes())
    content[int(place * len(content))] ^= flip
    damaged = tmp_path_factory.getbasetemp() / "flipped.h5"
    damaged.write_bytes(content)
    try:
        table = Table.open(damaged)
        read = [table.data[name].values for name in ("val_accuracy", "test_accuracy")]
    except CorruptFile:
        return
    for values, name in zip(read, ("val_accuracy", "test_accuracy"), strict=True):
        np.testing.assert_array_equal(values, large[0].data[name].values)


def test_a_file_that_is_replaced_meanwhile_is_not_mixed_in(
    large: tuple[Table, Path], make_table: MakeTable, tmp_path: Path
) -> None:
    path = tmp_path / "t.h5"
    path.write_bytes(large[1].read_bytes())
    opened = open_benchmark(str(path))
    make_table(np.zeros((2, 300))).save(path)
    with pytest.raises(CorruptFile, match="replaced while its table was open"):
        opened.values("task0")
