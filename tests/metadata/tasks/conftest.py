"""Image sets that the tests make, and writers of the genuine formats: idx, CIFAR's Python 2 pickles, folders, npz."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Write = Callable[..., Path]


@pytest.fixture
def pictures() -> Callable[..., np.ndarray]:
    """Images (n, side, side, channels) of which no two are alike."""

    def make(n: int, side: int = 8, channels: int = 3, seed: int = 0) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 256, (n, side, side, channels), dtype=np.uint8)

    return make


@pytest.fixture
def write_npz(tmp_path: Path) -> Write:
    def write(name: str = "set.npz", **arrays: Any) -> Path:
        np.savez(tmp_path / name, **arrays)
        return tmp_path / name

    return write


@pytest.fixture
def write_folder(tmp_path: Path) -> Write:
    """Class folders from {"class": images} or {"train/class": images}."""

    def write(classes: dict[str, np.ndarray], name: str = "set", ending: str = "png") -> Path:
        for label, images in classes.items():
            folder = tmp_path / name / label
            folder.mkdir(parents=True)
            for i, image in enumerate(images):
                Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(folder / f"{i:03d}.{ending}")
        return tmp_path / name

    return write


@pytest.fixture
def idx() -> Callable[[np.ndarray], bytes]:
    """An array of unsigned bytes as an idx file holds it."""

    def encode(array: np.ndarray) -> bytes:
        return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()

    return encode


@pytest.fixture
def write_fashion(tmp_path: Path, idx: Callable[[np.ndarray], bytes]) -> Write:
    def write(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], packed: bool = True) -> Path:
        folder = tmp_path / "fashion-mnist"
        folder.mkdir()
        for prefix, (images, labels) in (("train", train), ("t10k", test)):
            for stem, array in (("images-idx3", images), ("labels-idx1", labels)):
                content = idx(array)
                path = folder / f"{prefix}-{stem}-ubyte{'.gz' if packed else ''}"
                path.write_bytes(gzip.compress(content, 1) if packed else content)
        return tmp_path

    return write


def _python2(value: Any) -> bytes:
    """What ``cPickle.dumps(value, 2)`` of Python 2 with numpy 1.x writes, without the memo."""
    if isinstance(value, str):
        text = value.encode()
        return b"U" + bytes([len(text)]) + text if len(text) < 256 else b"T" + struct.pack("<I", len(text)) + text
    if isinstance(value, bytes):
        return b"T" + struct.pack("<I", len(value)) + value
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if value is None:
        return b"N"
    if isinstance(value, tuple):
        return b"(" + b"".join(map(_python2, value)) + b"t"
    if isinstance(value, list):
        return b"](" + b"".join(map(_python2, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(_python2(k) + _python2(v) for k, v in value.items()) + b"u"
    kind = b"cnumpy\ndtype\n" + _python2((value.dtype.str[1:], 0, 1)) + b"R"
    kind += _python2((3, value.dtype.str[0], None, None, None, -1, -1, 0)) + b"b"
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + _python2((0,)) + _python2("b") + b"tR"
    return empty + b"(" + _python2(1) + _python2(value.shape) + kind + b"\x89" + _python2(value.tobytes()) + b"tb"


@pytest.fixture
def python2() -> Callable[[Any], bytes]:
    return lambda value: b"\x80\x02" + _python2(value) + b"."


@pytest.fixture
def write_cifar(tmp_path: Path, python2: Callable[[Any], bytes]) -> Write:
    """CIFAR-10 (or -100) of these images (n, 32, 32, 3) as its makers distribute it."""

    def batch(images: np.ndarray, labels: np.ndarray, classes: int) -> bytes:
        data = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)
        names = [f"s_{i:06d}.png" for i in range(len(images))]
        if classes == 10:
            return python2({"data": data, "labels": labels.tolist(), "batch_label": "batch", "filenames": names})
        coarse = (labels // 5).tolist()
        record = {"filenames": names, "batch_label": "batch", "fine_labels": labels.tolist(), "coarse_labels": coarse}
        return python2({**record, "data": data})

    def write(train: tuple[Any, Any], test: tuple[Any, Any], classes: int = 10, packed: bool = False) -> Path:
        names = [f"kind {i}" for i in range(classes)]
        if classes == 10:
            folder, archive, pieces = "cifar-10-batches-py", "cifar-10-python.tar.gz", np.arange(len(train[1])) % 5
            files = {f"data_batch_{i + 1}": batch(train[0][pieces == i], train[1][pieces == i], 10) for i in range(5)}
            files |= {"test_batch": batch(*test, 10), "batches.meta": python2({"num_vis": 3072, "label_names": names})}
        else:
            folder, archive = "cifar-100-python", "cifar-100-python.tar.gz"
            files = {"train": batch(*train, 100), "test": batch(*test, 100)}
            files |= {"meta": python2({"fine_label_names": names, "coarse_label_names": names[:20]})}
        if packed:
            with tarfile.open(tmp_path / archive, "w:gz") as tar:
                for name, content in files.items():
                    member = tarfile.TarInfo(f"{folder}/{name}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
        else:
            (tmp_path / folder).mkdir()
            for name, content in files.items():
                (tmp_path / folder / name).write_bytes(content)
        return tmp_path

    return write


@pytest.fixture
def shared_images() -> Path:
    """Folder of small real sets beside the checkout, which not everybody has."""
    folder = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "images"
    if not folder.is_dir():
        pytest.skip("the small real sets are not beside this checkout (../shared/data/images)")
    return folder
