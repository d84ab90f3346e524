"""What goes into the networks: drawn reproducibly, different images, clear errors."""

from __future__ import annotations

import numpy as np
import pytest

from warmnas.bench import WarmnasError
from warmnas.surrogates.proxies import ArrayInputs, GaussianInputs, open_inputs


def test_noise_is_standard_and_reproducible():
    inputs = open_inputs("gaussian")
    assert (inputs.shape, inputs.classes) == ((3, 32, 32), 10)
    images, labels = inputs.draw(64, (0, 0, 0))
    assert images.shape == (64, 3, 32, 32)
    assert images.dtype == np.float32
    assert abs(images.mean()) < 0.01
    assert abs(images.std() - 1) < 0.01
    assert set(labels) <= set(range(10))
    np.testing.assert_array_equal(images, inputs.draw(64, (0, 0, 0))[0])
    for other in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        assert not (images == inputs.draw(64, other)[0]).any()


def test_a_task_gives_its_training_images_standardised():
    inputs = open_inputs("digits")
    images, labels = inputs.draw(100, (0,))
    assert images.shape[1:] == inputs.shape
    assert inputs.classes == 10
    assert len(np.unique(images.reshape(100, -1), axis=0)) == 100
    assert abs(images.mean()) < 0.2
    assert len(set(labels)) == 10
    with pytest.raises(WarmnasError, match="different images"):
        inputs.draw(100_000, (0,))


def test_two_identical_images_are_refused():
    images = np.random.default_rng(0).normal(size=(6, 3, 4, 4))
    assert ArrayInputs(images, np.zeros(6), 2).draw(6, (0,))[0].shape == (6, 3, 4, 4)
    images[4] = images[1]
    with pytest.raises(WarmnasError, match="identical"):
        ArrayInputs(images, np.zeros(6), 2)


def test_identical_training_images_are_drawn_once(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, size=(60, 8, 8), dtype=np.uint8)
    labels = np.arange(60) % 3
    images, labels = np.concatenate([images, images[:30]]), np.concatenate([labels, labels[:30]])
    path = tmp_path / "twice.npz"
    np.savez(path, x_train=images, y_train=labels, x_test=images[:6], y_test=labels[:6])
    inputs = open_inputs(str(path))
    assert isinstance(inputs, ArrayInputs)
    assert len(np.unique(inputs.images.reshape(len(inputs.images), -1), axis=0)) == len(inputs.images)


def test_bad_arrays_are_refused():
    good = np.random.default_rng(0).normal(size=(4, 3, 4, 4))
    bad = good.copy()
    bad[2, 1, 0, 0] = np.nan
    with pytest.raises(WarmnasError, match="finite"):
        ArrayInputs(bad, np.zeros(4), 2)
    with pytest.raises(WarmnasError, match="labels"):
        ArrayInputs(good, np.array([0, 1, 2, 0]), 2)
    with pytest.raises(WarmnasError, match="images"):
        ArrayInputs(good[0], np.zeros(3), 2)
    with pytest.raises(WarmnasError, match="different images"):
        ArrayInputs(good, np.zeros(4), 2).draw(5, (0,))


def test_identity_follows_the_content():
    images = np.random.default_rng(0).normal(size=(4, 3, 4, 4))
    one = ArrayInputs(images, np.zeros(4), 2).identity
    assert one == ArrayInputs(images.copy(), np.zeros(4), 2).identity
    assert one != ArrayInputs(images + 1, np.zeros(4), 2).identity
    assert GaussianInputs((3, 8, 8)).identity != GaussianInputs((3, 8, 8), 4).identity
