"""The manners of scikit-learn, beside scikit-learn's own."""

from __future__ import annotations

import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import cross_val_score

from warmnas.bench import UnknownName
from warmnas.surrogates.estimator import Estimator


class Options:
    def __init__(self, width=3, *, name="a", of=None):
        self.width, self.name, self.of = width, name, of


class Ours(Options, Estimator):
    def fit(self, x, y):
        self.seen_ = len(x)
        return self

    def predict(self, x):
        return x[:, 0] * self.width

    def score(self, x, y):
        return float(self.seen_)


class Theirs(Options, BaseEstimator):  # type: ignore[misc]
    pass


def test_options_are_scikit_learns():
    ours, theirs = Ours(5, of=[1]), Theirs(5, of=[1])
    assert list(ours.get_params().items()) == list(theirs.get_params().items())
    assert ours.set_params(name="b", width=2) is ours
    assert (ours.name, ours.width) == ("b", 2)
    assert repr(Ours(5)) == "Ours(width=5)"
    assert Estimator().get_params() == {}


def test_an_option_that_it_has_not():
    with pytest.raises(UnknownName, match="option of Ours 'widht', did you mean 'width'"):
        Ours().set_params(widht=1)


def test_scikit_learn_takes_it():
    model = Ours(4, of=[1]).fit([[1.0]], [1.0])
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "seen_")
    assert cross_val_score(model, [[1.0]] * 6, [0.0] * 6, cv=3).tolist() == [4.0] * 3
