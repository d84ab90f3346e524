"""The recipe: its schedule, its hash, and what it refuses."""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, replace
from typing import Any

import pytest

from warmnas.bench import WarmnasError
from warmnas.metadata.training import Recipe


def test_the_cosine_falls_from_the_rate_to_zero() -> None:
    recipe = Recipe(epochs=12)
    assert recipe.learning_rate(0) == pytest.approx(0.1)
    assert recipe.learning_rate(6) == pytest.approx(0.05)
    assert recipe.learning_rate(3) == pytest.approx(0.05 * (1 + math.sqrt(0.5)))
    assert recipe.learning_rate(12) == pytest.approx(0)
    rates = [recipe.learning_rate(e + i / 7) for e in range(12) for i in range(7)]
    assert all(a > b for a, b in itertools.pairwise(rates))


def test_a_short_schedule_is_not_a_prefix_of_a_long_one() -> None:
    assert Recipe(epochs=200).learning_rate(11) > 10 * Recipe(epochs=12).learning_rate(11)


def test_equal_recipes_have_equal_hashes_and_every_field_counts() -> None:
    base = Recipe()
    assert Recipe(rate=1) == Recipe(rate=1.0)
    assert Recipe(rate=1).hash == Recipe(rate=1.0).hash
    assert base.hash == Recipe(**asdict(base)).hash
    other: dict[str, Any] = {"epochs": 12, "batch": 64, "rate": 0.2, "momentum": 0.8, "weight_decay": 0.0, "width": 8}
    other |= {"cells": 1, "resolution": 16, "train_size": 500, "augment": False, "incremental": True}
    assert set(other) == set(Recipe.names())
    hashes = {base.hash, *(replace(base, **{name: value}).hash for name, value in other.items())}
    assert len(hashes) == 1 + len(other)
    assert base.hash == "318abc3a3f856cc2"  # stores keep it: the same on every machine


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("epochs", 1.5),
        ("epochs", True),
        ("batch", 1),
        ("width", -1),
        ("cells", "5"),
        ("resolution", 0),
        ("train_size", 1),
        ("rate", 0),
        ("rate", float("nan")),
        ("rate", "high"),
        ("momentum", 1),
        ("weight_decay", -1e-4),
        ("augment", 1),
    ],
)
def test_fields_out_of_range_are_named(field: str, value: object) -> None:
    with pytest.raises(WarmnasError, match=field):
        Recipe(**{field: value})  # type: ignore[arg-type]
