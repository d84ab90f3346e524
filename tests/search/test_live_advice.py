"""What a search says where it was not worth it."""

from __future__ import annotations

import pytest

from warmnas.search.live.advice import advice


def content(found, reference, images=400, budget=10, same=False, state="done"):
    row = {"architecture": "resnet", "validation": reference, "state": state}
    return {
        "settings": {"data": "my images", "budget": budget, "epochs": 20, "width": 8},
        "task": {"images": {"val": images}},
        "found": {"architecture": "resnet" if same else "other", "validation": found},
        "reference": row,
    }


def test_a_search_that_found_nothing_better_names_what_to_try():
    (said,) = advice(content(60.0, 60.0, same=True))
    assert "found nothing better than the ResNet cell" in said
    assert "warmnas search --data 'my images' --budget 1 --epochs 200" in said
    assert "--width 12" in said


def test_a_gain_within_the_luck_of_the_images_is_called_so():
    (said,) = advice(content(61.0, 60.0))  # 1 point of 400 images, of which luck makes 3.4
    assert "+1.0 points from the ResNet cell on 400 validation images, where luck alone makes 3.4" in said


@pytest.mark.parametrize(
    "given",
    [
        content(70.0, 60.0),
        content(61.0, 60.0, images=100_000),
        content(60.0, 60.0, same=True, budget=1),
        content(60.0, None, state="failed"),
        content(60.0, 60.0) | {"reference": None},
    ],
)
def test_nothing_is_said_where_the_search_was_worth_it_or_cannot_be_judged(given):
    assert advice(given) == []
