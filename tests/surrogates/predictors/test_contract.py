"""What holds for every architecture predictor that is registered."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone

from warmnas.bench import CategoricalSpace, CorruptFile, FloatArray, Genotypes, SearchSpace, WarmnasError, space
from warmnas.metadata.quality import spearman
from warmnas.surrogates.predictors import Predictor, load_predictor, predictors

CELLS = space("nasbench201")
# Shorter trainings of the methods that take long; everything else runs as it comes.
OPTIONS: dict[str, dict[str, int]] = {
    "trees": {"trees": 30},
    "bananas": {"epochs": 100, "members": 3, "layers": 4},
    "nao": {"steps": 60, "members": 2},
    "brp": {"epochs": 25, "members": 2, "width": 16},
    "tap": {"epochs": 40, "members": 2, "first": 16, "second": 16},
}
every = pytest.mark.parametrize("name", list(predictors))


CHAINS = space("chain")


def own(name: str) -> SearchSpace:
    """Where a predictor is tested: cells, or chains where it reads nothing else."""
    return CHAINS if predictors[name].lacking(CELLS) else CELLS


def make(name: str, seed: int = 0, of: SearchSpace | None = None) -> Predictor:
    return predictors[name](of or own(name), seed=seed, **OPTIONS.get(name, {}))


def data(n: int, seed: int = 0, of: SearchSpace = CELLS) -> tuple[Genotypes, FloatArray]:
    """Architectures of different functions whose value grows with the convolutions that a path uses, or with the depth."""
    rng = np.random.default_rng(seed)
    genotypes = np.unique(of.canonical(of.sample(3 * n, rng)), axis=0)
    genotypes = rng.permutation(genotypes)[:n]
    if of is CHAINS:
        return genotypes, np.asarray(60 + 3 * CHAINS.depth(genotypes), dtype=np.float64)
    live = of.live(genotypes)
    value = 60 + 4 * (live == 3).sum(axis=1) + 2 * (live == 2).sum(axis=1) + (live == 1).sum(axis=1)
    return genotypes, np.asarray(value, dtype=np.float64)


@pytest.fixture(scope="module")
def fitted() -> dict[str, Predictor]:
    return {name: make(name).fit(*data(60, of=own(name))) for name in predictors}


@every
def test_it_learns_to_order_new_architectures(fitted, name):
    x, y = data(200, 1, own(name))
    mean, std = fitted[name].predict(x, return_std=True)
    assert spearman(mean, y) > 0.6
    assert mean.shape == std.shape == y.shape
    assert (std >= 0).all()
    assert np.isfinite(mean).all()
    assert np.isfinite(std).all()
    assert 55 < mean.min() <= mean.max() < 95  # in the unit of the values


@every
def test_equal_seeds_give_equal_predictions_whatever_was_drawn_before(fitted, name):
    import torch

    np.random.seed(7)  # noqa: NPY002 -- a global state that must not matter
    torch.manual_seed(7)
    x, y = data(60, of=own(name))
    new, _ = data(50, 1, own(name))
    np.testing.assert_array_equal(make(name).fit(x, y).predict(new), fitted[name].predict(new))


@every
def test_a_saved_model_predicts_the_same(fitted, name, tmp_path):
    new, _ = data(80, 2, own(name))
    fitted[name].save(tmp_path / "m.npz", {"task": "one"})
    loaded, notes = load_predictor(tmp_path / "m.npz")
    assert notes == {"task": "one"}
    for ours, theirs in zip(loaded.predict(new, return_std=True), fitted[name].predict(new, return_std=True), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.npz"]


@every
def test_a_prediction_does_not_depend_on_its_neighbours(fitted, name):
    new, _ = data(40, 3, own(name))
    together = fitted[name].predict(new)
    alone = np.concatenate([fitted[name].predict(new[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(alone, together[:5], rtol=1e-4)
    np.testing.assert_allclose(fitted[name].predict(new[::-1])[::-1], together, rtol=1e-4)
    assert fitted[name].predict(new[:0]).shape == (0,)


@pytest.mark.parametrize("name", [name for name in predictors if own(name) is CELLS])
def test_one_function_has_one_prediction(fitted, name):
    dead, clean = CELLS.from_string("300000"), CELLS.from_string("000300")
    twins = np.stack([dead, CELLS.from_string("000000"), clean, CELLS.canonical(clean)])
    first, second, third, fourth = fitted[name].predict(twins)
    assert first == second
    assert third == fourth


@every
def test_it_has_the_manners_of_scikit_learn(name):
    model = make(name, seed=3)
    assert {"space", "seed", *OPTIONS.get(name, {})} <= set(model.get_params())
    assert clone(model).get_params()["seed"] == 3
    with pytest.raises(WarmnasError, match="call fit first"):
        model.predict(data(3, of=own(name))[0])


@every
def test_constant_values_are_predicted_for_certain(name, tmp_path):
    x, _ = data(10, of=own(name))
    model = make(name).fit(x, np.full(10, 42.0))
    model.save(tmp_path / "m.npz")
    for one in (model, load_predictor(tmp_path / "m.npz")[0]):
        mean, std = one.predict(data(5, 4, own(name))[0], return_std=True)
        np.testing.assert_array_equal(mean, 42.0)
        np.testing.assert_array_equal(std, 0.0)


@every
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x, y: (x, np.where(np.arange(len(y)) == 4, np.nan, y)), "is nan; leave out"),
        (lambda x, y: (x, np.where(np.arange(len(y)) == 4, np.inf, y)), "is inf; leave out"),
        (lambda x, y: (x, np.where(np.arange(len(y)) % 2, 1e308, -1e308)), "too large to compute with"),
        (lambda x, y: (x, y.astype(str).astype(object) + "?"), "must be numbers"),
        (lambda x, y: (x[:2], y[:2]), "at least 3"),
        (lambda x, y: (x, y[:-1]), "a value each"),
        (lambda x, y: (x[0], y), "shape"),
        (lambda x, y: (x[:, :4], y), "genes, not"),
        (lambda x, y: (x + 40, y), "must be in 0.."),
    ],
)
def test_bad_input_is_refused_in_one_line(name, spoil, message):
    with pytest.raises(WarmnasError, match=message) as caught:
        make(name).fit(*spoil(*data(10, of=own(name))))
    assert "\n" not in str(caught.value)


def test_a_prediction_that_is_no_number_is_an_error(monkeypatch):
    x, y = data(10)
    model = make("gp").fit(x, y)
    monkeypatch.setattr(model, "_predict", lambda genotypes: (np.full(len(genotypes), np.nan), np.ones(len(genotypes))))
    with pytest.raises(WarmnasError, match="is no finite number"):
        model.predict(x)


@every
@pytest.mark.parametrize("other", ["nasbench101", "chain", "nats-size", "nasbench-graph", "darts"])
def test_other_spaces_work_or_are_refused_by_name(name, other):
    rng = np.random.default_rng(0)
    of = space(other)
    x = of.sample(12, rng)
    y = rng.standard_normal(12)
    model = make(name, of=of)
    if not model.lacking(of):
        assert np.isfinite(model.fit(x, y).predict(of.sample(4, rng))).all()
    else:
        with pytest.raises(WarmnasError, match=f"needs the .*, which {other} has not"):
            model.fit(x, y)


@pytest.mark.parametrize("name", ["trees", "gp", "gp-wl"])
def test_a_tables_own_space_is_saved_with_the_model(name, tmp_path):
    of = CategoricalSpace([("kernel", ["1", "3", "5"]), ("depth", ["2", "4", "8"])])
    x = of.all_genotypes()
    model = make(name, of=of).fit(x, x.sum(axis=1) + 0.1 * x[:, 0])
    model.save(tmp_path / "m.npz")
    np.testing.assert_array_equal(load_predictor(tmp_path / "m.npz")[0].predict(x), model.predict(x))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"hello", None])
def test_a_file_that_is_no_model_is_refused(content, tmp_path):
    path = tmp_path / "m.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WarmnasError) as caught:
        load_predictor(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@every
def test_a_damaged_file_is_refused(fitted, name, tmp_path):
    path = tmp_path / "m.npz"
    fitted[name].save(path)
    with np.load(path) as file:
        arrays = dict(file)
    for key in [key for key in arrays if key != "head"][:3]:
        np.savez(path, **{k: v for k, v in arrays.items() if k != key})
        with pytest.raises(CorruptFile):
            load_predictor(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CorruptFile):
        load_predictor(path)


def test_a_pickle_in_a_file_is_not_opened(tmp_path):
    np.savez(tmp_path / "m.npz", head=np.array([{"warmnas predictor": "gp"}], dtype=object))
    with pytest.raises(CorruptFile):
        load_predictor(tmp_path / "m.npz")


def test_the_names_are_known_without_torch():
    code = "import sys; from warmnas.surrogates.predictors import predictors; assert len(predictors) > 4; "
    subprocess.run([sys.executable, "-c", code + "sys.exit('torch' in sys.modules)"], check=True, cwd="/")
