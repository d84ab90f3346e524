"""Rankings against truths: references of the statistics, tables, published files."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from warmnas.bench import Table, UnknownName, WarmnasError, open_benchmark, space
from warmnas.metadata.training import Recipe
from warmnas.search.oneshot import Settings
from warmnas.search.oneshot.published import published_ranking
from warmnas.search.oneshot.truth import Truth, truth_of
from warmnas.search.oneshot.validation import agreement, chance, validate

CELLS = space("nasbench201")


@pytest.fixture(scope="module")
def few() -> Table:
    """30 cells of NAS-Bench-201."""
    whole = open_benchmark("nasbench201")
    rows = np.sort(np.random.default_rng(5).choice(15_625, 30, replace=False))
    data = whole.data.isel(architecture=rows)
    data.attrs.pop("hash", None)
    return Table(data)


def test_agreement_is_that_of_scipy():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=60)
    scores = truth + rng.normal(size=60)
    found = agreement("x", scores, truth, rng.normal(size=60))
    assert found["spearman"] == pytest.approx(spearmanr(scores, truth).statistic)
    assert found["tau"] == pytest.approx(kendalltau(scores, truth).statistic)
    assert found["interval"][0] < found["spearman"] < found["interval"][1]
    assert found["tau_interval"][0] < found["tau"] < found["tau_interval"][1]
    top = truth >= np.sort(truth)[30]
    assert found["tops"]["top_half"] == pytest.approx(spearmanr(scores[top], truth[top]).statistic)
    assert found["regret"] == pytest.approx(truth.max() - truth[scores.argmax()])
    assert found["regret_of_ten"] <= found["regret"]


def test_chance_is_the_mean_over_all_draws():
    truth = np.array([1.0, 4.0, 2.0, 8.0, 5.0])
    for n in (1, 2, 3, 5):
        wanted = np.mean([8 - max(draw) for draw in combinations(truth, n)])
        assert chance(truth, n)["regret"] == pytest.approx(wanted)


def test_a_supernet_against_a_table(run, tiny, few):
    truth = Truth(few, "cifar100", tiny, None, None)
    found: dict[str, Any] = {}

    def after(search, genotype):
        found.update(validate(search, genotype, truth))

    result = run("rsps", epochs=1, after=after)
    genotypes, values = truth.sample(np.random.default_rng(3))
    assert found["classes"] == len(values) == len(np.unique(CELLS.class_keys(few.genotypes)))
    by_hand = spearmanr([result.search.path_accuracy(g) for g in genotypes], values).statistic
    assert found["spearman"] == pytest.approx(by_hand, nan_ok=True)
    names = [row["name"] for row in found["rows"]]
    assert names[:4] == ["supernet", "live-params", "source-ranking", "random"]
    assert found["rivals"]["source-ranking"]["spearman"] > 0.5  # the three image sets agree
    assert found["rivals"]["random"]["regret"] == pytest.approx(values.max() - values.mean())
    known = few.rows(result.genotype[None])[0] >= 0
    assert (found["rank"] is None) != known


def test_a_cell_that_a_table_lacks_is_trained_with_its_recipe(tiny, few):
    recipe = Recipe(epochs=1, batch=16, width=2, cells=1, resolution=8)
    truth = Truth(few, "cifar100", tiny, recipe, None)
    missing = next(g for g in CELLS.all_genotypes()[3000:] if few.rows(g[None])[0] < 0)
    assert 0 <= (truth.value(missing) or 0.0) <= 100
    assert truth.value(few.genotypes[4]) == pytest.approx(few.values("cifar100")[4])
    assert Truth(few, "cifar100", tiny, None, None).value(missing) is None


def test_bad_truths(few, tmp_path):
    path = str(tmp_path / "few.h5")
    few.save(path)
    settings = Settings(1)
    with pytest.raises(UnknownName, match="task of nasbench201 to validate on 'digits'"):
        truth_of(path, "digits", CELLS, settings, 8)
    with pytest.raises(WarmnasError, match="it is of nasbench201, and the search is in darts"):
        truth_of(path, "cifar100", space("darts"), settings, 8)
    truth, same = truth_of(path, "digits", CELLS, settings, 8, "cifar100")
    assert (truth.recipe, truth.same_images, same) == (None, None, settings)
    assert truth.task.shape == (8, 8, 1)


def test_a_recipe_sets_the_size(few, tmp_path):
    data = few.data.isel(task=[1]).assign_coords(task=["digits"])
    recipe = {"augment": True, "batch": 128, "cells": 1, "epochs": 2, "resolution": 8, "width": 4}
    only = {"digits": next(iter(json.loads(few.data.attrs["splits"]).values()))}
    data.attrs |= {
        "recipe": json.dumps(recipe),
        "sizes": json.dumps({"digits": {"train": 100}}),
        "splits": json.dumps(only),
        "metrics": json.dumps({"digits": next(iter(json.loads(few.data.attrs["metrics"]).values()))}),
    }
    path = str(tmp_path / "own.h5")
    Table(data).save(path)
    truth, settings = truth_of(path, "digits", CELLS, Settings(1, width=16, cells=5), 32)
    assert (settings.width, settings.cells, len(truth.task.train), truth.task.shape) == (4, 1, 100, (8, 8, 1))
    assert truth.same_images is False


def test_published_scores(tmp_path):
    cells = CELLS.sample(80, np.random.default_rng(0))
    table = open_benchmark("nasbench201")
    values = table.values("cifar100")[table.rows(cells)]
    lines = [f"{CELLS.to_string(c)},{v},{-v}" for c, v in zip(cells, values, strict=True)]
    path = tmp_path / "scores.csv"
    path.write_text("arch_str,up,down\n" + "\n".join(lines))
    up = published_ranking(path, "up", task="cifar100")
    assert up["spearman_of_cells"] == pytest.approx(1.0)
    assert up["regret"] == 0.0
    assert up["classes"] == len(np.unique(CELLS.class_keys(cells)))
    assert published_ranking(path, "down", task="cifar100")["spearman"] == pytest.approx(-1.0)
    assert published_ranking(path, "down", truth="up")["tau"] == pytest.approx(-1.0, abs=0.05)
    with pytest.raises(WarmnasError, match="no column 'sideways'; it has arch_str, up, down"):
        published_ranking(path, "sideways")
