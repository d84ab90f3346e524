"""Damaged and hostile files end in an error that names them; nothing in them is run, followed or believed."""

from __future__ import annotations

import os
import pickle
import pickletools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warmnas.bench import CorruptFile, Table, WarmnasError
from warmnas.bench.unpickle import load_numbers

MakeTable = Callable[..., Table]
fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


# --- table files -----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def intact(make_table: MakeTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "intact.h5"
    values = np.random.default_rng(0).uniform(0, 100, (2, 5, 2))
    make_table(values, ("seed",), coords={"seed": [0, 1]}, test=values / 2).save(path)
    return path


def same_or_refused(path: Path, intact: Path) -> bool:
    try:
        table = Table.open(path)
    except WarmnasError:
        return False
    assert table.data.identical(Table.open(intact).data)
    return True


@fuzz
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_table_is_refused(intact: Path, tmp_path: Path, share: float) -> None:
    content = intact.read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[: int(share * len(content))])
    assert not same_or_refused(tmp_path / "cut.h5", intact)


@fuzz
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4))
def test_flipped_bits_change_nothing_or_are_noticed(intact: Path, tmp_path: Path, flips: list[tuple[float, int]]) -> None:
    content = bytearray(intact.read_bytes())
    for share, bits in flips:
        content[int(share * len(content))] ^= bits
    (tmp_path / "flipped.h5").write_bytes(content)
    same_or_refused(tmp_path / "flipped.h5", intact)


@given(content=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arbitrary_bytes_are_no_table(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "noise.h5").write_bytes(content)
    with pytest.raises(CorruptFile, match="not an intact table file"):
        Table.open(tmp_path / "noise.h5")


@pytest.fixture
def hostile(intact: Path, tmp_path: Path) -> Path:
    """A copy of an intact table, to be tampered with, beside a file that nobody should look into."""
    (tmp_path / "secret.bin").write_bytes(b"\x01" * 80)
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["val_accuracy"] = np.ones((2, 5, 2))
    path = tmp_path / "hostile.h5"
    path.write_bytes(intact.read_bytes())
    return path


def external_link(file: h5py.File, folder: Path) -> None:
    file["stranger"] = h5py.ExternalLink(str(folder / "other.h5"), "/val_accuracy")


def soft_link(file: h5py.File, folder: Path) -> None:
    file["stranger"] = h5py.SoftLink("/val_accuracy")


def external_storage(file: h5py.File, folder: Path) -> None:
    file.create_dataset("stranger", (10,), "f8", external=[(str(folder / "secret.bin"), 0, 80)])


def virtual_dataset(file: h5py.File, folder: Path) -> None:
    layout = h5py.VirtualLayout((2, 5, 2), "f8")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "val_accuracy", (2, 5, 2))
    file.create_virtual_dataset("stranger", layout)


def object_references(file: h5py.File, folder: Path) -> None:
    file.create_dataset("stranger", (1,), h5py.ref_dtype)[0] = file["val_accuracy"].ref


def enormous_array(file: h5py.File, folder: Path) -> None:
    file.create_dataset("stranger", (2**40, 2**10), "f8", chunks=(2**10, 2**10))


def many_large_arrays(file: h5py.File, folder: Path) -> None:
    for i in range(5):
        file.create_dataset(f"stranger{i}", (2**28,), "f8", chunks=(2**16,))


def group(file: h5py.File, folder: Path) -> None:
    file.create_group("stranger")["inner"] = np.ones(3)


def named_type(file: h5py.File, folder: Path) -> None:
    file["stranger"] = np.dtype("f8")


def compound_array(file: h5py.File, folder: Path) -> None:
    file["stranger"] = np.zeros(3, dtype=[("a", "f8"), ("b", "i4")])


def ragged_array(file: h5py.File, folder: Path) -> None:
    file.create_dataset("stranger", (3,), h5py.vlen_dtype(np.float64))


def empty_dataspace(file: h5py.File, folder: Path) -> None:
    file["stranger"] = h5py.Empty("f8")


@pytest.mark.parametrize(
    "tamper",
    [
        external_link,
        soft_link,
        external_storage,
        virtual_dataset,
        object_references,
        enormous_array,
        many_large_arrays,
        group,
        named_type,
        compound_array,
        ragged_array,
        empty_dataspace,
    ],
)
def test_what_is_no_plain_array_is_refused_unread(
    hostile: Path, tamper: Callable[[h5py.File, Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with h5py.File(hostile, "a") as file:
        tamper(file, hostile.parent)

    def read(*_: object, **__: object) -> None:
        raise AssertionError("an array was read before all of them were looked at")

    monkeypatch.setattr(h5py.Dataset, "__getitem__", read)
    with pytest.raises(CorruptFile, match=r"hostile\.h5"):
        Table.open(hostile)


def test_an_array_that_was_added_or_changed_is_noticed(hostile: Path) -> None:
    with h5py.File(hostile, "a") as file:
        file["val_accuracy"][0, 0, 0] += 1.0
    with pytest.raises(CorruptFile, match="its own hash"):
        Table.open(hostile)


# --- pickles ---------------------------------------------------------------------------------------------------------
class Reduces:
    """Becomes a call of ``function(*arguments)`` in a pickle."""

    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call


def load(folder: Path, content: bytes) -> Any:
    (folder / "numbers.pkl").write_bytes(content)
    return load_numbers(folder / "numbers.pkl")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_calls_anything_is_refused_and_nothing_runs(tmp_path: Path, protocol: int) -> None:
    sentinel = tmp_path / "executed"
    touch = f"open({str(sentinel)!r}, 'w').close()"
    programs = [
        Reduces(os.system, f"touch {sentinel}"),
        Reduces(eval, touch),
        Reduces(exec, touch),
        Reduces(Path.touch, sentinel),
        Reduces(getattr, Path, "touch"),
        Reduces(np.dtype, "O"),
        np.array([1, None], dtype=object),
        np.arange(3.0),
        np.dtype([("a", "f8")]),
        {1: {"val_acc": [Reduces(os.system, f"touch {sentinel}")]}},
    ]
    for program in programs:
        with pytest.raises(CorruptFile, match=r"numbers\.pkl"):
            load(tmp_path, pickle.dumps(program, protocol))
    assert not sentinel.exists()


SCALAR, DTYPE = b"cnumpy.core.multiarray\nscalar\n", b"cnumpy\ndtype\n"


@pytest.mark.parametrize(
    "program",
    {
        "attributes of what may be loaded are set": SCALAR + b"(N}\x8c\x0c__defaults__K\x01sb" + b".",
        "a dict of what may be loaded is filled": SCALAR + b"}\x8c\x04evilK\x01sb.",
        "an object type": SCALAR + b"(" + DTYPE + b"(X\x01\x00\x00\x00Otr" + b"C\x08" + b"\0" * 8 + b"tR.",
        "a type of the wrong size": SCALAR + b"(" + DTYPE + b"(X\x02\x00\x00\x00f8tR" + b"C\x04\0\0\0\0tR.",
        "no type at all": SCALAR + b"(K\x01C\x08" + b"\0" * 8 + b"tR.",
        "a persistent id": b"\x80\x04Pid\n.",
        "a persistent object": b"\x80\x04K\x01Q.",
        "a buffer outside of the file": b"\x80\x05\x97.",
        "an extension code": b"\x80\x04\x82\x01.",
        "more text than there is": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x.",
        "a frame longer than the file": b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"K\x01.",
        "a huge memo": b"\x80\x04K\x01r\xff\xff\xff\xff.",
        "a huge number": b"L" + b"9" * 100_000 + b"L\n.",
        "nothing": b"",
        "no end": b"\x80\x04K\x01",
        "an empty stack": b"\x80\x04.",
        "an unhashable key": b"\x80\x04}]K\x01s.",
    }.items(),
    ids=lambda item: item[0].replace(" ", "-"),
)
def test_a_pickle_that_is_not_numbers_is_refused(tmp_path: Path, program: tuple[str, bytes]) -> None:
    with pytest.raises(CorruptFile, match=r"numbers\.pkl"):
        load(tmp_path, program[1])


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x04" + b"]" * 300_000 + b"a" * 299_999 + b".",
        b"\x80\x04" + b"}K\x01" * 300_000 + b"}" + b"s" * 300_000 + b".",
        b"\x80\x04}" + b")" + b"\x85" * 1_000_000 + b"K\x01s.",  # as a key it is hashed, by recursion
        b"\x80\x04(" + b")" + b"\x85" * 1_000_000 + b"\x91.",
    ],
    ids=["lists", "dicts", "tuples", "sets"],
)
def test_deep_nesting_does_not_crash(tmp_path: Path, program: bytes) -> None:
    try:
        loaded = load(tmp_path, program)
    except CorruptFile:
        return
    assert len(loaded) == 1


@pytest.fixture(scope="module")
def small_pickle() -> bytes:
    """The shape of a benchmark's records, in numpy's numbers and Python's."""
    entry = {"val_acc": [np.float64(91.5), 90.25], "params": np.int32(1234), "good": np.bool_(True)}
    return pickle.dumps({"012340": entry, "333333": {**entry, "val_acc": [1.0, np.float32(2.5)]}}, 4)


@fuzz
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_pickle_is_refused(small_pickle: bytes, tmp_path: Path, share: float) -> None:
    with pytest.raises(CorruptFile):
        load(tmp_path, small_pickle[: int(share * len(small_pickle))])


@fuzz
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=3))
def test_flipped_bits_of_a_pickle_give_plain_data_or_are_refused(
    small_pickle: bytes, tmp_path: Path, flips: list[tuple[float, int]]
) -> None:
    content = bytearray(small_pickle)
    for share, bits in flips:
        content[int(share * len(content))] ^= bits
    try:
        loaded = load(tmp_path, bytes(content))
    except CorruptFile:
        return
    assert type(loaded).__module__ in {"builtins", "warmnas.bench.unpickle"}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_numbers_are_loaded_as_they_are(tmp_path: Path, protocol: int) -> None:
    plain: dict[object, Any] = {
        "a": [1, 2.5, -3, 2**70, None, True, "text ä", b"bytes"],
        7: (1.0, "x"),
        "deep": {"er": {1: 2}},
    }
    # Protocol 0 and 1 write bytes as a call of codecs.encode.
    content = plain if protocol > 2 else {**plain, "a": plain["a"][:-1]}
    assert load(tmp_path, pickle.dumps(content, protocol)) == content


@pytest.mark.parametrize("kind", ["f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", ">f8", ">i4", ">u2"])
def test_numpy_scalars_become_plain_numbers(tmp_path: Path, kind: str) -> None:
    value = np.array([77], dtype=kind)[0]
    swapped = np.dtype(kind).newbyteorder(">") if kind.startswith(">") else np.dtype(kind)
    scalar = type(value)
    assert isinstance(value, scalar)
    content = pickle.dumps(value, 4)
    if kind.startswith(">"):  # numpy writes native order, older machines did not
        order, data = (content.replace(b"\x8c\x01<", b"\x8c\x01>"), np.array([77], dtype=swapped).tobytes())
        content = order.replace(np.array([77], dtype=kind[1:]).tobytes(), data)
    loaded = load(tmp_path, content)
    assert loaded == value
    assert type(loaded) is type(value.item())


def test_only_two_names_may_occur_in_a_pickle(small_pickle: bytes) -> None:
    names = {arg for op, arg, _ in pickletools.genops(small_pickle) if isinstance(arg, str) and "numpy" in arg}
    assert names <= {"numpy", "numpy.core.multiarray", "numpy._core.multiarray"}


def test_a_missing_pickle_is_named(tmp_path: Path) -> None:
    with pytest.raises(WarmnasError, match=r"absent\.pkl"):
        load_numbers(tmp_path / "absent.pkl")
