"""Copies: identical and near-identical images are found, and only they; none is on two sides of a split."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from PIL import Image

from warmnas.metadata.tasks import duplicates, open_task
from warmnas.metadata.tasks.duplicates import groups_of
from warmnas.metadata.tasks.keys import digests
from warmnas.metadata.tasks.pixels import resized, scaled


def groups(images: np.ndarray) -> np.ndarray:
    return groups_of(digests(images), scaled(images, 16, 16))


def scenes(n: int, side: int = 32, seed: int = 0) -> np.ndarray:
    """Images (n, side, side, 3) that are smooth, as photographs are."""
    coarse = np.random.default_rng(seed).integers(0, 256, (n, 6, 6, 3), dtype=np.uint8)
    return resized(coarse, side)


def as_jpeg(image: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=85)
    return np.asarray(Image.open(file))


CHANGES = {
    "same": lambda image: image,
    "noise": lambda image: np.clip(image + np.random.default_rng(1).integers(-3, 4, image.shape), 0, 255).astype(np.uint8),
    "jpeg": as_jpeg,
    "brighter": lambda image: np.clip(image.astype(int) + 2, 0, 255).astype(np.uint8),
    "a spot": lambda image: np.where(np.arange(32)[:, None, None] + np.arange(32)[:, None] == 0, 0, image).astype(np.uint8),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_in_the_group_of_its_original_and_nothing_else_is(change):
    originals = scenes(50)
    copies = np.stack([CHANGES[change](image) for image in originals])
    found = groups(np.concatenate([originals, copies]))
    assert np.array_equal(found[:50], found[50:])
    assert len(set(found)) == 50


def test_images_of_one_outline_and_other_colours_are_no_copies():
    red = np.zeros((1, 32, 32, 3), np.uint8)
    red[:, 8:24, 8:24, 0] = 250
    assert len(set(groups(np.concatenate([red, red[..., [1, 0, 2]], red[..., [1, 2, 0]]])))) == 3


def test_images_of_one_colour_are_nobodys_copies():
    assert len(set(groups(np.full((30, 8, 8, 1), 7, np.uint8)))) == 30


def test_simple_digits_stay_apart_and_real_copies_do_not(shared_images):
    from sklearn.datasets import load_digits

    digits = np.rint(load_digits().images * 255 / 16).astype(np.uint8)[..., None]
    assert len(digits) - len(set(groups(digits))) <= 5
    with np.load(shared_images / "flowers17_16px.npz") as file:
        flowers = np.concatenate([file[f"x_{part}"] for part in ("train", "val", "test")])
    alike = len(flowers) - len(set(groups(flowers)))
    exact = len(flowers) - len(np.unique(flowers.reshape(len(flowers), -1), axis=0))
    assert exact == 16
    assert 30 <= alike <= 100


def test_ten_thousand_images_are_not_compared_each_with_each():
    images = scenes(10_000)
    start = time.process_time()
    assert len(set(groups(images))) == 10_000
    assert time.process_time() - start < 10  # one second was measured; fifty million comparisons take minutes


def test_thousands_of_pictures_of_one_thing_fit_into_memory(monkeypatch):
    monkeypatch.setattr(duplicates, "MOST_PAIRS", 1_000_000)
    noise = np.random.default_rng(0).integers(0, 3, (3_000, 16, 16, 1), dtype=np.uint8)
    images = np.concatenate([scenes(2, 16)[[0], ..., :1] // 2 + noise, scenes(40, 16, seed=3)[..., :1]])
    found = groups(images)
    assert len(set(found[:3_000])) == 1
    assert len(set(found)) == 41


def test_copies_are_on_one_side_of_every_split(write_npz):
    x = scenes(150)
    copies = np.stack([as_jpeg(image) for image in x[:60]])
    task = open_task(str(write_npz(x=np.concatenate([x, copies, x[60:70]]), y=np.tile(np.arange(2), 110))))
    sides = [set(digests(part.images)) for part in (task.train, task.val, task.test)]
    for original, copy in zip(digests(x[:60]), digests(copies), strict=True):
        assert sum(original in side for side in sides) == 1
        assert [original in side for side in sides] == [copy in side for side in sides]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert task.overlap == 0


def test_copies_across_given_parts_are_counted_and_stay(write_npz):
    x, y = scenes(60), np.arange(60) % 2
    noisy = np.stack([as_jpeg(image) for image in x[:5]])
    path = write_npz(x_train=x[:40], y_train=y[:40], x_val=x[40:50], y_val=y[40:50], x_test=noisy, y_test=y[:5])
    task = open_task(str(path))
    assert task.overlap == 5
    assert [len(part) for part in (task.train, task.val, task.test)] == [40, 10, 5]


@pytest.mark.parametrize("noise", [0, 2])
def test_a_set_of_one_pattern_per_class_can_still_be_split_and_says_so(write_npz, noise):
    y = np.arange(90) % 3
    x = scenes(3)[y] // 2 + np.random.default_rng(0).integers(0, noise + 1, (90, 32, 32, 3), dtype=np.uint8)
    task = open_task(str(write_npz(x=x, y=y)))
    assert [len(part) for part in (task.train, task.val, task.test)] == [54, 18, 18]
    assert any("identical images are most of a class" in note.lower() for note in task.notes)
    assert task.overlap == 36


def test_one_image_everywhere_is_a_task(write_npz):
    task = open_task(str(write_npz(x=np.full((60, 8, 8), 9, np.uint8), y=np.arange(60) % 3)))
    assert len(task.test) == 12
    assert task.mean == pytest.approx(9 / 255)
    assert task.std == 1
