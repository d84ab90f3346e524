"""What holds for every curve model that is registered."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from warmnas.bench import CorruptFile, FloatArray, Metric, WarmnasError
from warmnas.surrogates.curves import Curves, curve_models, load_curve_model

EPOCHS = 12
ERROR = Metric("error", "percent", "minimize", (0.0, 100.0))
# Cheaper options of the methods that are slow; everything else runs as it comes.
OPTIONS: dict[str, dict[str, int]] = {"domhan": {"steps": 60, "burn_in": 30}, "baker": {"trials": 4}}


def model(name: str):
    return curve_models[name](**OPTIONS.get(name, {}))


def trainings(n: int, seed: int = 0, epochs: int = EPOCHS) -> Curves:
    """Whole curves that rise to different ends, with noise, encodings and falling training losses."""
    rng = np.random.default_rng(seed)
    ends, rates = rng.uniform(40, 95, (n, 1)), rng.uniform(0.8, 1.6, (n, 1))
    t = np.arange(1, epochs + 1)
    values = ends * (1 - 0.8 * t**-rates) + 0.4 * rng.standard_normal((n, epochs))
    losses = 2.5 * (1 - ends / 110) * t**-0.3 + 0.01 * rng.random((n, epochs))
    encodings = np.concatenate([ends / 100, rng.random((n, 2))], axis=1)
    return Curves(np.clip(values, 0, 100), encodings=encodings, train_losses=losses)


def partial(values: list[float], n_losses: bool = True) -> Curves:
    """One curve of 12 epochs of which these values are seen."""
    seen = np.full((1, EPOCHS), np.nan)
    seen[0, : len(values)] = values
    losses = np.where(np.isnan(seen), np.nan, 1.0) if n_losses else None
    return Curves(seen, encodings=np.full((1, 3), 0.5), train_losses=losses, trusted=True)


def fitted(name: str):
    return model(name).fit(trainings(30, seed=1))


NAMES = sorted(curve_models)


@pytest.fixture(scope="module", params=NAMES)
def name(request) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def ready(name):
    return fitted(name)


def assert_sound(final, bounds: tuple[float, float] = (0, 100)) -> None:
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    quantiles = final.quantiles(levels)
    arrays: list[FloatArray] = [final.mean, final.std, quantiles, final.p_better(50.0)]
    assert all(np.isfinite(a).all() for a in arrays)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert ((bounds[0] <= quantiles) & (quantiles <= bounds[1])).all()
    assert ((bounds[0] <= final.mean) & (final.mean <= bounds[1])).all()
    assert ((final.p_better(50.0) >= 0) & (final.p_better(50.0) <= 1)).all()


def test_a_distribution_for_every_curve(ready):
    whole = trainings(5).until(6)
    final = ready.final_values(whole)
    assert_sound(final)
    assert (final.std > 0).all()
    np.testing.assert_allclose(final.p_better(final.quantiles([0.3])[:, 0]), 0.7, atol=1e-6)
    mean, std = ready.predict(whole, return_std=True)
    np.testing.assert_array_equal(mean, final.mean)
    np.testing.assert_array_equal(std, final.std)


@pytest.mark.parametrize(
    "values",
    [
        [20.0],
        [55.0] * 6,
        [0.0] * 4,
        [100.0] * 3,
        [80.0, 70.0, 60.0, 50.0, 40.0],
        [10, 90, 10, 90, 10, 90],
        [1.0, 0.9, 1.1, 0.5],
    ],
    ids=["one point", "constant", "zero", "full", "decreasing", "zigzag", "chance level"],
)
def test_odd_curves_have_an_answer(ready, values):
    assert_sound(ready.final_values(partial(values)))


def test_a_gap_is_bridged(ready):
    gap, bridged = partial([10, 20, float("nan"), 40, 45]), partial([10, 20, 30, 40, 45])
    np.testing.assert_allclose(ready.predict(gap), ready.predict(bridged), rtol=1e-9)


def test_whole_curves_are_known(ready):
    whole = trainings(3, seed=2)
    final = ready.final_values(whole)
    np.testing.assert_allclose(final.mean, whole.values[:, -1])
    assert (final.std == 0).all()
    np.testing.assert_array_equal(final.p_better(whole.values[:, -1] - 1e-6), 1.0)
    np.testing.assert_array_equal(final.p_better(whole.values[:, -1] + 1e-6), 0.0)


def test_lengths_may_differ_and_rows_are_independent(ready):
    whole = trainings(4, seed=3)
    seen = np.array([3, 5, 12, 5])
    values = np.where(np.arange(EPOCHS) < seen[:, None], whole.values, np.nan)
    together = Curves(values, encodings=whole.encodings, train_losses=whole.train_losses)
    means = ready.predict(together)
    for row in range(4):
        alone = together.rows(np.array([row]))
        np.testing.assert_allclose(ready.predict(alone), means[row : row + 1], rtol=1e-6, atol=1e-5)


def test_seeded(name):
    curves = partial([20, 30, 38, 43, 47])
    one, two = fitted(name).final_values(curves), fitted(name).final_values(curves)
    np.testing.assert_array_equal(one.quantiles([0.1, 0.9]), two.quantiles([0.1, 0.9]))


def test_a_smaller_is_better_metric_is_mirrored(name):
    up = trainings(30, seed=1)
    down = Curves(100 - up.values, ERROR, encodings=up.encodings, train_losses=up.train_losses)
    seen = partial([20, 30, 38, 43, 47])
    mirrored = Curves(100 - seen.values, ERROR, encodings=seen.encodings, train_losses=seen.train_losses)
    one, two = model(name).fit(up).final_values(seen), model(name).fit(down).final_values(mirrored)
    np.testing.assert_allclose(two.mean, 100 - one.mean, atol=1e-6)
    np.testing.assert_allclose(two.p_better(45.0), one.p_better(55.0), atol=1e-6)
    np.testing.assert_allclose(two.quantiles([0.1]), 100 - one.quantiles([0.9]), atol=1e-6)


def test_save_and_load(name, ready, tmp_path):
    ready.save(tmp_path / "model.npz")
    again = load_curve_model(tmp_path / "model.npz")
    curves = partial([20, 30, 38, 43, 47])
    np.testing.assert_array_equal(again.predict(curves), ready.predict(curves))
    assert again.get_params() == ready.get_params()
    assert type(again) is curve_models[name]


def test_scikit_learns_manners(name):
    from sklearn.base import clone

    one = model(name)
    assert clone(one).get_params() == one.get_params()
    assert one.fit(trainings(20, seed=1)) is one


def test_without_earlier_builds_it_predicts_or_says_what_it_needs(name):
    curves = partial([20, 30, 38, 43, 47])
    one = model(name)
    if one.needs_earlier:
        with pytest.raises(WarmnasError, match="fit"):
            one.fit(None)
        with pytest.raises(WarmnasError, match="fit"):
            model(name).predict(curves)
    else:
        assert_sound(one.fit(None).final_values(curves))


def test_order_of_good_and_bad(ready):
    """A training that is far ahead at two thirds is ranked ahead."""
    values = np.full((2, EPOCHS), np.nan)
    values[:, :8] = [np.linspace(20, 30, 8), np.linspace(50, 80, 8)]
    losses = np.where(np.isnan(values), np.nan, 2 - values / 100)
    curves = Curves(values, encodings=np.array([[0.3, 0.5, 0.5], [0.85, 0.5, 0.5]]), train_losses=losses)
    low, high = ready.rank_scores(curves)
    assert high > low


def test_no_method_imports_torch():
    code = "import sys; from warmnas.surrogates import curves; list(curves.curve_models); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd="/")


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x03\x04 broken"])
def test_a_broken_file_is_refused(tmp_path, content):
    (tmp_path / "m.npz").write_bytes(content)
    with pytest.raises(CorruptFile, match="not a saved curve model"):
        load_curve_model(tmp_path / "m.npz")


def test_a_pickle_is_not_run(tmp_path):
    np.savez(tmp_path / "m.npz", head=np.array([{"model": "last"}], dtype=object))
    with pytest.raises(CorruptFile):
        load_curve_model(tmp_path / "m.npz")
    with pytest.raises(WarmnasError, match="does not exist"):
        load_curve_model(tmp_path / "nothing.npz")
