"""Baker's nu-SVR and Chandrashekaran's regression: what they take from earlier builds."""

from __future__ import annotations

import numpy as np
import pytest

from warmnas.bench import WarmnasError
from warmnas.surrogates.curves import Curves, curve_models
from warmnas.surrogates.curves.chandrashekaran import extrapolate, lines
from warmnas.surrogates.curves.summary import regress

T = np.arange(1, 21)


def late(n: int, seed: int = 0, encoded: bool = True) -> Curves:
    """Curves that look alike at first and whose end the architecture knows."""
    rng = np.random.default_rng(seed)
    gain = rng.uniform(0, 30, (n, 1))
    values = 50 - 30 * T**-1.0 + gain / (1 + np.exp(-(T - 14) / 1.0)) + 0.2 * rng.standard_normal((n, 20))
    return Curves(values, encodings=np.concatenate([gain, rng.random((n, 3))], axis=1) if encoded else None)


def test_baker_learns_from_the_architecture():
    blind = curve_models["baker"](trials=12).fit(late(40, encoded=False))
    seeing = curve_models["baker"](trials=12).fit(late(40))
    new = late(30, seed=1)
    errors = []
    for model, curves in ((blind, late(30, seed=1, encoded=False)), (seeing, new)):
        errors.append(np.abs(model.predict(curves.until(6)) - new.values[:, -1]).mean())
    assert errors[1] < 0.5 * errors[0]
    final = seeing.final_values(new.until(6))
    inside = np.abs(final.mean - new.values[:, -1]) < 2 * final.std
    assert inside.mean() > 0.8


def test_encodings_must_match():
    model = curve_models["baker"](trials=2).fit(late(12))
    with pytest.raises(WarmnasError, match="features"):
        model.predict(late(3, encoded=False).until(5))


@pytest.mark.parametrize(("name", "count"), [("baker", 5), ("chandrashekaran", 2)])
def test_too_few_builds_are_refused(name, count):
    with pytest.raises(WarmnasError, match=f"not {count}: fit it on more"):
        curve_models[name]().fit(late(count))


def test_a_line_onto_a_build_is_a_regression():
    rng = np.random.default_rng(2)
    build = np.concatenate([rng.random(10), [0.9]])
    target = 0.2 + 0.5 * build[:10]
    ends, errors = lines(target[None], build[None])
    mean, _ = regress(build[:10], target, build[10:])
    assert ends[0, 0] == pytest.approx(mean[0], abs=0.02)  # the ridge moves it a little
    assert errors[0, 0] < 0.01


def test_a_build_that_was_moved_and_stretched_is_recognised():
    shape = 1 - np.exp(-T / 6)
    other = T / 40
    target = 0.1 + 0.6 * shape
    ends, errors = extrapolate(target[None, :8], np.stack([0.8 * shape, other]))
    assert errors[0, 0] < 0.2 * errors[0, 1]
    assert ends[0, 0] == pytest.approx(target[-1], abs=0.04)


def test_chandrashekaran_follows_its_neighbours():
    rng = np.random.default_rng(3)
    rates = rng.uniform(2, 9, (25, 1))
    values = 20 + 60 * (1 - np.exp(-T / rates)) + 0.3 * rng.standard_normal((25, 20))
    model = curve_models["chandrashekaran"]().fit(Curves(values[:20]))
    new = Curves(values[20:]).until(8)
    error = np.abs(model.predict(new) - values[20:, -1]).mean()
    assert error < 0.5 * np.abs(values[20:, 7] - values[20:, -1]).mean()
    assert (np.abs(model.predict(new) - values[20:, -1]) < 4 * model.final_values(new).std).all()


@pytest.mark.parametrize("name", ["baker", "chandrashekaran", "last"])
def test_builds_of_another_length_are_compared_at_the_same_fraction(name):
    """Builds of 40 epochs whose epoch 2 e is epoch e of the new ones."""
    rng = np.random.default_rng(5)
    ends = rng.uniform(40, 90, (24, 1))
    at = np.arange(1, 41) / 2
    long = ends * (1 - np.exp(-at / 4)) + 0.2 * rng.standard_normal((24, 40))
    model = curve_models[name](**({"trials": 12} if name == "baker" else {})).fit(Curves(long))
    new_ends = np.array([[50.0], [65.0], [80.0]])
    new = Curves(new_ends * (1 - np.exp(-T / 4)))
    predicted = model.predict(new.until(10))
    np.testing.assert_allclose(predicted, new.values[:, -1], atol=4)
