"""Descriptors read the training part only, tell easy tasks from hard ones, and do not depend on luck."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from warmnas.bench import WarmnasError
from warmnas.metadata.descriptors import FEATURES, LANDMARKS, characterise, embed
from warmnas.metadata.descriptors.landmarks import held_out
from warmnas.metadata.tasks import ImageTask, Part, open_task
from warmnas.metadata.training import Recipe

RECIPE = Recipe(epochs=3, batch=64, width=4, cells=1, resolution=8)


@pytest.fixture(scope="module")
def digits() -> ImageTask:
    return open_task("digits")


def noise(part: Part, seed: int) -> Part:
    rng = np.random.default_rng(seed)
    return Part(rng.integers(0, 256, part.images.shape, dtype=np.uint8), rng.permutation(part.labels))


def test_an_embedding_does_not_see_validation_and_test(digits: ImageTask) -> None:
    changed = replace(digits, val=noise(digits.val, 1), test=noise(digits.test, 2))
    np.testing.assert_array_equal(embed(digits), embed(changed))


def test_landmarks_do_not_see_validation_and_test(digits: ImageTask) -> None:
    changed = replace(digits, val=noise(digits.val, 1), test=noise(digits.test, 2))
    one, other = (characterise(task, replace(RECIPE, epochs=1), seeds=(0, 1)) for task in (digits, changed))
    np.testing.assert_array_equal(one.accuracy, other.accuracy)


def test_what_is_held_out_is_a_stratified_fifth_of_the_training_part(digits: ImageTask) -> None:
    probe = held_out(digits)
    assert len(probe.train) + len(probe.val) == len(digits.train)
    share = np.bincount(probe.val.labels) / np.bincount(digits.train.labels)
    assert (np.abs(share - 0.2) < 0.02).all()
    together = np.concatenate([probe.train.images, probe.val.images])
    assert sorted(map(bytes, together)) == sorted(map(bytes, digits.train.images))


def test_landmarks_tell_digits_from_random_labels(digits: ImageTask) -> None:
    shuffled = replace(digits, train=Part(digits.train.images, np.random.default_rng(3).permutation(digits.train.labels)))
    easy, hopeless = characterise(digits, RECIPE), characterise(shuffled, RECIPE)
    assert easy.dcn > 0.4 > 0.15 > abs(hopeless.dcn)
    assert easy.accuracy.shape == (len(LANDMARKS), 3)
    assert easy.trainings == 12
    assert (easy.std >= 0).all()
    np.testing.assert_allclose(easy.normalised, (easy.mean / 100 - 0.1) / 0.9)


def test_embeddings_have_a_finite_number_per_feature(digits: ImageTask) -> None:
    assert embed(digits).shape == (len(FEATURES),)
    assert np.isfinite(embed(digits)).all()
    flat = Part(np.full_like(digits.train.images, 7), digits.train.labels)
    assert np.isfinite(embed(replace(digits, train=flat))).all()


def test_subsets_of_a_set_are_nearer_to_each_other_than_to_noise(digits: ImageTask) -> None:
    halves = [embed(open_task(f"digits[part={part},of=2]")) for part in (1, 2)]
    other = embed(replace(digits, train=noise(digits.train, 5)))
    assert np.linalg.norm(halves[0] - halves[1]) < np.linalg.norm(halves[0] - other)


def test_separation_follows_the_labels(digits: ImageTask) -> None:
    neighbours = FEATURES.index("neighbours of pixels")
    shuffled = replace(digits, train=Part(digits.train.images, np.random.default_rng(3).permutation(digits.train.labels)))
    assert embed(digits)[neighbours] > 0.9
    assert embed(shuffled)[neighbours] < 0.3


def test_a_class_with_one_training_image_is_named(digits: ImageTask) -> None:
    keep = np.flatnonzero(digits.train.labels != 4)
    keep = np.append(keep, np.flatnonzero(digits.train.labels == 4)[:1])
    lonely = replace(digits, train=Part(digits.train.images[keep], digits.train.labels[keep]))
    with pytest.raises(WarmnasError, match="class '4' has 1 training images"):
        characterise(lonely, RECIPE)
