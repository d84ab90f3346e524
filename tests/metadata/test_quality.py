"""What a table is worth, against tables of which it is known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from warmnas.bench import Table, open_benchmark, space
from warmnas.bench.table import json_by_task
from warmnas.metadata import quality as q

CELLS = space("nasbench201")


def made(levels, noise, seeds=3, epochs=4, rng=None):
    """Tasks with given expected accuracies per architecture, (task, architecture), and a given noise."""
    rng = rng or np.random.default_rng(0)
    tasks, architectures = levels.shape
    values = levels[:, :, None, None] + noise * rng.standard_normal((tasks, architectures, seeds, epochs))
    genotypes = CELLS.canonical(CELLS.all_genotypes())
    genotypes = genotypes[np.sort(np.unique(CELLS.index(genotypes), return_index=True)[1])][:architectures]
    names = [f"t{i}" for i in range(tasks)]
    metric = {"name": "accuracy", "unit": "percent", "direction": "maximize", "bounds": [0, 100]}
    return Table(
        xr.Dataset(
            {"val_accuracy": (("task", "architecture", "seed", "epoch"), values)},
            {
                "task": names,
                "seed": np.arange(seeds),
                "epoch": np.arange(1, epochs + 1),
                "name": ("architecture", [CELLS.to_string(g) for g in genotypes]),
                "genotype": (("architecture", "gene"), genotypes),
            },
            {
                "name": "made",
                "space": "nasbench201",
                "source": "made up",
                "licence": "CC0-1.0",
                "splits": json_by_task({name: {"val": "v"} for name in names}),
                "metrics": json_by_task(dict.fromkeys(names, metric)),
            },
        )
    )


def test_noise_and_spread_are_what_was_put_in():
    rng = np.random.default_rng(1)
    levels = 50 + 4 * rng.standard_normal((1, 2_000))
    (task,) = q.quality(made(levels, 2.0, rng=rng))
    assert task.noise == pytest.approx(2.0, rel=0.05)
    assert task.spread == pytest.approx(np.sqrt(16 + 4 / 3), rel=0.05)
    assert task.seeds == pytest.approx(16 / (16 + 4), abs=0.04)  # Pearson's; Spearman's is a little lower
    assert not task.verdict


def test_the_ceiling_is_what_a_perfect_predictor_reaches():
    rng = np.random.default_rng(2)
    levels = 50 + 3 * rng.standard_normal((1, 3_000))
    table = made(levels, 3.0, rng=rng)
    (task,) = q.quality(table)
    reached = q.spearman(levels[0], table.seed_values("t0")[:, 0])
    assert task.ceiling == pytest.approx(reached, abs=0.03)


def test_verdicts():
    steps = np.linspace(-1, 1, 60)
    saturated, noise, both = q.quality(made(np.stack([98 + 0.5 * steps, 50 + 20 * steps, 98 + 0 * steps]), 0.1))[:3]
    assert saturated.verdict == "saturated"
    assert noise.verdict == ""
    assert both.verdict == "saturated and noise"
    (loud,) = q.quality(made(50 + steps[None], 20.0))
    assert loud.verdict == "noise"
    (few,) = q.quality(made(np.full((1, 19), 98.0), 0.1))
    assert few.verdict == "too few"


def test_what_was_not_repeated_has_no_noise():
    (task,) = q.quality(made(np.linspace(40, 60, 30)[None], 1.0, seeds=1))
    assert np.isnan(task.noise)
    assert np.isnan(task.seeds)
    assert task.repeated == 0
    assert task.verdict == ""


values = st.lists(st.sampled_from([0.0, 1.0, 2.5, 2.5, 7.0, float("nan")]), min_size=3, max_size=12)


@given(values, st.randoms(use_true_random=False))
def test_spearman_against_scipy(a, random):
    b = random.sample(a, len(a))
    both = ~np.isnan(np.array(a) + np.array(b))
    x, y = np.array(a)[both], np.array(b)[both]
    ours = q.spearman(np.array(a), np.array(b))
    if len(x) < 3 or len(set(x)) < 2 or len(set(y)) < 2:
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(spearmanr(x, y)[0], abs=1e-12)


def test_between_tasks_and_with_a_table_of_another_recipe():
    real = open_benchmark("nasbench201")
    table = made(np.stack([np.linspace(10, 60, 400), np.linspace(60, 10, 400)]), 0.0)
    order = q.between_tasks(table)
    assert order == pytest.approx(np.array([[1.0, -1.0], [-1.0, 1.0]]))
    rows = [real.row(name) for name in table.names]
    expected = spearmanr(np.linspace(10, 60, 400), real.values("cifar100")[rows])[0]
    found, architectures = q.with_another(table, real, "t0", "cifar100")
    assert found == pytest.approx(expected)
    assert architectures == 400


def test_by_epoch_ends_at_one():
    rng = np.random.default_rng(3)
    table = made(50 + rng.standard_normal((1, 200)), 1.0, rng=rng)
    found = q.by_epoch(table, "t0")
    assert found[-1] == pytest.approx(1.0)
    assert (found[:-1] < 0.8).all()
