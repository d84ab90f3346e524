"""Files in their genuine formats, written here, arrive as the images and labels that were put in."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from warmnas.bench import WarmnasError
from warmnas.metadata.tasks import ImageTask, Part, open_task
from warmnas.metadata.tasks.keys import digests
from warmnas.metadata.tasks.pixels import resized, with_channels


def labelled(part: Part, names: tuple[str, ...]) -> dict[bytes, str]:
    return {c: names[i] for c, i in zip(digests(part.images), part.labels, strict=True)}


def everything(task: ImageTask) -> dict[bytes, str]:
    return {c: name for part in (task.train, task.val, task.test) for c, name in labelled(part, task.classes).items()}


def expected(images: np.ndarray, names: list[str]) -> dict[bytes, str]:
    return dict(zip(digests(images), names, strict=True))


# --- npz -------------------------------------------------------------------------------------------------------------
def test_an_npz_of_x_and_y(write_npz, pictures):
    x, y = pictures(60), np.arange(60) % 3 + 4
    task = open_task(str(write_npz("my_set_8px.npz", x=x, y=y.astype(np.uint8), speaker=np.array(["s"] * 60))))
    assert everything(task) == expected(x, [str(i) for i in y])
    assert (task.name, task.family, task.classes, task.shape) == ("my-set", "my-set", ("4", "5", "6"), (8, 8, 3))
    assert task.train.images.dtype == np.uint8
    assert task.train.labels.dtype == np.int64


@pytest.mark.parametrize("given", [("test",), ("val",), ("val", "test")])
def test_an_npz_with_parts_keeps_them(write_npz, pictures, given):
    x, y = pictures(120), np.arange(120) % 3
    arrays = {"x_train": x[:60], "y_train": y[:60, None]}
    for i, part in enumerate(given):
        rows = slice(60 + 30 * i, 90 + 30 * i)
        arrays |= {f"x_{part}": x[rows], f"y_{part}": y[rows]}
    task = open_task(str(write_npz(**arrays)))
    for part in given:
        assert labelled(getattr(task, part), task.classes) == expected(
            arrays[f"x_{part}"], list(map(str, arrays[f"y_{part}"]))
        )
    assert len(everything(task)) == 60 + 30 * len(given)


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (lambda x: x / np.float32(255), lambda x: x),
        (lambda x: x.astype(np.float64), lambda x: x),
        (lambda x: x.astype(np.int64), lambda x: x),
        (lambda x: x / 51 - 2.0, lambda x: x),
        (lambda x: x > 127, lambda x: np.where(x > 127, 255, 0).astype(np.uint8)),
    ],
    ids=["0..1", "0..255", "integers", "-2..3", "bool"],
)
def test_values_become_bytes(write_npz, pictures, made, wanted):
    x = pictures(30, channels=1)[..., 0]
    x[0, 0, :2] = 0, 255
    task = open_task(str(write_npz(x=made(x), y=np.arange(30) % 2)))
    assert set(everything(task)) == set(digests(wanted(x)[..., None]))


# --- folders ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("ending", ["png", "bmp", "tiff"])
def test_a_folder_per_class(write_folder, pictures, channels, ending):
    x = pictures(40, channels=channels)
    path = write_folder({"cat": x[:25], "dog": x[25:]}, ending=ending)
    (path / "readme.txt").write_text("no image")
    (path / "cat" / "notes.txt").write_text("no image")
    (path / ".cache").mkdir()
    task = open_task(str(path))
    assert everything(task) == expected(x, ["cat"] * 25 + ["dog"] * 15)
    assert task.shape == (8, 8, channels)


def test_a_folder_of_parts_keeps_them(write_folder, pictures):
    x = pictures(60)
    path = write_folder({"train/a": x[:20], "train/b": x[20:40], "Test/a": x[40:50], "Test/b": x[50:]})
    task = open_task(str(path))
    assert labelled(task.test, task.classes) == expected(x[40:], ["a"] * 10 + ["b"] * 10)
    assert len(task.val) == 10


def test_photographs_of_many_sizes_and_modes(tmp_path):
    rng = np.random.default_rng(0)
    for label in ("a", "b"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for i, mode in enumerate(["RGB", "L", "RGBA", "P", "CMYK", "LA", "1"]):
            image = Image.fromarray(rng.integers(0, 256, (20 + i, 50 - i, 3), dtype=np.uint8)).convert(mode)
            image.save(tmp_path / "set" / label / f"{i}.{'jpg' if mode == 'CMYK' else 'png'}")
    task = open_task(str(tmp_path / "set"))
    assert task.shape == (32, 32, 3)
    assert any("14 sizes" in note or "7 sizes" in note for note in task.notes)
    small = open_task(str(tmp_path / "set"), resolution=12, channels=1)
    assert small.shape == (12, 12, 1)
    assert np.array_equal(task.test.labels, small.test.labels)


def test_sixteen_bits_become_eight(tmp_path):
    values = np.random.default_rng(0).integers(0, 2**16, (20, 8, 8), dtype=np.uint16)
    for i, image in enumerate(values):
        (tmp_path / "set" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "set" / "ab"[i % 2] / f"{i}.png")
    task = open_task(str(tmp_path / "set"))
    assert set(everything(task)) == set(digests((values >> 8).astype(np.uint8)[..., None]))


def test_a_camera_that_was_turned(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(12):
        image = Image.fromarray(rng.integers(0, 256, (8, 16, 3), dtype=np.uint8))
        exif = image.getexif()
        exif[0x0112] = 6
        (tmp_path / "set" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        image.save(tmp_path / "set" / "ab"[i % 2] / f"{i}.jpg", exif=exif)
    assert open_task(str(tmp_path / "set")).shape == (16, 8, 3)


# --- idx and CIFAR ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("packed", [True, False])
def test_fashion_mnist_from_idx_files(write_fashion, pictures, monkeypatch, packed):
    x, y = pictures(150, side=28, channels=1)[..., 0], (np.arange(150) % 10).astype(np.uint8)
    monkeypatch.setenv("WARMNAS_DATA", str(write_fashion((x[:100], y[:100]), (x[100:], y[100:]), packed)))
    task = open_task("fashion-mnist")
    assert everything(task) == expected(x[..., None], [task.classes[i] for i in y])
    assert len(task.test) == 50
    assert task.classes[9] == "Ankle boot"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("classes", [10, 100])
def test_cifar_from_the_makers_files(write_cifar, pictures, monkeypatch, classes, packed):
    n = 3 * classes
    x, y = pictures(n + 50, side=32), np.arange(n + 50) % classes
    folder = write_cifar((x[:n], y[:n]), (x[n:], y[n:]), classes, packed)
    monkeypatch.setenv("WARMNAS_DATA", str(folder))
    task = open_task(f"cifar{classes}")
    assert everything(task) == expected(x, [f"kind {i}" for i in y])
    assert set(labelled(task.test, task.classes)) == set(digests(x[n:]))
    assert (task.flip, task.crop) == (True, True)


def test_cifar_from_an_npz_and_any_name_below_the_users_folder(write_npz, pictures, monkeypatch):
    x, y = pictures(40, side=16), np.arange(40) % 2
    folder = write_npz("cifar10_16px.npz", x=x, y=y).parent
    write_npz("my_shapes.npz", x=x, y=y)
    monkeypatch.setenv("WARMNAS_DATA", str(folder))
    assert (open_task("cifar10").family, open_task("cifar10").flip) == ("cifar10", True)
    assert (open_task("my-shapes").family, open_task("my-shapes").flip) == ("my-shapes", False)


def test_two_sets_of_one_name_are_not_guessed_between(write_npz, pictures, monkeypatch):
    for size in (16, 32):
        folder = write_npz(f"shapes_{size}px.npz", x=pictures(20), y=np.arange(20) % 2).parent
    monkeypatch.setenv("WARMNAS_DATA", str(folder))
    with pytest.raises(WarmnasError, match=r"shapes_16px\.npz and shapes_32px\.npz"):
        open_task("shapes")


# --- sizes and channels ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("side", "target"), [(32, 16), (32, 8), (8, 16), (8, 32), (28, 32), (7, 1)])
def test_resizing_is_pillows(pictures, side, target):
    x = pictures(5, side=side)
    how = Image.Resampling.BOX if target <= side else Image.Resampling.BILINEAR
    pillow = np.stack([np.asarray(Image.fromarray(image).resize((target, target), how)) for image in x])
    assert np.abs(resized(x, target).astype(int) - pillow).max() <= 1


@pytest.mark.parametrize(("side", "target"), [(28, 16), (33, 20), (9, 8)])
def test_smaller_images_are_means_over_areas(pictures, side, target):
    x = pictures(5, side=side)
    fine = x.repeat(target, axis=1).repeat(target, axis=2).reshape(5, target, side, target, side, 3)
    assert np.abs(resized(x, target) - fine.mean((2, 4))).max() <= 0.51


def test_grey_is_pillows_and_back(pictures):
    x = pictures(5)
    pillow = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in x])
    grey = with_channels(x, 1, "x")
    assert np.abs(grey[..., 0].astype(int) - pillow).max() <= 1
    assert np.array_equal(with_channels(grey, 3, "x")[..., 2], grey[..., 0])
    with pytest.raises(WarmnasError, match="2 channels"):
        with_channels(x[..., :2], 3, "x")


def test_mean_and_deviation_are_of_the_training_part(write_npz, pictures):
    task = open_task(str(write_npz(x=pictures(100), y=np.arange(100) % 2)))
    images = task.train.images / 255
    assert task.mean == pytest.approx(images.mean((0, 1, 2)))
    assert task.std == pytest.approx(images.std((0, 1, 2)))
