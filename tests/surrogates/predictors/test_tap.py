"""TAP: prefixes, masks, the DCN and its filters, and that nothing of the target is seen."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from warmnas.bench import ACCURACY, Table, UnknownName, WarmnasError, open_benchmark, space
from warmnas.surrogates.predictors import load_predictor
from warmnas.surrogates.predictors.experiments import Images, experiments_of, far_weights, images_of, pooled
from warmnas.surrogates.predictors.tap import TAP
from warmnas.surrogates.predictors.tap_network import TAPNetwork, tap_loss

CHAINS: Any = space("chain")
TASKS = ("easy", "hard", "hard-too", "middle")
FAMILIES = ("a", "b", "b", "c")
DCN = np.array([0.9, 0.3, 0.35, 0.6])
QUICK: dict[str, Any] = {"members": 2, "first": 16, "second": 16, "epochs": 60}


def accuracy(genotypes, dcn):
    """A made-up accuracy of every prefix: rises with the layers, on a scale that the DCN sets; NaN behind the last."""
    layers = CHAINS.layers(genotypes, (3, 16, 16), 10, 8)
    wide = np.log2(np.maximum(layers.width, 1)).cumsum(axis=1)
    grows = 1 - 0.7 * np.exp(-0.25 * layers.number - 0.1 * wide)
    return np.where(layers.present, 10 + 90 * dcn * grows, np.nan)


def chain_table(n: int = 24, with_dcn: bool = True) -> Table:
    genotypes = np.unique(CHAINS.sample(4 * n, np.random.default_rng(1)), axis=0)
    genotypes = np.random.default_rng(2).permutation(genotypes)[:n]
    values = np.stack([accuracy(genotypes, dcn) for dcn in DCN])[:, :, None]
    values[0, -3:] = np.nan  # these chains were not trained on the first task
    attrs = {
        "name": "made-up",
        "space": "chain",
        "axis": "prefix",
        "recipe": json.dumps({"resolution": 16, "width": 8, "cells": 1}),
        "source": "made up",
        "licence": "none",
        "splits": json.dumps({task: {"val": "val"} for task in TASKS}),
        "metrics": json.dumps(dict.fromkeys(TASKS, vars(ACCURACY))),
    }
    coords = {
        "task": list(TASKS),
        "family": ("task", list(FAMILIES)),
        "classes": ("task", [10, 10, 20, 10]),
        "name": ("architecture", [CHAINS.to_string(g) for g in genotypes]),
        "genotype": (("architecture", "gene"), genotypes),
        "seed": [0],
        "epoch": np.arange(1, 9),
    }
    arrays = {"val_accuracy": (("task", "architecture", "seed", "epoch"), values)}
    return Table(xr.Dataset(arrays | ({"dcn": ("task", DCN)} if with_dcn else {}), coords=coords, attrs=attrs))


@pytest.fixture(scope="module")
def table() -> Table:
    return chain_table()


@pytest.fixture(scope="module")
def model(table) -> TAP:
    return TAP(CHAINS, prefilter="none", **QUICK).fit_table(table, "middle")


def test_it_predicts_an_unseen_task_from_its_dcn(table, model):
    truth = accuracy(table.genotypes, 0.6)
    predicted = model.predict_prefixes(table.genotypes)
    np.testing.assert_array_equal(np.isnan(predicted), np.isnan(truth))
    assert np.nanmean(np.abs(predicted - truth)) < 10  # three tasks are few to learn from what a DCN of .6 means
    misled = TAP(CHAINS, prefilter="none", **QUICK).fit_experiments(*_with_dcn(table, 0.95))
    wrong = misled.predict_prefixes(table.genotypes)
    assert np.nanmean(np.abs(wrong - truth)) > 1.5 * np.nanmean(np.abs(predicted - truth))
    whole = predicted[np.arange(len(truth)), CHAINS.depth(table.genotypes) - 1]
    np.testing.assert_allclose(model.predict(table.genotypes), whole, rtol=1e-6)


def _with_dcn(table, dcn):
    experiments, _, images = pooled(table, "middle")
    return experiments, dcn, images


def test_a_prefix_does_not_know_what_follows(table, model):
    deep = table.genotypes[CHAINS.depth(table.genotypes) >= 4]
    whole, cut = model.predict_prefixes(deep), model.predict_prefixes(CHAINS.prefix(deep, 3))
    np.testing.assert_allclose(whole[:, :3], cut[:, :3], rtol=1e-5)
    assert np.isnan(cut[:, 3:]).all()


def test_nothing_of_the_targets_family_is_seen(table):
    data = table.data.copy(deep=True)
    data["val_accuracy"][1:3] = 50.0 + np.random.default_rng(0).random(data["val_accuracy"][1:3].shape)
    other = Table(data)
    new = CHAINS.sample(20, np.random.default_rng(5))
    quick = {**QUICK, "epochs": 3}
    for target in ("hard", "hard-too"):
        ours, theirs = (TAP(CHAINS, **quick).fit_table(known, target).predict(new) for known in (table, other))
        np.testing.assert_array_equal(ours, theirs)
    ours, theirs = (TAP(CHAINS, **quick).fit_table(known, "middle").predict(new) for known in (table, other))
    assert (ours != theirs).any()


def test_experiments_are_above_chance_with_the_tasks_own_costs(table):
    experiments = experiments_of(table, ["easy", "hard-too"])
    assert len(experiments) == 21 + 24
    first = CHAINS.layers(table.genotypes[:1], (3, 16, 16), 10, 8).features()
    np.testing.assert_array_equal(experiments.features[0], first[0])
    raw = table.data["val_accuracy"].values[2, 0, 0, 0]
    assert experiments.accuracies[21, 0] == pytest.approx(100 * (raw - 5) / 95)
    assert images_of(table, "hard-too") == Images((3, 16, 16), 20, 8, 1)
    assert Images.of(images_of(table, "easy").numbers()) == images_of(table, "easy")


def test_filters_by_dcn(table):
    experiments = experiments_of(table, TASKS)
    by_task = lambda weights: [float(weights[experiments.task == t][0]) for t in range(4)]  # noqa: E731
    assert by_task(far_weights(experiments, 0.62, "none", 0.05)) == [1, 1, 1, 1]
    assert by_task(far_weights(experiments, 0.32, "hard", 0.05)) == [0, 1, 1, 0]
    assert by_task(far_weights(experiments, 0.58, "hard", 0.05)) == [0, 0, 1, 1]  # one is near, two are kept
    assert by_task(far_weights(experiments, 0.0, "hard", 0.5)) == [0, 1, 1, 0]
    soft = by_task(far_weights(experiments, 0.7, "soft", 0.1))
    assert soft[3] == 1
    assert soft[0] == pytest.approx(np.exp(-(0.2**2 - 0.1**2) / 0.02))
    assert by_task(far_weights(experiments, 9.0, "soft", 0.05))[0] == 1  # far from all: the nearest still counts


def test_what_was_not_measured_has_no_say():
    rng = np.random.default_rng(0)
    predicted = torch.from_numpy(rng.standard_normal((2, 3, 4)).astype(np.float32)).requires_grad_(True)
    truth, mask = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)
    mask[:, 1, 2:] = 0
    mask[:, 2, 0] = 2.0
    task, last = torch.tensor([[0, 0, 1]] * 2), torch.tensor([[3, 1, 3]] * 2)
    loss = tap_loss(predicted, truth, mask, task, last, 0.0)
    loss.backward()
    values, weights = predicted.detach(), mask
    expected = sum((values[m] ** 2 * weights[m]).sum() / weights[m].sum() for m in range(2))
    assert loss.item() == pytest.approx(float(expected), rel=1e-5)
    assert predicted.grad is not None
    assert (predicted.grad[:, 1, 2:] == 0).all()


def test_the_ranking_loss_compares_chains_of_one_task_alone():
    truth = torch.zeros(1, 3, 2)
    truth[0, :, 1] = torch.tensor([2.0, 1.0, 0.0])
    task, last, mask = torch.tensor([[0, 0, 1]]), torch.tensor([[1, 1, 1]]), torch.ones(1, 3, 2)
    losses = {}
    for order in ((2.0, 1.0, 0.0), (1.0, 2.0, 0.0), (2.0, 1.0, 5.0)):
        predicted = torch.zeros(1, 3, 2)
        predicted[0, :, 1] = torch.tensor(order)
        plain = tap_loss(predicted, truth, mask, task, last, 0.0)
        losses[order] = float(tap_loss(predicted, truth, mask, task, last, 1.0) - plain)
    assert losses[2.0, 1.0, 0.0] == pytest.approx(np.log1p(np.exp(-1.0)), rel=1e-5)
    assert losses[1.0, 2.0, 0.0] == pytest.approx(np.log1p(np.exp(1.0)), rel=1e-5)
    assert losses[2.0, 1.0, 5.0] == pytest.approx(losses[2.0, 1.0, 0.0], rel=1e-5)


def test_the_dcn_enters_at_the_second_lstm_alone():
    network = TAPNetwork(np.random.default_rng(0), 2, 5, 4, 3)
    assert network.first.input.shape == (2, 5, 16)
    assert network.second.input.shape == (2, 5, 12)  # four outputs of the first, and the DCN
    layers = torch.rand(2, 6, 8, 5)
    with torch.no_grad():
        low, high = (network(layers, torch.full((2, 6), dcn)) for dcn in (0.1, 0.9))
    assert low.shape == (2, 6, 8)
    assert (low != high).all()


def test_it_is_saved_with_its_target(model, table, tmp_path):
    model.save(tmp_path / "m.npz")
    loaded, _ = load_predictor(tmp_path / "m.npz")
    assert isinstance(loaded, TAP)
    np.testing.assert_allclose(loaded.predict_prefixes(table.genotypes), model.predict_prefixes(table.genotypes), rtol=1e-6)


def test_what_tap_cannot_learn_from_is_refused(table):
    with pytest.raises(WarmnasError, match="has no dcn"):
        TAP(CHAINS).fit_table(chain_table(with_dcn=False), "easy")
    with pytest.raises(UnknownName):
        TAP(CHAINS).fit_table(table, "mnist")
    with pytest.raises(WarmnasError, match="layer by layer"):
        experiments_of(open_benchmark("nasbench201"), ["cifar100"])
    with pytest.raises(WarmnasError, match="DCN of the target is nan"):
        TAP(CHAINS).fit_experiments(*_with_dcn(table, np.nan))
    with pytest.raises(WarmnasError, match="prefilter 'fuzzy'"):
        TAP(CHAINS, prefilter="fuzzy").fit_table(table, "easy")  # type: ignore[arg-type]
    with pytest.raises(WarmnasError, match="no task to learn from"):
        experiments_of(table, [])
