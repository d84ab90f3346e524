"""Partial curves: what is read, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from warmnas.bench import ACCURACY, Metric, WarmnasError
from warmnas.surrogates.curves import Curves
from warmnas.surrogates.curves.partial import from_unit, to_unit

NAN = float("nan")


def test_lengths_gaps_and_units():
    curves = Curves(np.array([[10, NAN, 30, NAN], [NAN, 50, 60, 70]]), total=5)
    np.testing.assert_array_equal(curves.seen, [3, 4])
    np.testing.assert_array_equal(curves.complete, [False, False])
    np.testing.assert_allclose(curves.unit, [[0.1, 0.2, 0.3, NAN, NAN], [0.5, 0.5, 0.6, 0.7, NAN]])
    np.testing.assert_allclose(curves.last, [0.3, 0.7])


def test_cutting():
    curves = Curves(np.arange(10.0, 50).reshape(2, 20), train_losses=np.ones((2, 20)))
    assert curves.complete.all()
    half = curves.at_fraction(0.5)
    assert half.total == 20
    np.testing.assert_array_equal(half.seen, [10, 10])
    assert half.train_losses is not None
    assert half.train_losses.shape == (2, 10)
    assert curves.at_fraction(0.001).seen.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Curves(np.ones(3) * 50), "shape"),
        (lambda: Curves(np.empty((0, 3))), "shape"),
        (lambda: Curves(np.array([[50.0], [NAN]])), "curve 1 has no value"),
        (lambda: Curves(np.array([[50.0, np.inf]])), "curve 0, epoch 2: inf is outside"),
        (lambda: Curves(np.array([[50.0, 101.0]])), r"epoch 2: 101 is outside 0\.\.100"),
        (lambda: Curves(np.array([[-1.0]])), "outside"),
        (lambda: Curves(np.array([[0.3, 0.9]])), "multiply fractions by 100"),
        (lambda: Curves(np.array([[50.0, 60.0]]), total=1), "total"),
        (lambda: Curves(np.array([[50.0, 60.0]]), total=2.5), "a whole number"),  # type: ignore[arg-type]
        (lambda: Curves(np.array([[50.0]]), Metric("loss", "nats", "minimize", (0, np.inf))), "finite bounds"),
        (lambda: Curves(np.array([[50.0]]), encodings=np.ones((2, 3))), "encodings have shape"),
        (lambda: Curves(np.array([[50.0]]), encodings=np.array([[NAN]])), "encodings hold NaN"),
        (lambda: Curves(np.array([[50.0]]), train_losses=np.ones((1, 2))), "train_losses have shape"),
    ],
)
def test_bad_input_is_refused_in_one_line(make, message):
    with pytest.raises(WarmnasError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_tiny_percentages_are_read_where_they_are_meant():
    assert Curves(np.array([[0.3, 0.9]]), trusted=True).last[0] == pytest.approx(0.009)
    fractions = Metric("accuracy", "fraction", "maximize", (0.0, 1.0))
    assert Curves(np.array([[0.3, 0.9]]), fractions).last[0] == pytest.approx(0.9)
    assert Curves(np.array([[0.3, 0.9], [30, 40]])).last[0] == pytest.approx(0.009)
    assert Curves(np.zeros((1, 3))).last[0] == 0


@given(arrays(np.float64, 5, elements=st.floats(0, 100)), st.sampled_from(["maximize", "minimize"]))
def test_units_go_back(values, direction):
    metric = Metric("m", "percent", direction, ACCURACY.bounds)
    np.testing.assert_allclose(from_unit(to_unit(values, metric), metric), values, atol=1e-12)


def test_the_callers_array_stays_as_it_was():
    values = np.array([[50.0, 60.0]])
    curves = Curves(values)
    values[:] = 0
    assert curves.values[0, 0] == 50
