"""LC-PFN: its prior, its network, its training and the weights that ship."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import truncnorm

from warmnas.bench import CorruptFile, WarmnasError
from warmnas.surrogates.curves import Curves, curve_models
from warmnas.surrogates.curves.lc_pfn import SHIPPED, thinned
from warmnas.surrogates.curves.lc_pfn_features import lines, shapes
from warmnas.surrogates.curves.lc_pfn_network import LCPFNNetwork, log_density
from warmnas.surrogates.curves.lc_pfn_prior import draw_curves, evaluate, observe
from warmnas.surrogates.curves.train_lc_pfn import Training, main, rate_factor


def test_curves_of_the_prior_rise_inside_the_bounds():
    seen, functions = draw_curves(200, 100, np.random.default_rng(0))
    assert seen.shape == functions.shape == (200, 100)
    assert ((functions >= 0) & (functions <= 1) & (seen >= 0) & (seen <= 1)).all()
    assert (functions[:, -1] > functions[:, 0]).all()
    noise = np.log(np.std(seen - functions, axis=1))
    assert np.median(noise) == pytest.approx(-4, abs=0.25)
    assert noise.std() == pytest.approx(1, abs=0.25)


def test_the_three_functions_by_hand():
    names = ("w1", "w2", "w3", "c1", "a1", "alpha", "c2", "a2", "a3", "beta", "k", "delta")
    p = {name: np.array([[0.1 * (i + 1)]]) for i, name in enumerate(names)}
    x = 5.0
    pow3, ilog2 = 0.4 - 0.5 * x**-0.6, 0.7 - 0.8 / np.log(x + 1)
    janoschek = 0.9 - (0.9 - 1.0) * np.exp(-1.1 * x**1.2)
    assert evaluate(p, np.array([x]))[0, 0] == pytest.approx(0.1 * pow3 + 0.2 * ilog2 + 0.3 * janoschek)


def test_noise_at_the_edge_is_that_of_a_truncated_normal():
    flat = np.full((1, 4000), 0.98)
    seen = observe(flat, np.array([[0.05]]), np.random.default_rng(1))
    theirs = truncnorm(-0.98 / 0.05, 0.02 / 0.05, 0.98, 0.05)
    assert seen.mean() == pytest.approx(theirs.mean(), abs=0.003)


def test_an_epoch_knows_nothing_of_later_ones():
    torch.manual_seed(0)
    network = LCPFNNetwork().double()
    for p in network.parameters():
        p.data.add_(0.05 * torch.randn_like(p))
    values = torch.rand(3, 20, dtype=torch.float64)
    changed = values.clone()
    changed[:, 12:] = 0.1
    for one, two in zip(network(values, 30), network(changed, 30), strict=True):
        assert torch.equal(one[:, :12], two[:, :12])
        assert not torch.equal(one[:, 12:], two[:, 12:])


def test_a_curve_that_has_a_shape_is_continued_by_its_line():
    x = torch.arange(1.0, 101.0, dtype=torch.float64)
    values = (0.9 - 0.6 * shapes(x)[1])[None, :40]
    ends, residuals = lines(values, x[:40])
    assert float(ends[0, -1, 1]) == pytest.approx(0.84, abs=1e-2)
    assert residuals[0, -1].argmin() == 1


def test_the_loss_is_scipys_truncated_density():
    mixture = (torch.zeros(1, 1, 1), torch.full((1, 1, 1), 0.9), torch.full((1, 1, 1), float(np.log(0.1))))
    expected = truncnorm(-9, 1, 0.9, 0.1).logpdf(0.95)
    assert float(log_density(mixture, torch.tensor([[0.95]]))) == pytest.approx(expected, abs=1e-4)


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path):
    for folder, calls in (("once", [4]), ("twice", [2, 4])):
        (tmp_path / folder).mkdir()
        for until in calls:
            training = Training(tmp_path / folder, seed=3)
            while training.step < until:
                training.advance(steps=4)
            training.save()
    once, twice = ((tmp_path / folder / "lc_pfn.safetensors").read_bytes() for folder in ("once", "twice"))
    assert once == twice


def test_the_command_writes_weights_to_predict_with(tmp_path):
    main(["--out", str(tmp_path / "w"), "--steps", "2"])
    model = curve_models["lc-pfn"](weights=str(tmp_path / "w" / "lc_pfn.safetensors"))
    assert np.isfinite(model.predict(Curves(np.array([[10.0, 20, 30]]), total=10))).all()


def test_the_step_size_warms_up_and_ends_at_zero():
    assert rate_factor(0, 3000) < 0.01
    assert rate_factor(1500, 3000) == 1
    assert rate_factor(3000, 3000) == 0


def test_shipped_weights_are_small_and_better_than_the_last_value():
    assert SHIPPED.stat().st_size < 4e6
    seen, _ = draw_curves(150, 100, np.random.default_rng(12345))
    whole = Curves(100 * seen)
    for fraction in (0.1, 0.4, 0.8):
        part = whole.at_fraction(fraction)
        ours, last = (curve_models[name]().final_values(part) for name in ("lc-pfn", "last"))
        truth = whole.values[:, -1]
        assert ours.log_density(truth).mean() > last.log_density(truth).mean() + 0.5
        assert ours.crps(truth).mean() < 0.8 * last.crps(truth).mean()


def test_long_trainings_are_thinned_to_the_horizon():
    values = np.linspace(10, 90, 200)[None]
    at, seen, total = thinned(Curves(values).until(100))
    assert (total, seen.tolist()) == (100, [50])
    np.testing.assert_allclose(at[0], values[0, 1:100:2] / 100)
    first, count, _ = thinned(Curves(values).until(1))
    assert count.tolist() == [1]
    assert first[0, 0] == pytest.approx(0.1)


def test_other_weights_are_refused(tmp_path):
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    curves = Curves(np.array([[10.0, 20, 30]]), total=10)
    with pytest.raises(CorruptFile, match="not the weights"):
        curve_models["lc-pfn"](weights=str(tmp_path / "broken.safetensors")).predict(curves)
    with pytest.raises(WarmnasError, match="does not exist"):
        curve_models["lc-pfn"](weights=str(tmp_path / "none")).predict(curves)
