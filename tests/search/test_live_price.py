"""The price of a search: what it is measured with when memory is short."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from warmnas.bench.spaces import space
from warmnas.metadata.tasks import ImageTask, Part
from warmnas.metadata.training.recipe import Recipe
from warmnas.search.live.price import price

SPACE = space("nasbench201")
RECIPE = Recipe(epochs=2, batch=64, width=4, cells=1, resolution=8)


class Short(torch.nn.Module):
    """A network for which memory runs out with more than so many images."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.head = most, torch.nn.Linear(64, 2)
        self.seen: list[int] = []

    def forward(self, images):
        self.seen.append(len(images))
        if len(images) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return self.head(images.flatten(1))


def priced(monkeypatch, most):
    part = Part(np.zeros((100, 8, 8, 1), np.uint8), np.arange(100) % 2)
    task = ImageTask("a", "a", ("0", "1"), part, part, part, False, False, "made up", "CC0-1.0")
    reference, network = SPACE.reference(), Short(most)
    assert reference is not None
    monkeypatch.setattr("warmnas.search.live.price.costs", lambda *a: (10, 1000))
    monkeypatch.setattr(type(SPACE), "build", lambda self, *a, **k: network)
    return price(SPACE, reference, task, RECIPE, 4, "cpu"), network.seen


@pytest.mark.parametrize(("most", "tried"), [(64, {64}), (20, {64, 32, 16})])
def test_the_largest_batch_that_fits_is_measured(monkeypatch, most, tried):
    found, seen = priced(monkeypatch, most)
    assert set(seen) == tried
    assert 0 < found.seconds < 60


def test_where_nothing_fits_the_price_is_not_known(monkeypatch):
    found, seen = priced(monkeypatch, 4)
    assert seen == [64, 32, 16, 8]
    assert np.isnan(found.seconds)
