"""Last value, mean, median, i-epoch and sum of training losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from warmnas.bench import WarmnasError
from warmnas.surrogates.curves import Curves, curve_models
from warmnas.surrogates.curves.summary import regress

SEEN = Curves(
    np.array([[10.0, 40, 20, np.nan], [30, 35, 80, np.nan]]), train_losses=np.array([[2, 1, 1, 0], [2, 2, 3, 0.0]])
)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("last", {}, [20, 80]),
        ("mean", {}, [70 / 3, 145 / 3]),
        ("median", {}, [20, 35]),
        ("i-epoch", {}, [10, 30]),
        ("i-epoch", {"epochs": 2}, [40, 35]),
        ("i-epoch", {"epochs": 50}, [20, 80]),
    ],
)
def test_what_they_reduce_a_curve_to(name, options, expected):
    model: Any = curve_models[name](**options)
    np.testing.assert_allclose(100 * model.summary(SEEN), expected)
    np.testing.assert_allclose(100 * model.final_values(SEEN).mixture.locations[:, 0], expected)


def test_sums_of_training_losses():
    sotl = curve_models["sotl"]
    np.testing.assert_allclose(sotl().rank_scores(SEEN), [-4, -7])
    np.testing.assert_allclose(sotl(window=1).rank_scores(SEEN), [-1, -3])
    np.testing.assert_allclose(sotl(decay=0.5).rank_scores(SEEN), [-(0.5 + 0.5 + 1), -(0.5 + 1 + 3)])


def test_a_diverged_loss_is_the_worst():
    losses = np.array([[2, np.nan, np.nan, np.nan], [2, 2, 1, np.nan], [np.inf, 1, 1, 1]])
    curves = Curves(np.array([[10.0, 10, 10, np.nan], [10, 20, 30, np.nan], [5, 10, 20, np.nan]]), train_losses=losses)
    np.testing.assert_allclose(curve_models["sotl"]().rank_scores(curves), [-6, -5, -4])
    lost = Curves(curves.values, train_losses=np.full((3, 4), np.nan))
    with pytest.raises(WarmnasError, match="finite"):
        curve_models["sotl"]().rank_scores(lost)
    with pytest.raises(WarmnasError, match="train_losses"):
        curve_models["sotl"]().rank_scores(Curves(curves.values))


def test_i_is_a_whole_number():
    with pytest.raises(WarmnasError, match="at least 1"):
        curve_models["i-epoch"](epochs=0).predict(SEEN)


def test_regression_is_numpys_and_its_slope_never_negative():
    rng = np.random.default_rng(0)
    x, new = rng.random(20), rng.random(5)
    y = 0.3 + 0.5 * x + 0.05 * rng.standard_normal(20)
    mean, std = regress(x, y, new)
    np.testing.assert_allclose(mean, np.polyval(np.polyfit(x, y, 1), new))
    design = np.stack([np.ones(20), x], axis=1)
    residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    at = np.stack([np.ones(5), new], axis=1)
    variance = residual @ residual / 18 * (1 + np.einsum("ij,jk,ik->i", at, np.linalg.inv(design.T @ design), at))
    np.testing.assert_allclose(std, np.sqrt(variance))
    falling, _ = regress(x, -y, new)
    np.testing.assert_allclose(falling, -y.mean())


def test_earlier_builds_correct_the_bias():
    """Everything ends 20 points above its middle: after three such builds the model knows."""
    rng = np.random.default_rng(1)
    middle = rng.uniform(20, 60, 12)
    values = np.stack([middle - 10, middle, middle + 15, middle + 20 + rng.normal(0, 0.2, 12)], axis=1)
    earlier, new = Curves(values[:8]), Curves(values[8:]).until(2)
    model = curve_models["last"]().fit(earlier)
    np.testing.assert_allclose(model.predict(new), values[8:, -1], atol=1)
    assert (model.final_values(new).std < 1).all()
    unfitted = curve_models["last"]().predict(new)
    assert (values[8:, -1] - unfitted > 8).all()


def test_builds_that_were_stopped_are_left_out():
    whole = Curves(np.array([[10.0, 20, 30], [20, 30, 40], [30, 40, 50], [1, np.nan, np.nan]]))
    kept = curve_models["last"]().fit(whole).earlier_
    assert kept is not None
    assert len(kept) == 3
    assert curve_models["last"]().fit(whole.until(2)).earlier_ is None
