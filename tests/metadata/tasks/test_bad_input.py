"""Bad input ends in one line that names file and field, and nothing in a file is run."""

from __future__ import annotations

import gzip
import os
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from warmnas.bench import CorruptFile, WarmnasError
from warmnas.metadata.tasks import open_task
from warmnas.metadata.tasks.array_pickle import load_arrays
from warmnas.metadata.tasks.idx import read_idx

fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
X = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
Y = np.arange(20) % 2
F = X.astype(np.float32)
NAN, INFINITE, HALVES = F.copy(), F.copy(), Y.astype(float)
NAN[3, 0, 0, 0], INFINITE[3, 0, 0, 0], HALVES[2] = np.nan, np.inf, 0.5


def refused(spec: str, message: str, **arguments) -> str:
    with pytest.raises(WarmnasError, match=message) as caught:
        open_task(spec, **arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X}, r"no array y$"),
        ({"y": Y}, r"no array x$"),
        ({"images": X, "labels": Y}, "no arrays x and y.*it holds images, labels"),
        ({"x_test": X, "y_test": Y}, "without x_train"),
        ({"x_train": X, "y_train": Y, "x_test": X}, "no array y_test"),
        ({"x": X, "y": Y[:-1]}, "y has 19 labels for 20 images"),
        ({"x": X, "y": np.zeros(20, int)}, "one class only"),
        ({"x": X, "y": np.arange(20) == 7}, "y holds bool"),
        ({"x": X, "y": (np.arange(20) == 7).astype(int)}, "class '1' has one example only"),
        ({"x": X, "y": Y - 1}, "y has the label -1"),
        ({"x": X, "y": HALVES}, "y has a label that is not an integer"),
        ({"x": X, "y": np.eye(2)[Y]}, r"y has shape \(20, 2\)"),
        ({"x": X, "y": Y.astype(str)}, "y holds <U"),
        ({"x": NAN, "y": Y}, "x has NaN in image 3"),
        ({"x": INFINITE, "y": Y}, "x has infinite values in image 3"),
        ({"x": X.astype(int) * 300, "y": Y}, "x has integers from"),
        ({"x": X.reshape(20, -1), "y": Y}, r"x has shape \(20, 192\)"),
        ({"x": X[:0], "y": Y[:0]}, "x is empty"),
        ({"x": X.transpose(0, 3, 1, 2).repeat(3, 3), "y": Y}, "x has shape"),
        ({"x": X.astype("c8"), "y": Y}, "x holds complex64"),
        ({"x": np.full(20, None), "y": Y}, "x was not read: ValueError: Object arrays"),
        ({"x_train": X, "y_train": Y, "x_test": X[:, :4], "y_test": Y}, "x_test have shape"),
        ({"x_train": X, "y_train": Y, "x_test": X, "y_test": Y + 1}, "class '2' has no training images"),
        ({"x_train": X, "y_train": Y, "x_test": X, "y_test": Y[:3]}, "y_test has 3 labels for 20"),
    ],
)
def test_an_npz_that_is_no_task(write_npz, arrays, message):
    assert "set.npz" in refused(str(write_npz(**arrays)), message)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", pickle.dumps([1]), b"\x93NUMPY\x01\x00"])
def test_an_npz_that_is_no_npz(tmp_path, content):
    (tmp_path / "set.npz").write_bytes(content)
    refused(str(tmp_path / "set.npz"), r"set\.npz")


def test_nobody_is_told_to_load_a_pickle(tmp_path):
    (tmp_path / "set.npz").write_bytes(pickle.dumps([1]))
    assert "pickle" not in refused(str(tmp_path / "set.npz"), r"set\.npz is no \.npz archive; write one with numpy\.savez")


def test_a_single_array_is_no_npz(tmp_path):
    with (tmp_path / "set.npz").open("wb") as file:
        np.save(file, X)
    refused(str(tmp_path / "set.npz"), "is one array")


@fuzz
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_npz(tmp_path, share):
    np.savez(tmp_path / "whole.npz", x=X, y=Y)
    content = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "set.npz").write_bytes(content[: int(share * len(content))])
    refused(str(tmp_path / "set.npz"), r"set\.npz")


def test_a_file_that_is_neither(tmp_path):
    (tmp_path / "set.csv").write_text("1,2")
    refused(str(tmp_path / "set.csv"), "neither an .npz nor a folder")


# --- folders ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "an empty file"), (b"no image", "not a readable image"), (b"%!PS-Adobe", "not a readable")],
)
def test_an_unreadable_image_is_named(write_folder, content, message):
    path = write_folder({"a": X[:10], "b": X[10:]})
    (path / "b" / "bad.png").write_bytes(content)
    assert "b/bad.png" in refused(str(path), message)


def test_a_truncated_image_is_named(write_folder):
    path = write_folder({"a": X[:10], "b": X[10:]})
    content = (path / "a" / "003.png").read_bytes()
    (path / "a" / "003.png").write_bytes(content[: len(content) // 2])
    assert "a/003.png" in refused(str(path), "not a readable image")


def test_folders_that_are_no_task(write_folder, tmp_path):
    refused(str(write_folder({"a": X[:10]}, "one")), "one class only")
    refused(str(write_folder({"a": X[:10], "b": X[10:11]}, "single")), "class 'b' has one example only")
    refused(str(write_folder({"a": X[:10], "b": X[:0]}, "none")), "none/b: no images")
    refused(str(write_folder({"train/a": X[:10], "other/a": X}, "strange")), "'other' is beside 'train'")
    refused(str(write_folder({"test/a": X[:10], "test/b": X}, "test-only")), "without 'train'")
    refused(
        str(write_folder({"train/a": X[:9], "train/b": X[9:], "test/c": X}, "more")), "class 'c' has no training images"
    )
    (tmp_path / "empty").mkdir()
    refused(str(tmp_path / "empty"), "no folders of images")


# --- groups ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\nb\n", "2 groups for 20 images"),
        ("\n".join(["a"] * 20), "too few groups"),
        ("a,b,c\n" * 20, "line 1"),
        ("a\n\n" * 10, "line 2"),
        ("a\nb,c\n" * 10, "some lines name a file"),
        ("a.png,b\n" * 20, "it names files"),
    ],
)
def test_groups_that_do_not_fit(write_npz, tmp_path, text, message):
    (tmp_path / "groups.csv").write_text(text)
    refused(str(write_npz(x=X, y=Y)), message, groups=tmp_path / "groups.csv")


def test_groups_of_a_folder_that_do_not_fit(write_folder, tmp_path):
    path = write_folder({"a": X[:10], "b": X[10:]})
    lines = [f"{label}/{i:03d}.png,{i}" for label in "ab" for i in range(10)]
    (tmp_path / "groups.csv").write_text("\n".join(lines[:-1]))
    refused(str(path), "no group for b/009.png", groups=tmp_path / "groups.csv")
    (tmp_path / "groups.csv").write_text("\n".join([*lines, "c/000.png,1"]))
    refused(str(path), "no image c/000.png", groups=tmp_path / "groups.csv")
    refused(str(path), "groups were not read", groups=tmp_path / "absent.csv")


# --- idx -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: c[:-1], "only 199"),
        (lambda c: c + b"\0", "holds more"),
        (lambda c: c[:10], "no idx file"),
        (lambda c: b"\0\0\x0d" + c[3:], "no idx file"),
        (lambda c: c[:3] + b"\x02" + c[4:], "no idx file"),
        (lambda c: c[:4] + struct.pack(">3I", 2**31, 2**31, 2**31) + c[16:], "promises"),
        (lambda c: c[:4] + struct.pack(">3I", 0, 5, 5) + c[16:], "promises 0"),
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_an_idx_file_of_another_size(tmp_path, idx, damage, message, packed):
    content = damage(idx(np.zeros((8, 5, 5), np.uint8)))
    path = tmp_path / f"images-idx3-ubyte{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(CorruptFile, match=message):
        read_idx(path, 3)


def test_damaged_gzip_and_missing_files(write_fashion, monkeypatch):
    x, y = np.zeros((20, 28, 28), np.uint8), (np.arange(20) % 10).astype(np.uint8)
    folder = write_fashion((x, y), (x, y))
    monkeypatch.setenv("WARMNAS_DATA", str(folder))
    path = folder / "fashion-mnist" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-12])
    refused("fashion-mnist", r"t10k-images-idx3-ubyte\.gz was not read")
    path.unlink()
    refused("fashion-mnist", "no file t10k-images-idx3-ubyte")


def test_labels_of_fashion_mnist_are_of_its_classes(write_fashion, pictures, monkeypatch):
    x, y = pictures(40, side=28, channels=1)[..., 0], (np.arange(40) % 10).astype(np.uint8)
    monkeypatch.setenv("WARMNAS_DATA", str(write_fashion((x, y), (x, y + 1))))
    refused("fashion-mnist", "y_test has the label 10, but the labels are 0 to 9")


# --- CIFAR -----------------------------------------------------------------------------------------------------------
class Reduces:
    """Becomes a call of ``function(*arguments)`` in a pickle."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.fixture
def cifar(write_cifar, pictures, monkeypatch) -> Path:
    x, y = pictures(80, side=32), np.arange(80) % 10
    folder = Path(write_cifar((x[:50], y[:50]), (x[50:], y[50:])))
    monkeypatch.setenv("WARMNAS_DATA", str(folder))
    assert len(open_task("cifar10").test) == 30
    return folder / "cifar-10-batches-py"


DATA = np.zeros((4, 3072), np.uint8)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"labels": [0, 1, 2, 3]}, "data is not"),
        ({"data": DATA[:, :100].copy(), "labels": [0, 1, 2, 3]}, "data is not"),
        ({"data": DATA.astype(np.int16), "labels": [0, 1, 2, 3]}, "data is not"),
        ({"data": DATA, "labels": [0, 1, 2]}, "labels has 3 labels for 4 images"),
        ({"data": DATA, "labels": [0, 1, 2, 10]}, "labels has the label 10, labels are 0 to 9"),
        ({"data": DATA, "labels": [0, 1, 2, -1]}, "labels has the label -1"),
        ({"data": DATA, "labels": "0123"}, "labels is not a list"),
        ({"data": DATA}, "labels is not a list"),
        ([1, 2], "not a dict"),
    ],
)
def test_a_batch_with_other_contents(cifar, python2, record, message):
    (cifar / "data_batch_3").write_bytes(python2(record))
    refused("cifar10", f"data_batch_3.*{message}")


def test_meta_without_names_and_a_missing_batch(cifar, python2):
    (cifar / "batches.meta").write_bytes(python2({"label_names": ["a"]}))
    refused("cifar10", "batches.meta: label_names is not a list of 10")
    (cifar / "data_batch_2").unlink()
    refused("cifar10", "no file data_batch_2")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_hostile_batch_is_refused_and_nothing_runs(cifar, tmp_path, protocol):
    sentinel = tmp_path / "executed"
    touch = f"open({str(sentinel)!r}, 'w').close()"
    for program in [
        Reduces(os.system, f"touch {sentinel}"),
        Reduces(eval, touch),
        Reduces(exec, touch),
        Reduces(Path.touch, sentinel),
        Reduces(getattr, Path, "touch"),
        {"data": DATA, "labels": Reduces(os.system, f"touch {sentinel}")},
        {"data": np.array([1, None], dtype=object), "labels": [0, 1]},
        {"data": np.zeros(3, dtype=[("a", "i4")]), "labels": [0, 1]},
        {"data": np.zeros(3, dtype="M8[s]"), "labels": [0, 1]},
    ]:
        (cifar / "test_batch").write_bytes(pickle.dumps(program, protocol))
        refused("cifar10", "test_batch was not read")
    assert not sentinel.exists()


REBUILD, NDARRAY, DTYPE = b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\nndarray\n", b"cnumpy\ndtype\n"
ARRAY = REBUILD + b"(" + NDARRAY + b"(K\x00tC\x01btR"
U1 = DTYPE + b"(X\x02\x00\x00\x00u1tR"


@pytest.mark.parametrize(
    "program",
    [
        REBUILD + b"(N}\x8c\x0c__defaults__K\x01sb.",
        REBUILD + b"}\x8c\x04evilK\x01sb.",
        NDARRAY + b"}\x8c\x04evilK\x01sb.",
        NDARRAY + b"(K\x05tR.",
        NDARRAY + b")\x81.",
        REBUILD + b"(" + DTYPE + b"(K\x00tC\x01btR.",
        ARRAY + b"(K\x01(K\xfft" + U1 + b"\x89C\x02aatb.",
        ARRAY + b"(K\x01(J\xff\xff\xff\xfft" + U1 + b"\x89C\x02aatb.",
        ARRAY + b"(K\x01(X\x01\x00\x00\x00at" + U1 + b"\x89C\x02aatb.",
        ARRAY + b"(K\x01N" + U1 + b"\x89C\x02aatb.",
        ARRAY + b"(K\x01(K\x02tN\x89C\x02aatb.",
        ARRAY + b"N.",
        DTYPE + b"(X\x01\x00\x00\x00OtR.",
        DTYPE + b"(X\x02\x00\x00\x00f8tR.",
        b"(S'touch'\nios\nsystem\n.",
        b"(cos\nsystem\nS'touch'\no.",
        b"\x80\x04Pid\n.",
        b"\x80\x04K\x01Q.",
        b"\x80\x04\x82\x01.",
        b"\x80\x05\x97.",
        b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x.",
        b"\x80\x04K\x01r\xff\xff\xff\xff.",
        b"L" + b"9" * 100_000 + b"L\n.",
        b"\x80\x04}" + b")" + b"\x85" * 1_000_000 + b"K\x01s.",
        b"\x80\x04" + b"]" * 300_000 + b"a" * 299_999 + b".",
        b"\x80\x04K\x01.",
        b"\x80\x04K\x01",
        b"",
        b"\x80\x04}]K\x01s.",
    ],
)
def test_a_pickle_that_is_no_dict_of_arrays(program):
    with pytest.raises(CorruptFile, match="the batch"):
        load_arrays(program, "the batch")


@fuzz
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=3))
def test_flipped_bits_of_a_batch_give_plain_data_or_are_refused(python2, flips):
    content = bytearray(python2({"data": np.arange(12, dtype=np.uint8).reshape(2, 6), "labels": [0, 1], "name": "x"}))
    for share, bits in flips:
        content[int(share * len(content))] ^= bits
    try:
        loaded = load_arrays(bytes(content), "the batch")
    except CorruptFile:
        return
    assert {type(value).__module__ for value in loaded.values()} <= {
        "builtins",
        "numpy",
        "warmnas.metadata.tasks.array_pickle",
    }


@fuzz
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_batch(python2, share):
    content = python2({"data": np.arange(12, dtype=np.uint8).reshape(2, 6), "labels": [0, 1]})
    with pytest.raises(CorruptFile):
        load_arrays(content[: int(share * len(content))], "the batch")


def test_an_archive_that_lacks_files_or_links_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("WARMNAS_DATA", str(tmp_path))
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(b"no archive")
    refused("cifar10", r"cifar-10-python\.tar\.gz was not read")
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    refused("cifar10", "no file cifar-10-batches-py/data_batch_1")


@pytest.mark.parametrize("named", [True, False])
def test_groups_may_count_an_image_that_cannot_be_read(write_folder, tmp_path, named):
    rng = np.random.default_rng(3)
    path = write_folder({name: rng.integers(0, 256, (24, 8, 8, 1), dtype=np.uint8) for name in ("a", "b")})
    files = [f"{name}/{i:03d}.png" for name in ("a", "b") for i in range(24)]
    (path / files[5]).write_bytes(b"no image")
    lines = [f"{file},{i % 6}" if named else str(i % 6) for i, file in enumerate(files)]
    (tmp_path / "groups.csv").write_text("\n".join(lines))
    task = open_task(str(path), groups=tmp_path / "groups.csv", lenient=True)
    assert len(task.train) + len(task.val) + len(task.test) == 47
    assert any("left out" in note for note in task.notes)
    place = {pixels.tobytes(): i for i, pixels in enumerate(_pixels(path, files))}
    parts = [{place[image.tobytes()] % 6 for image in part.images} for part in (task.train, task.val, task.test)]
    assert sum(map(len, parts)) == 6


def _pixels(path, files):
    """Images of a folder, nothing where one cannot be read."""
    for i, file in enumerate(files):
        yield np.zeros(0, np.uint8) if i == 5 else np.asarray(Image.open(path / file))
