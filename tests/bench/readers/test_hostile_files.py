"""Damaged and hostile files of every format: exit code 2, one line, nothing executed, nothing written.

``tests/fuzz/readers.py`` has the files and the damages and runs as long as one likes; here a few of them.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import random
import struct
import zipfile
from collections import OrderedDict, defaultdict
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warmnas.bench.pickled_names import PickleError
from warmnas.bench.plainpickle import PlainPickle
from warmnas.bench.readers import formats


def _fuzz() -> ModuleType:
    spec = spec_from_file_location("fuzz_readers", Path(__file__).resolve().parents[2] / "fuzz" / "readers.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


fuzz = _fuzz()
SUBJECTS = {f"{subject.format}-{subject.name}": subject for subject in fuzz.subjects()}


def load(data: bytes) -> Any:
    return PlainPickle(io.BytesIO(data)).load()


def test_every_format_is_damaged_here():
    assert {subject.format for subject in SUBJECTS.values()} == set(formats)


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_good_file_is_read(name, tmp_path):
    subject = SUBJECTS[name]
    assert fuzz.attempt(subject, subject.pack(subject.content), tmp_path) == (0, "")


@pytest.mark.parametrize("name", SUBJECTS)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), inner=st.booleans())
def test_damaged_files_are_refused_or_read(name, tmp_path_factory, seed, inner):
    subject, rng = SUBJECTS[name], random.Random(seed)
    whole = subject.pack(subject.content)
    data = subject.pack(fuzz.damaged(subject.content, rng)) if inner else fuzz.damaged(whole, rng)
    code, problem = fuzz.attempt(subject, data, tmp_path_factory.mktemp("damaged"))
    assert (code in (0, 2), problem) == (True, "")


@pytest.mark.parametrize("name", [name for name, subject in SUBJECTS.items() if subject.pickled])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_would_run_code_runs_nothing(name, protocol, tmp_path):
    subject = SUBJECTS[name]
    code, problem = fuzz.attempt(subject, subject.pack(fuzz.payload(tmp_path, protocol)), tmp_path)
    assert (code, problem) == (2, "")
    assert not (tmp_path / fuzz.SENTINEL).exists()


# --- the machine ---------------------------------------------------------------------------------------------------------
KEYS = st.text(max_size=12) | st.integers() | st.booleans() | st.none() | st.tuples(st.text(max_size=3), st.integers())
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=8) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner, max_size=8),
    max_leaves=30,
)


@settings(max_examples=150, deadline=None)
@given(PLAIN, st.integers(0, 5))
def test_plain_data_come_back_as_they_were(value, protocol):
    assert load(pickle.dumps(value, protocol)) == value
    assert load(pickletools.optimize(pickle.dumps(value, protocol))) == value


@pytest.mark.parametrize("protocol", range(6))
def test_what_benchmarks_are_made_of(protocol):
    shared = [1.0, 2.0]
    value = {
        "ordered": OrderedDict(a=1, b=OrderedDict()),
        "default": defaultdict(list, {"x": [1]}),
        "set": {1, "a"},
        "scalars": [np.float64(0.5), np.int64(-3), np.float32(0.25), np.bool_(True)],
        "shared": [shared, shared],
        "curves": {f"x-valid@{i}": i / 7 for i in range(300)},
        "epochs": {i: i / 3 for i in range(300)},
        "again": {f"x-valid@{i}": 1.0 for i in range(300)},
        "large": 2**70,
        "negative": -(2**40),
        "text": "x" * 300,
    }
    found = load(pickle.dumps(value, protocol))
    assert found == value
    assert type(found["default"]) is dict
    assert found["shared"][0] is found["shared"][1]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<i8", ">i2", "u1", "?"])
def test_numeric_arrays_come_back_also_where_they_are_referred_to_twice(dtype, protocol):
    array = np.arange(12).reshape(3, 4).astype(dtype)
    first, second, transposed, empty = load(pickle.dumps([array, array, array.T, array[:0]], protocol))
    np.testing.assert_array_equal(first, array)
    np.testing.assert_array_equal(second, array)
    np.testing.assert_array_equal(transposed, array.T)
    assert empty.shape == (0, 4)


def test_a_stream_that_comes_in_small_pieces():
    class Drip(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(7, size or 7))

    value = {"curves": {f"ori-test@{i}": i / 7 for i in range(200)}, "long": "y" * 5000, "last": list(range(400))}
    for protocol in (2, 4):
        assert PlainPickle(Drip(pickle.dumps(value, protocol))).load() == value


def test_records_are_handed_over_as_soon_as_they_are_complete():
    seen = []

    def shrink(record):
        seen.append(sum(record["values"]))
        record.clear()
        record["sum"] = seen[-1]

    value = {i: {"name": str(i), "values": [1.0] * i} for i in range(5)}
    for protocol in (2, 4):
        seen.clear()
        found = PlainPickle(io.BytesIO(pickle.dumps(value, protocol)), shrink, "values").load()
        assert found == {i: {"sum": float(i)} for i in range(5)}
        assert seen == [0.0, 1.0, 2.0, 3.0, 4.0]


class Custom:
    """Something that no benchmark may name."""


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
        b"c__builtin__\neval\n(S'1'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"(cos\nsystem\nS'true'\no.",
        b"\x80\x02c__builtin__\nobject\n)\x81.",
        b"ccollections\nOrderedDict\n)R}S'__class__'\nS'x'\nsb0" + b"ccopyreg\n_reconstructor\n.",
        b"\x82\x01.",
        b"cnumpy\ndtype\n.",
        b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR.",
        b"cnumpy.core.multiarray\nscalar\n(S'f8'\nS'x'\ntR.",
        b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'f8'\ntRS'x'\ntR.",
        b"ctorch\nload\n.",
        b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.",
        pickle.dumps(Custom()),
        pickle.dumps(np.array([Custom()])),
        pickle.dumps(np.array(["text"])),
        pickle.dumps(len),
        b"(((((((.",
        b".",
        b"",
        b"N",
        b"NN.",
        b"h\x00.",
        b"u.",
        b"}u.",
        b"}(K\x00u.",
        b"](K\x00e",
        b"K\x00(K\x00e.",
        b"}]K\x01s.",
        b"X\xff\xff\xff\x7f.",
        b"\x8d" + b"\xff" * 8 + b".",
        b"\x8b\xff\xff\xff\x7f.",
        b"I1e400\n.",
        b"L" + b"9" * 10_000 + b"L\n.",
        b"V\\ud800\\uzz\n.",
        b"X\x01\x00\x00\x00\xff.",
        b"r\xff\xff\xff\xff.",
        b"(" * 200_000,
        b"(t" * 100_000 + b".",
        (b"K\x00" + b"\x85" * 200_000 + b"}(") + b"K\x00u.",
        b"}(" + b"K\x00" + b"\x85" * 100_000 + b"K\x00u.",
        b"K\x00" + b"\x85" * 100_000 + b"\x8f\x94(h\x00\x90.",
    ],
)
def test_hostile_pickles_are_refused(data, tmp_path):
    with pytest.raises(PickleError):
        load(data)


def test_numbers_of_the_memo_cannot_exhaust_memory():
    """Python's own machine makes its memo as long as the largest number."""
    put = b"".join(b"K\x01r" + struct.pack("<I", 2**32 - 1 - i) for i in range(50))
    assert load(put[:-5] + b"r" + struct.pack("<I", 2**32 - 1) + b"0" * 49 + b".") == 1


def test_an_archive_with_two_pickles_or_none_is_refused(tmp_path):
    subject = SUBJECTS["nasbench201-new.pth"]
    for names in ((), ("a/data.pkl", "b/data.pkl"), ("a/other.pkl",)):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("x", "y")
            for name in names:
                archive.writestr(name, subject.content)
        assert fuzz.attempt(subject, buffer.getvalue(), tmp_path) == (2, "")


def test_a_bomb_is_refused(tmp_path):
    """A few bytes that unpack to gigabytes."""
    subject = SUBJECTS["nasbench201-new.pth"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02X\xff\xff\xff\x7f" + bytes(50_000_000))
    assert len(buffer.getvalue()) < 100_000
    assert fuzz.attempt(subject, buffer.getvalue(), tmp_path) == (2, "")


@pytest.mark.parametrize("name", SUBJECTS)
def test_an_empty_file_a_folder_and_another_format_are_refused(name, tmp_path):
    subject = SUBJECTS[name]
    for data in (b"", b"\x00" * 100, b"not a benchmark\n"):
        assert fuzz.attempt(subject, data, tmp_path) == (2, "")


def test_a_name_that_no_table_file_can_keep_is_refused_and_leaves_nothing(tmp_path):
    subject = next(s for s in SUBJECTS.values() if s.format == "csv")
    changed = subject.content.replace(b"t1", b"t\x001")
    assert changed != subject.content
    assert fuzz.attempt(subject, changed, tmp_path) == (2, "")
