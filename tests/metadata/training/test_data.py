"""Batches: every image once with its own label, moved and mirrored only where that is allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from warmnas.bench import WarmnasError
from warmnas.metadata.training import Recipe
from warmnas.metadata.training.data import Images, bounds
from warmnas.metadata.training.loop import Data

CPU = torch.device("cpu")
RECIPE = Recipe(batch=8, resolution=8)


def epoch(images: Images, seed: int = 0, batch: int = 10) -> tuple[torch.Tensor, torch.Tensor]:
    """All batches of one epoch as one: float64 images and labels."""
    order, noise = (np.random.default_rng([seed, i]) for i in range(2))
    xs, ys = zip(*images.batches(batch, torch.float64, order, noise), strict=True)
    return torch.cat(xs), torch.cat(ys)


def raw(part: Any, **options: Any) -> Images:
    """Images on the scale 0..255."""
    return Images(part, np.zeros(3), np.full(3, 1 / 255), CPU, **options)


@pytest.mark.parametrize(
    ("images", "batch", "sizes"), [(8, 4, [4, 4]), (9, 4, [4, 5]), (10, 4, [4, 4, 2]), (3, 2, [3]), (2, 9, [2])]
)
def test_no_batch_has_one_image(images: int, batch: int, sizes: list[int]) -> None:
    assert [end - start for start, end in bounds(images, batch)] == sizes


def test_one_image_cannot_be_trained_on() -> None:
    with pytest.raises(WarmnasError, match="two images"):
        bounds(1, 8)


def test_an_epoch_is_every_image_once_with_its_label(noise: Any) -> None:
    part = noise().train
    part.labels[:] = np.arange(24)
    x, y = epoch(raw(part))
    assert sorted(y.tolist()) == list(range(24))
    assert y.tolist() != list(range(24))
    np.testing.assert_allclose(x.permute(0, 2, 3, 1).numpy(), part.images[y.numpy()], atol=1e-9)
    assert not torch.equal(epoch(raw(part), seed=1)[1], y)


@pytest.mark.parametrize(("pad", "flip"), [(0, True), (1, False), (1, True)])
def test_images_are_windows_of_the_bordered_image_or_its_mirror(noise: Any, pad: int, flip: bool) -> None:
    part = noise().train
    part.labels[:] = np.arange(24)
    x, y = epoch(raw(part, pad=pad, flip=flip))
    assert x.shape == (24, 3, 8, 8)
    padded = np.pad(part.images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    kinds = set()
    for image, label in zip(x.permute(0, 2, 3, 1).numpy(), y.tolist(), strict=True):
        found = [
            (top, left, mirror)
            for top in range(2 * pad + 1)
            for left in range(2 * pad + 1)
            for mirror in (1, -1)
            if np.allclose(padded[label, top : top + 8, left : left + 8][:, ::mirror], image, atol=1e-9)
        ]
        assert len(found) == 1
        kinds |= set(found)
    assert {mirror for *_, mirror in kinds} == ({1, -1} if flip else {1})
    assert len({place[:2] for place in kinds}) > (3 if pad else 0)


@pytest.mark.parametrize("crop", [True, False])
@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("augment", [True, False])
def test_the_task_and_the_recipe_must_both_allow_it(noise: Any, crop: bool, flip: bool, augment: bool) -> None:
    task = noise(crop=crop, flip=flip)
    data = Data.of(task, replace(RECIPE, augment=augment), CPU)
    assert (data.train._pad, data.train._flip) == (int(augment and crop), augment and flip)
    assert (data.val._pad, data.val._flip, data.test._pad, data.test._flip) == (0, False, 0, False)


def test_images_are_standardised_by_the_training_part_and_channels_last(noise: Any) -> None:
    task = noise()
    data = Data.of(task, RECIPE, CPU)
    x, _ = epoch(data.train, batch=24)
    torch.testing.assert_close(x.mean(dim=(0, 2, 3)), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-9)
    torch.testing.assert_close(x.std(dim=(0, 2, 3), correction=0), torch.ones(3, dtype=torch.float64), rtol=0, atol=1e-9)
    seen, labels = zip(*data.test.in_order(3, torch.float32), strict=True)
    assert torch.cat(labels).tolist() == task.test.labels.tolist()
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    expected = (task.test.images / 255 - task.mean) / task.std
    np.testing.assert_allclose(torch.cat(seen).permute(0, 2, 3, 1).numpy(), expected, atol=1e-5)
